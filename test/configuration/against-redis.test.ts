/**
 * The configuration beside redis-server's: names, initial values, what CONFIG SET says to awkward
 * values, messages about bad lines and options, and rewritten files.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCommandLine } from '../../src/server/config/command-line.js';
import { Config } from '../../src/server/config/config.js';
import { allNames, findDirective } from '../../src/server/config/directives.js';
import type { RawClient } from '../support/client.js';
import { claimPort } from '../support/ports.js';
import { isList, textOf } from '../support/reply.js';
import {
  redisServerMissing,
  redisServerVersion,
  type Server,
  spawnServer,
  startRedis,
  untilReady,
} from '../support/server.js';

const missing = redisServerMissing();
const skip =
  missing || redisServerVersion() === '7.0.15'
    ? missing
    : `compares with redis-server 7.0.15, ${redisServerVersion()} is installed`;

function configured(argv: readonly string[], folder = tmpdir(), input = ''): Config {
  const request = readCommandLine(argv, { folder, readStandardInput: () => input });
  assert.equal(request.action, 'run', JSON.stringify(request));
  assert.ok(request.action === 'run');
  return Config.create(request.values, request.file);
}

const HIDDEN = [...allNames()].filter((name) => findDirective(name)?.directive.isHidden);

/** @param hidden those which the pattern does not find */
async function getAll(client: RawClient, hidden = HIDDEN): Promise<Map<string, string>> {
  const reply = await client.command('CONFIG', 'GET', '*', ...hidden);
  assert.ok(isList(reply));
  const words = reply.items.map(textOf);
  return new Map(words.flatMap((name, i) => (i % 2 === 0 ? [[name, words[i + 1]!]] : [])));
}

/** What the test itself gives redis-server, or what says where it runs. */
const DEPENDS_ON_THE_PROCESS = ['port', 'dir', 'save', 'logfile', 'pidfile'];

/** A default of our own: Redis's 1mb would hold a tenth of a second of what Darter writes. */
const OTHER_INITIALLY = ['repl-backlog-size'];

/** Setting these would cut the connection, or take what only a real server can give. */
const NOT_SET = [
  ...['bind', 'port', 'tls-port', 'requirepass', 'maxclients', 'maxmemory-clients'],
  ...['watchdog-period', 'activedefrag', 'replica-announced', 'tls-cluster', 'tls-replication'],
];

const AWKWARD_VALUES = [
  ...['zzz', '', '-1', '-0', '0', '1', '+1', '01', ' 1', '1 ', '1.5', '100', '101', '501', '65536'],
  ...['yes', 'NO', 'True', '1kb', '1KB', '2 kb', '5%', '101%', '-5%', '1tb', 'kb'],
  ...['2147483647', '2147483648', '-2147483649', '4294967296', '9223372036854775807'],
  ...['9223372036854775808', '18446744073709551616', '-9223372036854775808'],
  ...['99999999999999999999999', '1 2', '1 2 3', '60 5 1 2', '0 1', 'normal 0 1kb 5'],
  ...['replica 5 6', 'slave 1mb 1 x', 'master 1 1 1', 'default', 'save', 'nosave now'],
  ...['save nosave', 'Now Force', 'a/b', '50 99.5 100', '50 101', '{title} x', '{title', '{x}'],
  ...['local', 'notice', 'everysec', 'swapdb', 'optional', 'ip', 'noeviction'],
];

