/**
 * The tls-* directives as options of node:tls: files are read, and what is missing or wrong is told in
 * Redis's words. Options are plain data, so that one thread reads them and another uses them.
 */
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { systemErrorText } from '../../base/system-error.js';
import type { TlsEndOptions } from '../../platform/peer-socket.js';
import { fromBinaryString } from './words.js';

/** Gives a directive as CONFIG GET shows it. */
type Value = (name: string) => string;

/** What an error in the directives says, for the log. */
export class TlsConfigError extends Error {}

/** Why a server without usable certificates does not start: Redis leaves the reason to the log. */
export function notConfiguredText(reason: string): string {
  return `Failed to configure TLS: ${reason}`;
}

export interface TlsServerOptions extends TlsEndOptions {
  readonly dhparam?: string;
  readonly honorCipherOrder: boolean;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  /** Seconds. */
  readonly sessionTimeout: number;
}

/** The bit of OpenSSL that forbids renegotiation: a client could have a server compute for nothing. */
const NO_RENEGOTIATION = 0x40000000;
const NO_TICKET = 0x4000;

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  tlsv1: 'TLSv1',
  'tlsv1.1': 'TLSv1.1',
  'tlsv1.2': 'TLSv1.2',
  'tlsv1.3': 'TLSv1.3',
};
const IN_ORDER: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
/** SSL_OP_NO_TLSv1 and so on, for a gap between the lowest and the highest. */
const WITHOUT: readonly number[] = [0x04000000, 0x10000000, 0x08000000, 0x20000000];
/** Node.js's, as `ciphers` names those of all versions together. */
const SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
const OLDER_CIPHERS = 'DEFAULT:!MEDIUM';

/** Whether this server needs a certificate. */
export function usesTls(value: Value): boolean {
  return value('tls-port') !== '0' || value('tls-replication') === 'yes';
}

/** @throws TlsConfigError with what is wrong */
export function readServerOptions(value: Value): TlsServerOptions {
  const end = readEnd(value, 'tls-cert-file', 'tls-key-file', 'tls-key-file-pass');
  const dhFile = value('tls-dh-params-file');
  const clients = value('tls-auth-clients');
  const noTickets = value('tls-session-caching') === 'no' ? NO_TICKET : 0;
  return {
    ...end,
    secureOptions: end.secureOptions | noTickets,
    dhparam: dhFile === '' ? 'auto' : readText(dhFile, 'Diffie-Hellman parameters'),
    honorCipherOrder: value('tls-prefer-server-ciphers') === 'yes',
    requestCert: clients !== 'no',
    rejectUnauthorized: clients === 'yes',
    sessionTimeout: Number(value('tls-session-cache-timeout')),
  };
}

/**
 * What this server shows as a client of others; null when it connects without TLS.
 * @throws TlsConfigError with what is wrong
 */
export function readClientOptions(value: Value): TlsEndOptions | null {
  if (value('tls-replication') !== 'yes') return null;
  if (value('tls-client-cert-file') === '') {
    return readEnd(value, 'tls-cert-file', 'tls-key-file', 'tls-key-file-pass');
  }
  return readEnd(value, 'tls-client-cert-file', 'tls-client-key-file', 'tls-client-key-file-pass');
}

function readEnd(value: Value, cert: string, key: string, pass: string): TlsEndOptions {
  if (value(cert) === '') throw new TlsConfigError(`No ${cert} configured!`);
  if (value(key) === '') throw new TlsConfigError(`No ${key} configured!`);
  const authorities = readAuthorities(value);
  const needsAuthorities = value('tls-auth-clients') !== 'no' || value('tls-replication') === 'yes';
  if (authorities === null && needsAuthorities) {
    throw new TlsConfigError(
      'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, ' +
        'tls-replication or tls-auth-clients are enabled!',
    );
  }
  return {
    cert: readText(value(cert), 'certificate'),
    key: readText(value(key), 'private key'),
    ...(value(pass) === '' ? {} : { passphrase: value(pass) }),
    ...(authorities === null ? {} : { ca: authorities }),
    ...readCiphers(value),
    ...readVersions(value('tls-protocols')),
  };
}

function readText(file: string, what: string): string {
  const path = fromBinaryString(file);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TlsConfigError(`Failed to load ${what}: ${path}: ${systemErrorText(error)}`);
  }
}

/** Null without any. In a folder every file with certificates counts, whatever its name. */
function readAuthorities(value: Value): readonly string[] | null {
  const file = value('tls-ca-cert-file');
  const folder = value('tls-ca-cert-dir');
  const found: string[] = [];
  if (file !== '') found.push(readText(file, 'CA certificate'));
  if (folder !== '') found.push(...readFolder(folder));
  if (file === '' && folder === '') return null;
  if (found.length > 0) return found;
  throw new TlsConfigError(`No CA certificate in ${fromBinaryString(folder)}`);
}

function readFolder(folder: string): string[] {
  const path = fromBinaryString(folder);
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map(({ name }) => readFileSync(join(path, name), 'utf8'))
      .filter((text) => text.includes('-----BEGIN CERTIFICATE-----'));
  } catch (error) {
    throw new TlsConfigError(`Failed to load CA certificates: ${path}: ${systemErrorText(error)}`);
  }
}

function readCiphers(value: Value): { readonly ciphers?: string } {
  const older = value('tls-ciphers');
  const suites = value('tls-ciphersuites');
  if (older === '' && suites === '') return {};
  return { ciphers: `${suites || SUITES}:${older || OLDER_CIPHERS}` };
}

function readVersions(text: string) {
  const words = (text || 'TLSv1.2 TLSv1.3').split(' ').filter((word) => word !== '');
  const places = words.map((word) => {
    const version = VERSIONS[word.toLowerCase()];
    if (version === undefined) throw new TlsConfigError('Invalid tls-protocols specified.');
    return IN_ORDER.indexOf(version);
  });
  const lowest = Math.min(...places);
  const highest = Math.max(...places);
  let secureOptions = NO_RENEGOTIATION;
  for (let i = lowest; i <= highest; i++) if (!places.includes(i)) secureOptions |= WITHOUT[i]!;
  return { minVersion: IN_ORDER[lowest]!, maxVersion: IN_ORDER[highest]!, secureOptions };
}

/**
 * Keys of session tickets: the same on all threads, so that a session goes on on any of them, and new
 * ones whenever certificates or rules change: who was let in by former ones shows a certificate again.
 *
 * @param secret of this process
 * @returns the 48 bytes that node:tls takes
 */
export function ticketKeys(options: TlsServerOptions, secret: Uint8Array): Buffer {
  return createHmac('sha512', secret).update(JSON.stringify(options)).digest().subarray(0, 48);
}
