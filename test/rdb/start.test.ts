/** Darter begins with the files that a Redis has left in its folder, and refuses damaged ones. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Log } from '../../src/base/log.js';
import type { LiveConfigurationPort } from '../../src/commands/contract/server-port.js';
import { CommandTester } from '../../src/commands/contract/test-support.js';
import { debug } from '../../src/commands/server/debug.js';
import { SharedText } from '../../src/memory/shared-text.js';
import { nodeDisk } from '../../src/persistence/files/node-disk.js';
import { RdbLoader } from '../../src/persistence/rdb/store/loader.js';
import { writeModel } from '../../src/persistence/rdb/testing-write.js';
import { checkFile } from '../../src/server/main-thread/persistence/check.js';
import { findRedisFiles } from '../../src/server/main-thread/redis-files/find.js';
import { loadRedisFiles } from '../../src/server/main-thread/redis-files/load.js';
import { bytesOf } from '../support/bytes.js';
import { claimPort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, showReply } from '../support/reply.js';
import {
  darterCommand,
  darterMissing,
  rootDirectory,
  type Server,
  spawnServer,
  startDarter,
  startRedis,
  testedRedisMissing,
} from '../support/server.js';
import { until } from '../support/until.js';
import { dataset } from './dataset.js';

const seed = seedFromEnvironment();
const skip = darterMissing() || testedRedisMissing();
const near = join(rootDirectory, '..', 'shared', 'rdb-samples');
const samples = existsSync(near) ? near : join(rootDirectory, '..', '..', 'shared', 'rdb-samples');
const noSamples = existsSync(samples) ? false : '../shared/rdb-samples is not there';
const REFUSED = ['corrupt_ziplist.rdb', 'redis_40_with_module.rdb'];

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'darter-start-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const args = (folder: string, ...more: string[]): string[] => [
  ...['--dir', folder, '--save', '', '--enable-debug-command', 'yes'],
  ...more,
];

/** Of a file loaded into a store within this process. */
function digestOf(file: Uint8Array): string {
  const server = {
    configuration: { value: () => 'yes' } as unknown as LiveConfigurationPort,
  };
  const tester = new CommandTester([debug], { databases: 16, server, shardBytes: 16 << 20 });
  tester.now = Date.now();
  tester.keys.effects.sink = null;
  const events = { setting: () => {}, functionLibrary: () => {}, skippedModule: () => {} };
  const limits = tester.settings;
  const { now: nowMs } = tester;
  const options = { limits, nowMs, keepsExpired: false, duplicates: 'refuse' } as const;
  const loader = new RdbLoader(tester.keys, events, options);
  loader.feed(file, 0, file.length);
  loader.finish();
  loader.close();
  tester.check();
  return String(tester.run('DEBUG', 'DIGEST')).slice(1);
}

async function digest(server: Server): Promise<string> {
  return server.ask('DEBUG', 'DIGEST');
}

/** Has a redis-server fill itself and write its files into the folder. @returns its digest */
async function written(
  folder: string,
  options: readonly string[],
  finish: (server: Server) => Promise<void>,
): Promise<string> {
  await using redis = await startRedis({ args: args(folder, ...options) });
  const client = await redis.client();
  for (const reply of await client.pipeline(dataset(new Random(seed)))) {
    if (isError(reply)) throw new Error(showReply(reply));
  }
  await client.close();
  await finish(redis);
  // Before the server is stopped.
  return await digest(redis);
}

async function save(redis: Server): Promise<void> {
  assert.equal(await redis.ask('SAVE'), 'OK');
}

/** Loads the files of a folder into a store within this process. @returns the log's last warning */
async function loaded(folder: string, truncated = 'yes'): Promise<string> {
  const tester = new CommandTester([], { databases: 16, shardBytes: 16 << 20 });
  tester.keys.effects.sink = null;
  const places = {
    ...{ folder, dbfilename: 'dump.rdb', appendfilename: 'appendonly.aof' },
    ...{ appenddirname: 'appendonlydir', appendonly: false },
  };
  const files = await findRedisFiles(places);
  if (files === null) return 'nothing to load';
  let warned = '';
  await loadRedisFiles(files, {
    log: {
      bar: null,
      notice: () => {},
      warning: (text: string) => {
        warned = text;
      },
    } as unknown as Log,
    shards: tester.keys.shards,
    librariesBuffer: SharedText.create('').buffer,
    setting: (name) => (name === 'aof-load-truncated' ? truncated : '100'),
    ...{ isReplica: false, isStopping: () => false, progress: () => {}, threads: null },
  });
  const keys = [...tester.dump()].map(([key, { value }]) => `${key}=${value}`);
  return `${keys.join(' ')} ${warned}`;
}