describe('configuration against redis-server', { skip }, () => {
  let redis: Server;
  let client: RawClient;
  before(async () => {
    redis = await startRedis();
    client = await redis.client();
  });
  after(async () => {
    await client?.close();
    await redis?.stop();
  });

  it("knows the same names, and Darter's own", async () => {
    const theirs = await getAll(client);
    const ours = [...allNames()].filter((name) => !findDirective(name)?.directive.isOwn);
    assert.deepEqual(ours.sort(), [...theirs.keys()].sort());
  });

  it('has the same ones that a pattern does not find', async () => {
    const theirs = await getAll(client, []);
    const ours = configured([])
      .get(['*'])
      .map(([name]) => name);
    const shown = ours.filter((name) => !findDirective(name)?.directive.isOwn);
    assert.deepEqual(shown.sort(), [...theirs.keys()].sort());
    assert.equal(HIDDEN.length, 5);
  });

  it('has the same initial values', async () => {
    const theirs = await getAll(client);
    const config = configured([]);
    const differences: string[] = [];
    for (const [name, value] of theirs) {
      if (
        [...DEPENDS_ON_THE_PROCESS, ...OTHER_INITIALLY].includes(name) ||
        config.value(name) === value
      )
        continue;
      differences.push(`${name}: '${config.value(name)}', Redis has '${value}'`);
    }
    assert.deepEqual(differences, []);
  });

  it('answers CONFIG SET with awkward values as Redis does', async () => {
    const config = configured(['--save', '']);
    const initial = await getAll(client);
    const differences: string[] = [];
    for (const name of allNames()) {
      const directive = findDirective(name)!.directive;
      if (NOT_SET.includes(name) || directive.isOwn === true) continue;
      for (const value of AWKWARD_VALUES) {
        const theirs = textOf(await client.command('CONFIG', 'SET', name, value));
        const ours = config.set([[name, value]]) ?? 'OK';
        const restored = await client.command('CONFIG', 'SET', name, initial.get(name)!);
        if (theirs === 'OK' && ours !== 'OK' && directive.refuse !== undefined) continue;
        if (theirs !== ours) differences.push(`${name} '${value}': ${ours} | Redis: ${theirs}`);
        if (theirs === 'OK') assert.equal(textOf(restored), 'OK', `${name} could not be restored`);
        config.set([[name, initial.get(name)!]]);
      }
    }
    assert.deepEqual(differences, []);
  });

  it('shows accepted values as Redis does', async () => {
    const config = configured(['--save', '']);
    const samples: [string, string][] = [
      ['maxmemory', '18446744073709551616'],
      ['maxmemory', '17179869184gb'],
      ['maxmemory', '1KB'],
      ['hz', '0'],
      ['hz', '1000'],
      ['save', '60 5 +1 2'],
      ['client-output-buffer-limit', 'normal 1 2 3 Replica 4kb 5mb 6'],
      ['shutdown-on-sigterm', 'NOW save'],
      ['shutdown-on-sigint', 'Default now'],
      ['latency-tracking-info-percentiles', '50.123456789 99.9999999 0.5e1 7'],
      ['latency-tracking-info-percentiles', ''],
      ['oom-score-adj-values', '5 +2 -7'],
      ['loglevel', 'NOTICE'],
      ['slave-priority', '7'],
      ['masterauth', 'a b'],
    ];
    for (const [name, value] of samples) {
      const initial = textAfterName(await client.command('CONFIG', 'GET', name));
      const theirs = textOf(await client.command('CONFIG', 'SET', name, value));
      assert.equal(config.set([[name, value]]) ?? 'OK', theirs, `${name} ${value}`);
      const shown = textAfterName(await client.command('CONFIG', 'GET', name.toUpperCase()));
      assert.equal(config.value(name), shown, `${name} ${value}`);
      await client.command('CONFIG', 'SET', name, initial);
    }
  });

  it('prefers the same error where several things are wrong', async () => {
    const config = configured([]);
    const commands = [
      ['databases', '4', 'nosuch', '5'],
      ['nosuch', '5', 'databases', '4'],
      ['timeout', '1', 'TIMEOUT', '2'],
      ['timeout', 'x', 'maxmemory', 'y'],
      ['timeout', 'x', 'databases', '4'],
      ['timeout', '1', 'timeout', '2', 'nosuch', '3'],
      ['dir', '/', 'databases', '4'],
      ['slave-priority', '5', 'replica-priority', '6'],
    ];
    for (const words of commands) {
      const pairs = words.flatMap((name, i): [string, string][] =>
        i % 2 === 0 ? [[name, words[i + 1]!]] : [],
      );
      const theirs = textOf(await client.command('CONFIG', 'SET', ...words));
      assert.equal(config.set(pairs) ?? 'OK', theirs, words.join(' '));
    }
    const shown = textAfterName(await client.command('CONFIG', 'GET', 'slave-priority'));
    assert.equal(config.value('slave-priority'), shown);
  });
});

