/** Directives about TLS, seen by handshakes; those about this server's own links on a replica. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Authority, contentOf, type Pair } from '../../tls/certificates.js';
import type { Effects, World } from './effect.js';

const BOUND_MS = 30_000;
const ECDSA_128 = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const ECDSA_256 = 'ECDHE-ECDSA-AES256-GCM-SHA384';

export interface TlsFiles {
  readonly authority: Authority;
  readonly stranger: Authority;
  readonly own: Pair;
  readonly fresh: Pair;
  readonly foreign: Pair;
  /** `own`, with its key behind the password `secret`. */
  readonly locked: Pair;
  /** Folders with the certificate of one authority each. */
  readonly folders: readonly [own: string, stranger: string];
}

export function makeTlsFiles(): TlsFiles {
  const [authority, stranger] = [new Authority('authority'), new Authority('stranger')];
  const own = authority.sign('own');
  const key = `${own.key}.locked`;
  const args = ['ec', '-aes256', '-passout', 'pass:secret', '-in', own.key, '-out', key];
  execFileSync('openssl', args, { stdio: 'pipe' });
  const folders = [authority, stranger].map(({ folder, file }) => {
    const path = join(folder, 'trusted');
    mkdirSync(path);
    copyFileSync(file, join(path, 'ca.crt'));
    return path;
  }) as [string, string];
  const [fresh, foreign] = [authority.sign('fresh'), stranger.sign('foreign')];
  return { authority, stranger, own, fresh, foreign, locked: { cert: own.cert, key }, folders };
}

export function tlsEffects(files: TlsFiles, port: number, otherPort: number): Effects {
  const { authority, stranger, own, fresh, foreign, locked, folders } = files;
  const { cert, key } = contentOf(own);
  const base = {
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: readFileSync(authority.file),
  };
  /** What a client sees that comes in, or 'refused'. */
  const shown =
    (options: ConnectionOptions, look: (socket: TLSSocket) => string = () => 'PONG') =>
    () =>
      handshake({ ...base, ...options }, look);
  const mine = { cert, key };
  const cipher = (socket: TLSSocket) => socket.getCipher().name;
  const older = ['tls-protocols', 'TLSv1.2'];
  const both = `${ECDSA_256}:${ECDSA_128}`;
  return {
    'tls-port': {
      ...{ set: [String(port), String(otherPort)], seen: ['refused', 'PONG'] },
      see: shown({ ...mine, port: otherPort }),
    },
    'tls-auth-clients': { set: ['yes', 'no'], seen: ['refused', 'PONG'], see: shown({}) },
    'tls-ca-cert-file': {
      ...{ set: [authority.file, stranger.file], seen: ['refused', 'PONG'] },
      see: shown(contentOf(foreign)),
    },
    'tls-ca-cert-dir': {
      set: [
        ['tls-ca-cert-dir', folders[0], 'tls-ca-cert-file', ''],
        ['tls-ca-cert-dir', folders[1], 'tls-ca-cert-file', ''],
      ],
      ...{ seen: ['refused', 'PONG'], see: shown(contentOf(foreign)) },
    },
    ...ownCertificate(
      own,
      fresh,
      shown(mine, (socket) => String(socket.getPeerCertificate().subject.CN)),
    ),
    'tls-key-file-pass': {
      set: [
        ['tls-key-file-pass', 'secret', 'tls-key-file', locked.key],
        ['tls-key-file-pass', '', 'tls-key-file', own.key],
      ],
      ...{ seen: ['PONG', 'PONG'], see: shown(mine) },
    },
    'tls-ciphers': {
      with: older,
      ...{ set: [ECDSA_128, ECDSA_256], seen: [ECDSA_128, ECDSA_256], see: shown(mine, cipher) },
    },
    'tls-ciphersuites': {
      set: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'],
      seen: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'],
      see: shown(mine, cipher),
    },
    'tls-prefer-server-ciphers': {
      with: [...older, 'tls-ciphers', both],
      ...{ set: ['no', 'yes'], seen: [ECDSA_128, ECDSA_256] },
      see: shown({ ...mine, ciphers: `${ECDSA_128}:${ECDSA_256}` }, cipher),
    },
    'tls-protocols': {
      ...{ set: ['TLSv1.2', 'TLSv1.3'], seen: ['TLSv1.2', 'TLSv1.3'] },
      see: shown(mine, (socket) => String(socket.getProtocol())),
    },
    'tls-session-caching': {
      ...{ with: older, set: ['yes', 'no'], seen: ['true', 'false'] },
      see: async () => String(/session ticket:/i.test(sClient(port, own, authority.file))),
    },
    'tls-session-cache-timeout': {
      ...{ with: older, set: ['300', '77'], seen: ['300', '77'] },
      see: async () =>
        /lifetime hint: (\d+)/.exec(sClient(port, own, authority.file))?.[1] ?? 'none',
    },
  };
}

/** What goes together is set at once, and is seen by its name. */
function ownCertificate(own: Pair, fresh: Pair, see: () => Promise<string>): Effects {
  const words = (pair: Pair) => ['tls-cert-file', pair.cert, 'tls-key-file', pair.key];
  const effect = { set: [words(own), words(fresh)], seen: ['own', 'fresh'], see } as const;
  return { 'tls-cert-file': effect, 'tls-key-file': effect };
}

/** Set on a replica; its primary listens with TLS alone, and wants certificates. */
export function tlsLinkEffects({ own, foreign, locked }: TlsFiles, primaryTls: number): Effects {
  let last = '';
  const see = async ({ server, old }: World, value: string): Promise<string> => {
    if (value !== last) {
      last = value;
      await old.text('REPLICAOF', 'NO', 'ONE');
      await old.text('REPLICAOF', '127.0.0.1', String(primaryTls));
    }
    return String(await server.info('master_link_status'));
  };
  const words = (pair: Pair, pass: string) => [
    ...['tls-client-cert-file', pair.cert, 'tls-client-key-file', pair.key],
    ...['tls-client-key-file-pass', pass],
  ];
  const yes = ['tls-replication', 'yes'];
  const client = { with: yes, seen: ['down', 'up'], see } as const;
  return {
    'tls-replication': { set: ['no', 'yes'], seen: ['down', 'up'], see },
    'tls-client-cert-file': { ...client, set: [words(foreign, ''), words(own, '')] },
    'tls-client-key-file': { ...client, set: [words(foreign, ''), words(own, '')] },
    'tls-client-key-file-pass': { ...client, set: [words(foreign, ''), words(locked, 'secret')] },
  };
}

function handshake(options: ConnectionOptions, look: (socket: TLSSocket) => string) {
  return new Promise<string>((resolve) => {
    const socket = connect(options);
    const end = (text: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => end('no answer'), BOUND_MS);
    socket.on('error', () => end('refused'));
    socket.on('close', () => end('refused'));
    // In TLS 1.3 a client alone cannot tell whether it was let in.
    socket.once('data', () => end(look(socket)));
    socket.write('PING\r\n');
  });
}

function sClient(port: number, { cert, key }: Pair, authority: string): string {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', '-CAfile', authority];
  const more = ['-cert', cert, '-key', key];
  return spawnSync('openssl', [...args, ...more], {
    input: '',
    timeout: BOUND_MS,
  }).stdout.toString();
}
