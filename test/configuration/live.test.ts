/**
 * Each directive that CONFIG SET changes takes effect on the running server, also for who was connected
 * before. What can be set is what the declarations say: a new directive needs a line here.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DIRECTIVES } from '../../src/server/config/directives.js';
import { claimPort, releasePort } from '../support/ports.js';
import {
  darterMissing,
  programMissing,
  rootDirectory,
  type Server,
  startDarter,
  testsDarter,
} from '../support/server.js';
import { until } from '../support/until.js';
import { CLIENTS, preparePorts } from './live/clients.js';
import { check, type Effects, type World } from './live/effect.js';
import { FILES } from './live/files.js';
import { OBSERVATION } from './live/observation.js';
import { ON_ORPHAN, ON_PRIMARY, ON_REPLICA } from './live/roles.js';
import { makeTlsFiles, type TlsFiles, tlsEffects, tlsLinkEffects } from './live/tls.js';
import { VALUES } from './live/values.js';

const skip = darterMissing() || (testsDarter ? false : 'for Darter alone');

/** Where another test sets it on a running server: the file has its name. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'oom-score-adj': 'configuration/oom-score.test.ts',
  'oom-score-adj-values': 'configuration/oom-score.test.ts',
  placement: 'placement/placement.test.ts',
};

/** Looked at when the server starts, as in Redis, or as the log says. */
const NEXT_START = ['aof-load-truncated', 'repl-backlog-size'];

/** Their effect is a pace or a choice that no reply tells. */
const UNSEEN: Readonly<Record<string, string>> = {
  'maxmemory-samples': 'how good the choice of keys is',
  'maxmemory-eviction-tenacity': 'how long a command evicts',
  'rdb-save-incremental-fsync': 'when parts of a file are synced',
  'aof-rewrite-incremental-fsync': 'when parts of a file are synced',
  'no-appendfsync-on-rewrite': 'when parts of a file are synced',
  'repl-backpressure-policy': 'whether a write waits when a replica is nearly overrun',
  'repl-backpressure-max-delay': 'how long it waits',
  'tls-dh-params-file': 'of ciphers that need a certificate of the kind RSA',
  'protected-mode': 'needs a client of another machine',
};

/** Only some values are taken, and they change nothing. */
const REFUSED = ['aof-timestamp-enabled'];

const AT_THE_END = ['shutdown-on-sigterm', 'shutdown-on-sigint'];

const TLS_NAMES = [
  ...['tls-port', 'tls-auth-clients', 'tls-ca-cert-file', 'tls-ca-cert-dir', 'tls-cert-file'],
  ...['tls-key-file', 'tls-key-file-pass', 'tls-ciphers', 'tls-ciphersuites', 'tls-protocols'],
  ...['tls-prefer-server-ciphers', 'tls-session-caching', 'tls-session-cache-timeout'],
];
const TLS_LINK_NAMES = [
  ...['tls-replication', 'tls-client-cert-file', 'tls-client-key-file'],
  'tls-client-key-file-pass',
];

function settable(): string[] {
  return Object.entries(DIRECTIVES)
    .filter(([, { change, isIgnored }]) => change !== 'at start' && isIgnored !== true)
    .map(([name]) => name);
}

async function worldOf(server: Server, other = server): Promise<World> {
  const [old, admin, otherAdmin] = [
    await server.client(),
    await server.client(),
    await other.client(),
  ];
  return { server, other, old, admin, otherAdmin };
}

function all(table: () => Effects, names: readonly string[], world: () => World): void {
  for (const name of names) it(name, () => check(world(), name, table()[name]!));
}

const ARGUMENTS = ['--enable-debug-command', 'yes', '--enable-protected-configs', 'yes'];