function textAfterName(reply: Parameters<typeof textOf>[0]): string {
  assert.ok(isList(reply));
  return textOf(reply.items[1]!);
}

/** Redis's message on standard error, or '' when it takes the configuration. */
function messageOfRedis(argv: readonly string[], input: string, folder: string): string {
  const result = spawnSync('redis-server', argv, { input, cwd: folder, timeout: 10_000 });
  assert.equal(result.status, 1, `redis-server accepts ${argv.join(' ')} ${input}`);
  return result.stderr.toString().replace('(Redis 7.0.15)', '(Darter)').trim();
}

function messageOfDarter(argv: readonly string[], input: string, folder: string): string {
  const request = readCommandLine(argv, { folder, readStandardInput: () => input });
  assert.equal(request.action, 'fail', `Darter accepts ${argv.join(' ')} ${input}`);
  assert.ok(request.action === 'fail');
  return request.text.replace(/\(Darter [\d.]+\)/, '(Darter)').trim();
}

const BAD_LINES = [
  'port abc\n',
  '\n# comment\n  port   70000  \n',
  'foo bar\n',
  'foo\n',
  'port\n',
  'PORT 1 2\n',
  'save "a\n',
  'save 900\n',
  'save 0 1\n',
  'save 900 1 x\n',
  'timeout 1\r\ntimeout x\r\n',
  'client-output-buffer-limit normal 1 2\n',
  'client-output-buffer-limit foo 1 2 3\n',
  'client-output-buffer-limit normal 1 x 3\n',
  'replicaof a\n',
  'slaveof a bb\n',
  'rename-command CONFIG\n',
  'loadmodule\n',
  'user\n',
  'include\n',
  'unixsocketperm 9\n',
  'unixsocketperm 7777\n',
  'daemonize maybe\n',
  'shutdown-on-sigint save nosave\n',
  'shutdown-on-sigint "save nosave"\n',
  'dir /nonexistent\n',
  'dbfilename a/b\n',
  'appenddirname a/b\n',
  'loglevel loud\n',
  'maxmemory 1zb\n',
  'tcp-backlog -1\n',
  'databases 0\n',
  'list-max-ziplist-entries 5 6\n',
  'requirepass "a"b\n',
  'oom-score-adj-values 1 2\n',
  'latency-tracking-info-percentiles x\n',
];

const BAD_OPTIONS = [
  ['--port', 'abc'],
  ['--prot', '7000'],
  ['--port'],
  ['--port', '1', '2'],
  ['--port', '--7000'],
  ['--port=7000'],
  ['--port 7000 8000'],
  ['--save', '--bogus'],
  ['--save', '', '--bogus', ''],
  ['--save', '900', '1', '--bogus'],
  ['--requirepass', '--abc', '--bogus'],
  ['--timeout', '1', 'extra', '--hz', '5'],
  ['--include', '/tmp/none*.conf', '--bogus'],
  ['-x'],
  ['--requirepass', 'a\tb"c\\', '--port', '\x01é'],
  ['one.conf', '--hz', 'x'],
  ['two.conf', '--hz', 'x'],
  ['one.conf', '--hz', 'x', '-'],
];

describe('messages about bad configurations against redis-server', { skip }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'darter-messages-'));
    writeFileSync(join(folder, 'one.conf'), 'timeout 1\n\n');
    writeFileSync(join(folder, 'two.conf'), 'timeout 1');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('says the same of lines', () => {
    for (const text of BAD_LINES) {
      // Redis calls whatever it reads the configuration file.
      const ours = messageOfDarter(['-'], text, folder);
      const named = ours.replace('Reading standard input', 'Reading the configuration file');
      assert.equal(named, messageOfRedis(['-'], text, folder));
    }
  });

  it('says the same of options, and that they are of the command line', () => {
    // Redis counts options as lines behind those of the file.
    const place = /^Reading the (?:configuration file, at line|command line, at option) \d+$/m;
    for (const argv of BAD_OPTIONS) {
      const input = 'timeout 2\n';
      const theirs = messageOfRedis(argv, input, folder);
      const ours = messageOfDarter(argv, input, folder);
      assert.equal(ours.replace(place, ''), theirs.replace(place, ''), argv.join(' '));
      if (place.test(theirs)) assert.match(ours, /^Reading the command line, at option \d+$/m);
    }
  });
});