const refusal = (folder: string, truncated?: string): Promise<string> =>
  loaded(folder, truncated).then(
    (text) => assert.fail(`it was loaded: ${text}`),
    (error: Error) => error.message,
  );

describe('starting with files of a Redis', { skip }, () => {
  test('every sample file gives the digest that it gives in redis-server', {
    skip: noSamples,
  }, async () => {
    await inFolder(async (folder) => {
      await using redis = await startRedis({
        args: args(folder, '--enable-protected-configs', 'yes'),
      });
      for (const name of readdirSync(samples).filter((one) => one.endsWith('.rdb'))) {
        if (REFUSED.includes(name)) continue;
        const file = new Uint8Array(readFileSync(join(samples, name)));
        writeFileSync(join(folder, name), file);
        assert.equal(await redis.ask('CONFIG', 'SET', 'dbfilename', name), 'OK');
        assert.equal(await redis.ask('DEBUG', 'RELOAD', 'NOSAVE'), 'OK', name);
        assert.equal(digestOf(file), await digest(redis), name);
      }
    });
  });

  test('--check tells of every sample file what it holds, or where it is damaged', {
    skip: noSamples,
  }, async () => {
    const disk = nodeDisk;
    for (const name of readdirSync(samples).filter((one) => one.endsWith('.rdb'))) {
      const path = join(samples, name);
      const lines = checkFile(disk, path);
      if (REFUSED.includes(name)) {
        await assert.rejects(lines, { message: /is damaged at offset \d+: / }, name);
      } else {
        assert.match((await lines)[0]!, /: RDB version \d+.*, \d+ bytes, whole$/);
      }
    }
    const empty = await checkFile(disk, join(samples, 'corrupt_empty_keys.rdb'));
    assert.match(empty.join('\n'), /\d+ collections without elements, which a start leaves out/);
    const streams = await checkFile(disk, join(samples, 'redis_50_with_streams.rdb'));
    assert.match(streams.join('\n'), /streams/);
  });

  test('--check of a file that is cut, damaged or followed by something', async () => {
    await inFolder(async (folder) => {
      const disk = nodeDisk;
      const path = join(folder, 'dump.rdb');
      const value = { kind: 'string', string: 'x'.repeat(1000) } as const;
      const key = { name: 'k', expiryMs: -1, idleSeconds: -1, frequency: -1 };
      const file = bytesOf(writeModel([{ ...key, database: 3, value }], { compression: false }));
      writeFileSync(path, file);
      assert.deepEqual((await checkFile(disk, path)).slice(1), [
        '1 keys (db3: 1), 0 of them expire',
        '1 strings',
      ]);
      writeFileSync(path, Buffer.concat([file, Buffer.from('rest')]));
      assert.match((await checkFile(disk, path))[1]!, /^4 bytes behind its end/);
      for (const text of [
        '*1\r\n$4\r\nPING\r\n',
        'file appendonly.aof.1.base.rdb seq 1 type b\n',
      ]) {
        writeFileSync(path, text);
        await assert.rejects(checkFile(disk, path), {
          message: /belongs to a Redis's append-only file/,
        });
      }
      writeFileSync(path, file.subarray(0, -20));
      await assert.rejects(checkFile(disk, path), { message: /ends too early/ });
      file[file.length - 100]! ^= 1;
      writeFileSync(path, file);
      await assert.rejects(checkFile(disk, path), { message: /Wrong checksum/ });
    });
  });

  test(`an RDB file with values of all types and functions (seed ${seed})`, async () => {
    await inFolder(async (folder) => {
      const expected = await written(folder, [], save);
      await using darter = await startDarter({ threads: 1, args: args(folder) });
      assert.equal(await digest(darter), expected);
      assert.equal(await darter.ask('FCALL', 'one', '0'), '1');
      assert.equal(await darter.ask('DEBUG', 'CHECK'), 'OK');
    });
  });

  for (const preamble of ['yes', 'no']) {
    test(`an append-only file, RDB preamble ${preamble} (seed ${seed})`, async () => {
      await inFolder(async (folder) => {
        const options = ['--appendonly', 'yes', '--aof-use-rdb-preamble', preamble];
        const expected = await written(
          folder,
          [...options, '--aof-timestamp-enabled', 'yes'],
          rewrite,
        );
        await using darter = await startDarter({ threads: 1, args: args(folder) });
        assert.equal(await digest(darter), expected);
        assert.equal(await darter.ask('FCALL', 'one', '0'), '1');
        assert.equal(await darter.ask('GET', 'after'), 'the rewrite');
        assert.equal(await darter.ask('DEBUG', 'CHECK'), 'OK');
      });
    });
  }

  test('an append-only file of an old Redis, which begins with an RDB', {
    skip: noSamples,
  }, async () => {
    await inFolder(async (folder) => {
      const file = new Uint8Array(readFileSync(join(samples, 'rdb-preamble.aof')));
      writeFileSync(join(folder, 'appendonly.aof'), file);
      await using darter = await startDarter({ threads: 1, args: args(folder) });
      await using redis = await startRedis({ args: args(folder, '--appendonly', 'yes') });
      assert.equal(await digest(darter), await digest(redis));
    });
  });

  test('a damaged file is refused with its path, the place and the reason', async () => {
    await inFolder(async (folder) => {
      const path = join(folder, 'dump.rdb');
      const value = { kind: 'list', elements: ['x'.repeat(1000), 'y'] } as const;
      const key = { name: 'k', expiryMs: -1, idleSeconds: -1, frequency: -1 };
      const keys = [{ ...key, database: 0, value: { ...value, elements: [...value.elements] } }];
      const file = writeModel(keys, { compression: false });
      writeFileSync(path, bytesOf(file.subarray(0, file.length - 100)));
      const place = `${folder}/dump.rdb: The file ends too early, at offset ${file.length - 100}`;
      assert.ok((await refusal(folder)).startsWith(place));
      file[file.length - 1]! ^= 1;
      writeFileSync(path, bytesOf(file));
      assert.match(await refusal(folder), /dump\.rdb: Wrong checksum, at offset \d+$/);
      writeFileSync(path, 'REDIS9999');
      assert.match(await refusal(folder), /Can't handle RDB format version REDIS 9999/);
      writeFileSync(path, 'something else');
      assert.equal(await loaded(folder), 'nothing to load');
    });
  });

  test(`a large RDB file, which all flow threads load, whole and damaged (seed ${seed})`, async () => {
    await inFolder(async (folder) => {
      const options = ['--rdbcompression', 'no'];
      const expected = await written(folder, options, (redis) => large(redis, save));
      {
        await using darter = await startDarter({ threads: 2, args: args(folder) });
        assert.equal(await digest(darter), expected);
        assert.equal(await darter.ask('FCALL', 'one', '0'), '1');
        assert.equal(await darter.ask('DEBUG', 'CHECK'), 'OK');
      }
      const path = join(folder, 'dump.rdb');
      const file = readFileSync(path);
      // Within values, a lost end, and what no thread but the last one sees.
      const damages: ((bytes: Buffer) => Buffer)[] = [
        (bytes) => Buffer.from(bytes.fill('y', bytes.length - 2000, bytes.length - 1990)),
        (bytes) => bytes.subarray(0, bytes.length - 5),
        (bytes) => bytes.subarray(0, bytes.length >> 1),
        (bytes) => Buffer.from(bytes.fill(0xf3, bytes.length >> 2, (bytes.length >> 2) + 5000)),
      ];
      for (const damage of damages) {
        writeFileSync(path, damage(Buffer.from(file)));
        const reason = await refusal(folder);
        assert.ok((await refusedStart(folder, 2)).includes(reason), reason);
      }
    });
  });

  test(`an append-only file that begins with a large RDB (seed ${seed})`, async () => {
    await inFolder(async (folder) => {
      const options = ['--appendonly', 'yes', '--rdbcompression', 'no'];
      const expected = await written(folder, options, (redis) => large(redis, rewrite));
      await using darter = await startDarter({ threads: 2, args: args(folder) });
      assert.equal(await digest(darter), expected);
      assert.equal(await darter.ask('GET', 'after'), 'the rewrite');
      assert.equal(await darter.ask('DEBUG', 'CHECK'), 'OK');
    });
  });

  test('a file that is refused ends the process', async () => {
    await inFolder(async (folder) => {
      writeFileSync(join(folder, 'dump.rdb'), 'REDIS0010\xfe');
      assert.match(
        await refusedStart(folder, 1),
        /dump\.rdb: Unknown opcode|dump\.rdb: The file ends too early/,
      );
    });
  });

  test('an append-only file that is cut off, or damaged', async () => {
    await inFolder(async (folder) => {
      const directory = join(folder, 'appendonlydir');
      mkdirSync(directory);
      const path = join(directory, 'appendonly.aof.1.incr.aof');
      const second = join(directory, 'second.aof');
      const manifest = join(directory, 'appendonly.aof.manifest');
      const line = 'file appendonly.aof.1.incr.aof seq 1 type i\n';
      writeFileSync(manifest, line);
      const whole = '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n';
      const begun = '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n';
      writeFileSync(path, `${whole}${begun}${whole.slice(0, -3)}`);
      assert.match(
        await loaded(folder),
        /^0 a=1 .*ends in the midst of a command or a transaction, at offset 69: /,
      );
      assert.match(
        await refusal(folder, 'no'),
        /1\.incr\.aof: The file ends too early, at offset 69/,
      );
      writeFileSync(path, whole);
      writeFileSync(manifest, `${line}file second.aof seq 2 type i\n`);
      writeFileSync(second, `#TS:1700000000\r\n${whole}NOPE\r\n${whole}`);
      assert.match(await refusal(folder), /second\.aof: Here no command begins, at offset 43$/);
      writeFileSync(second, '*2\r\n$4\r\nNOPE\r\n$1\r\na\r\n');
      assert.match(await refusal(folder), /The command NOPE a is unknown, at offset 0$/);
      writeFileSync(second, whole.replace('SET', 'GET').replace('*3', '*2').slice(0, -7));
      assert.match(await refusal(folder), /GET a is no write, at offset 0$/);
      writeFileSync(second, `${whole}*3\r\n$5\r\nRPUSH\r\n$1\r\na\r\n$1\r\n1\r\n`);
      assert.match(await refusal(folder), /RPUSH a failed: WRONGTYPE .*, at offset 27$/);
      writeFileSync(manifest, 'file lost.aof seq 2 type i\n');
      assert.match(await refusal(folder), /manifest: the file lost\.aof is missing/);
      writeFileSync(manifest, 'file lost.aof seq x type i\n');
      assert.match(await refusal(folder), /manifest: It is no line of a manifest, at line 1$/);
      writeFileSync(second, whole);
      const ends = '\nfile second.aof seq 2 type i\n';
      const long = `file second.aof seq 1 type b more ${'x'.repeat(989)}`;
      writeFileSync(manifest, `${long}${ends}`);
      assert.match(await loaded(folder), /^0 a=1 /);
      writeFileSync(manifest, `${long}x${ends}`);
      assert.match(
        await refusal(folder),
        /manifest: The line has no end, or is too long, at line 1$/,
      );
    });
  });
});

/** @returns the log of a server that does not start */
async function refusedStart(folder: string, threads: number): Promise<string> {
  const port = await claimPort();
  const { command, args: program } = darterCommand();
  const words = [...program, '--port', String(port), '--threads', String(threads)];
  const server = spawnServer('darter', command, [...words, ...args(folder)], port);
  const { code } = await server.exit();
  await server.stop();
  assert.equal(code, 1);
  return server.log;
}

/** Puts in 12 MB, and has files written. */
async function large(redis: Server, write: (redis: Server) => Promise<void>): Promise<void> {
  assert.equal(await redis.ask('DEBUG', 'POPULATE', '40000', 'many', '300'), 'OK');
  await write(redis);
}

async function rewrite(redis: Server): Promise<void> {
  const client = await redis.client();
  const idle = () =>
    until('no rewrite is under way', async () => {
      const info = await client.text('INFO', 'persistence');
      return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
    });
  await idle();
  assert.match(await client.text('BGREWRITEAOF'), /Background append only file rewriting/);
  await idle();
  assert.equal(await client.text('SET', 'after', 'the rewrite'), 'OK');
  for (const words of [['MULTI'], ['LPUSH', 'moved', 'x'], ['SPOP', 'set:many', '3'], ['EXEC']]) {
    await client.command(...words);
  }
  await client.text(
    'XREADGROUP',
    'GROUP',
    'g1',
    'late',
    'COUNT',
    '3',
    'STREAMS',
    'stream:few',
    '>',
  );
  await client.text('RENAME', 'list:small', 'renamed');
  await client.text('PFADD', 'counted', 'a', 'b', 'c');
  assert.equal(await client.text('PFCOUNT', 'counted'), '3');
  await client.text('GETEX', 'after', 'EX', '100000');
  // A rewritten file without a preamble knows no -0: what counts is what Redis itself makes of it.
  assert.equal(await client.text('DEBUG', 'LOADAOF'), 'OK');
  await client.close();
}