describe('CONFIG SET takes effect', { skip, concurrency: 2 }, () => {
  it('has an entry for each directive that can be set', () => {
    const listed = [
      ...[CLIENTS, VALUES, OBSERVATION, FILES, ON_PRIMARY, ON_REPLICA, ON_ORPHAN].flatMap(
        Object.keys,
      ),
      ...[...TLS_NAMES, ...TLS_LINK_NAMES, ...NEXT_START, ...REFUSED, ...AT_THE_END],
      ...[...Object.keys(ELSEWHERE), ...Object.keys(UNSEEN)],
    ];
    assert.deepEqual(listed.sort(), settable().sort());
    for (const [name, file] of Object.entries(ELSEWHERE)) {
      const text = readFileSync(join(rootDirectory, 'test', file), 'latin1');
      assert.ok(text.includes(`'${name}'`), `${file} does not set ${name}`);
    }
  });

  it('has no effect where docs/limits.md says so, and nowhere else', () => {
    const ignored = Object.entries(DIRECTIVES)
      .filter(([, { isIgnored, isHidden }]) => isIgnored === true && isHidden !== true)
      .map(([name]) => name);
    const text = readFileSync(join(rootDirectory, 'docs/limits.md'), 'utf8');
    const section = text.split('## Directives without effect')[1]!.split('\n## ')[0]!;
    const told = [...section.matchAll(/`([a-z_-]+)`[,.]/g)].map(([, name]) => name!);
    assert.deepEqual(told.sort(), ignored.sort());
  });

  describe('on a server', { concurrency: 1 }, () => {
    let world: World;
    let clients: Effects = CLIENTS;
    const table = () => ({ ...VALUES, ...OBSERVATION, ...clients });
    before(async () => {
      world = await worldOf(await startDarter({ args: ARGUMENTS }));
      clients = await preparePorts();
    });
    all(table, Object.keys({ ...VALUES, ...OBSERVATION, ...CLIENTS }), () => world);
    after(() => world?.server.stop());
  });

  describe('on files', { concurrency: 1 }, () => {
    let world: World;
    before(async () => {
      world = await worldOf(await startDarter({ args: ARGUMENTS }));
      mkdirSync(join(world.server.directory, 'elsewhere'));
    });
    all(
      () => FILES,
      Object.keys(FILES),
      () => world,
    );
    after(() => world?.server.stop());
  });

  describe('on primaries and replicas', { concurrency: 1 }, () => {
    let [primary, replica, orphan]: World[] = [];
    const servers: Server[] = [];
    before(async () => {
      for (let i = 0; i < 3; i++) servers.push(await startDarter({ args: ARGUMENTS, threads: 1 }));
      const [one, two, three] = servers;
      await two!.ask('REPLICAOF', '127.0.0.1', String(one!.port));
      await three!.ask('REPLICAOF', '127.0.0.1', '1');
      await until('it follows', async () => (await two!.info('master_link_status')) === 'up');
      primary = await worldOf(one!, two);
      replica = await worldOf(two!, one);
      orphan = await worldOf(three!);
    });
    all(
      () => ON_ORPHAN,
      Object.keys(ON_ORPHAN),
      () => orphan!,
    );
    all(
      () => ON_REPLICA,
      Object.keys(ON_REPLICA),
      () => replica!,
    );
    all(
      () => ON_PRIMARY,
      Object.keys(ON_PRIMARY),
      () => primary!,
    );
    after(() => Promise.all(servers.map((server) => server.stop())));
  });

  describe('on TLS', { skip: programMissing('openssl'), concurrency: 1 }, () => {
    let [world, link]: World[] = [];
    let [effects, linkEffects]: Effects[] = [{}, {}];
    let files: TlsFiles;
    const ports: number[] = [];
    before(async () => {
      files = makeTlsFiles();
      for (let i = 0; i < 2; i++) ports.push(await claimPort());
      const { own, authority } = files;
      const tls = ['--tls-cert-file', own.cert, '--tls-key-file', own.key];
      const args = [...ARGUMENTS, ...tls, '--tls-ca-cert-file', authority.file];
      const one = await startDarter({
        args: [...args, '--tls-port', String(ports[0])],
        threads: 1,
      });
      const two = await startDarter({ args, threads: 1 });
      world = await worldOf(one);
      link = await worldOf(two, one);
      effects = tlsEffects(files, ports[0]!, ports[1]!);
      linkEffects = tlsLinkEffects(files, ports[0]!);
    });
    all(
      () => effects!,
      TLS_NAMES,
      () => world!,
    );
    all(
      () => linkEffects!,
      TLS_LINK_NAMES,
      () => link!,
    );
    after(async () => {
      await Promise.all([world?.server.stop(), link?.server.stop()]);
      for (const port of ports) releasePort(port);
      files?.authority.remove();
      files?.stranger.remove();
    });
  });

  for (const [name, signal] of [
    ['shutdown-on-sigterm', 'SIGTERM'],
    ['shutdown-on-sigint', 'SIGINT'],
  ] as const) {
    it(name, async () => {
      await using server = await startDarter({ threads: 1 });
      await server.ask('CONFIG', 'SET', name, 'save');
      await server.ask('SET', 'key', 'value');
      server.child.kill(signal);
      assert.equal((await server.exit()).code, 0);
      assert.ok(existsSync(join(server.directory, 'dump.darter')));
    });
  }
});