const FILES_TO_REWRITE = [
  '# nothing\n',
  '',
  '# top\nsave 900 1\nsave 300 10\n\n\n\nmaxmemory 100mb\ntimeout 0\ntimeout 5\n# end\n',
  'loglevel   NOTICE\nhash-max-ziplist-entries 512\nslave-priority 90\nlua-time-limit 7\n',
  'client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit replica 256mb 64mb 60\n',
  'lua-replicate-commands yes\nmasterauth "a\\"b"\nunixsocketperm 700\nappendfsync everysec\n',
];

const CHANGES: (readonly string[])[] = [
  [],
  ['save', '100 5', 'timeout', '0', 'maxmemory', '1500', 'masterauth', ''],
  ['save', '', 'replica-priority', '100', 'masterauth', '\xe9\n"', 'maxmemory', '1gb'],
  ['client-output-buffer-limit', 'pubsub 1gb 5k 7 normal 1 2 3', 'shutdown-on-sigint', 'now save'],
  ['busy-reply-threshold', '5000', 'repl-backlog-size', '3mb', 'oom-score-adj-values', '1 2 3'],
];

/** Lines that only one of them writes: users, percentiles in any case, what the test gives. */
const ONE_SIDED = /^(?:user |latency-tracking-info-percentiles |port |dir |bind |$)/;

/** The lines that stay in place, and those that were added, whose order is free. */
function parts(text: string): { kept: string[]; added: string[] } {
  const lines = text.split('\n').filter((line) => !ONE_SIDED.test(line));
  const heading = lines.findIndex((line) => line.startsWith('# Generated by'));
  const end = heading < 0 ? lines.length : heading;
  return { kept: lines.slice(0, end), added: lines.slice(end).sort() };
}

describe('CONFIG REWRITE against redis-server', { skip }, () => {
  it('leaves the same file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'darter-rewrite-'));
    try {
      for (const [i, text] of FILES_TO_REWRITE.entries()) {
        const theirFile = join(folder, `${i}-redis.conf`);
        const ourFile = join(folder, `${i}-darter.conf`);
        for (const file of [theirFile, ourFile]) writeFileSync(file, `bind 127.0.0.1\n${text}`);
        await using redis = await startRedisWith(theirFile);
        const client = await redis.client();
        const config = configured([ourFile], redis.directory);
        for (const words of CHANGES) {
          if (words.length > 0) await setBoth(client, config, words);
          assert.equal(textOf(await client.command('CONFIG', 'REWRITE')), 'OK');
          assert.equal(config.rewrite(), null);
          const [theirs, ours] = [theirFile, ourFile].map((file) => readFileSync(file, 'latin1'));
          assert.deepEqual(parts(ours!), parts(theirs!), `${text} | ${words}`);
        }
        await client.close();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** The file comes first on the command line, so it cannot go through startRedis. */
async function startRedisWith(file: string): Promise<Server> {
  const port = await claimPort();
  const server = spawnServer('redis', 'redis-server', [file, '--port', String(port)], port);
  await untilReady(server);
  return server;
}

async function setBoth(client: RawClient, config: Config, words: readonly string[]): Promise<void> {
  const bytes = words.map((word) => Buffer.from(word, 'latin1'));
  assert.equal(textOf(await client.command('CONFIG', 'SET', ...bytes)), 'OK');
  const pairs = words.flatMap((name, i): [string, string][] =>
    i % 2 === 0 ? [[name, words[i + 1]!]] : [],
  );
  assert.equal(config.set(pairs), null);
}
