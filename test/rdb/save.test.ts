/** Snapshots that are RDB files: redis-server loads them equal, and they are of one moment. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  contentOf,
  fill,
  newFolder,
  saved,
  startIn,
  startSmallIn,
} from '../persistence/support.js';
import { RandomWrites } from '../replication/random-writes.js';
import { until } from '../replication/support.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, showReply, textOf } from '../support/reply.js';
import {
  darterMissing,
  programMissing,
  type Server,
  startRedis,
  testedRedisMissing,
} from '../support/server.js';
import { dataset } from './dataset.js';

const NAME = 'data.rdb';
const skip = darterMissing();
const noRedis = skip || testedRedisMissing() || programMissing('redis-check-rdb');
const RDB = ['--dbfilename', NAME, '--save', ''];

function versionOf(folder: string): string {
  return readFileSync(join(folder, NAME)).toString('latin1', 0, 9);
}

/** A Redis gets the same ones: what it calls a listpack loses the sign of -0. */
const SMALL_LIMITS = ['--hash-max-listpack-entries', '3', '--zset-max-listpack-entries', '3'];

function checkFile(folder: string): void {
  const { status, stdout } = spawnSync('redis-check-rdb', [join(folder, NAME)], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /RDB looks OK/);
}

function redisWith(folder: string, ...args: string[]): Promise<Server> {
  return startRedis({
    args: ['--dir', folder, '--dbfilename', NAME, '--enable-debug-command', 'yes', ...args],
  });
}

async function kill(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.exit();
}

/** Without the lock of a server's folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => !/^\..*\.lock$/.test(name));
}

async function fillAll(server: Server, random: Random): Promise<void> {
  const client = await server.client({ timeout_ms: 60_000 });
  const more = [
    ['SET', 'ten megabytes', random.binary(1000).repeat(10_000)],
    ['RPUSH', 'long elements', 'x'.repeat(3_000_000), 'y'.repeat(20_000)],
    ['XGROUP', 'CREATE', 'empty stream', 'group', '$', 'MKSTREAM'],
    ['SELECT', '15'],
    ['SET', 'in the last database', '1'],
    ['SELECT', '7'],
    ['SET', 'gone', '1'],
    ['FLUSHDB'],
  ];
  const all = [...dataset(random), ...more];
  for (let from = 0; from < all.length; from += 1000) {
    for (const reply of await client.pipeline(all.slice(from, from + 1000))) {
      if (isError(reply)) throw new Error(showReply(reply));
    }
  }
  await client.close();
}

for (const options of [
  [],
  [
    ...['--rdbcompression', 'no', '--rdbchecksum', 'no', '--threads', '1', '--shards', '4'],
    ...SMALL_LIMITS,
  ],
]) {
  test(`redis-server loads what SAVE writes, with equal data: ${options.join(' ')}`, {
    skip: noRedis,
  }, async (t) => {
    const folder = newFolder(t);
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    let digest: string;
    {
      await using server = await startIn(folder, ...RDB, ...options);
      await fillAll(server, random);
      digest = await server.ask('DEBUG', 'DIGEST');
      assert.equal(await server.ask('SAVE'), 'OK');
      await server.logged(/DB saved on disk: \d+ keys, [\d.]+ MB in one file, .*MB\/s/);
      await server.ask('SET', 'late', 'not in the file');
      assert.deepEqual(filesIn(folder), [NAME]);
      await kill(server);
    }
    assert.equal(versionOf(folder), 'REDIS0010');
    checkFile(folder);
    {
      const limits = options.length === 0 ? [] : SMALL_LIMITS;
      await using redis = await redisWith(folder, ...limits);
      assert.equal(await redis.ask('DEBUG', 'DIGEST'), digest);
      assert.equal(await redis.ask('FCALL', 'one', '0'), '1');
    }
    await using server = await startIn(folder, ...RDB, ...options);
    assert.equal(await server.ask('DEBUG', 'DIGEST'), digest);
    assert.equal(await server.ask('FCALL', 'one', '0'), '1');
  });
}

test('an empty server leaves a file without keys', { skip: noRedis }, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startSmallIn(folder, ...RDB);
    assert.equal(await server.ask('SAVE'), 'OK');
  }
  checkFile(folder);
  await using redis = await redisWith(folder);
  assert.equal(await redis.ask('DBSIZE'), '0');
});

test('fields that expire make it version 12, which comes back as it was', { skip }, async (t) => {
  const folder = newFolder(t);
  let content: string;
  {
    await using server = await startIn(folder, ...RDB);
    await fill(server);
    content = await contentOf(server);
    // Whether that is so is known only when all keys are written.
    assert.equal(await server.ask('BGSAVE'), 'Background saving started');
    await saved(server, 1);
    await kill(server);
  }
  assert.equal(versionOf(folder), 'REDIS0012');
  await using server = await startIn(folder, ...RDB, '--shards', '16');
  assert.equal(await contentOf(server), content);
});

/** Moves money between accounts, and writes values of all types, until `isOver`. */
async function write(server: Server, index: number, random: Random, isOver: () => boolean) {
  const client = await server.client({ timeout_ms: 60_000 });
  const writes = new RandomWrites(new Random(random.next()), `writer-${index}-`, 500);
  while (!isOver()) {
    const [from, to] = [random.below(40), random.below(40)];
    await client.pipeline([
      ['MULTI'],
      ['HINCRBY', `account-${from}`, 'balance', '-1'],
      ['INCR', `moved-${from % 5}`],
      ['HINCRBY', `account-${to}`, 'balance', '1'],
      ['EXEC'],
    ]);
    for (const command of writes.next()) {
      // It would take the accounts along.
      if (!/^(FLUSH|SWAPDB|SELECT)/i.test(command[0]!)) await client.command(...command);
    }
  }
  await client.close();
}

async function sumOf(server: Server): Promise<number> {
  const client = await server.client();
  let sum = 0;
  for (let i = 0; i < 40; i++) {
    sum += Number(textOf(await client.command('HGET', `account-${i}`, 'balance')));
  }
  await client.close();
  return sum;
}

test('a file that is written under writes is of one moment, transactions whole', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const random = new Random(seedFromEnvironment());
  t.diagnostic(`DARTER_SEED=${random.seed}`);
  {
    await using server = await startIn(folder, ...RDB);
    const client = await server.client({ timeout_ms: 60_000 });
    for (let i = 0; i < 40; i++) {
      await client.command('HSET', `account-${i}`, 'balance', '100', 'pad', 'x'.repeat(500));
    }
    // The walk takes these in parts, while they change.
    for (let i = 0; i < 4; i++) {
      const words = Array.from({ length: 2000 }, (_, n) => [
        `${n}`,
        `value-${n}`.repeat(10),
      ]).flat();
      await client.command('HSET', `account-${i}`, ...words);
    }
    await client.close();
    await server.ask('DEBUG', 'POPULATE', '3000', 'key', '500');
    let isOver = false;
    const writers = [1, 2].map((i) => write(server, i, new Random(random.next()), () => isOver));
    for (let i = 0; i < 2; i++) {
      assert.equal(await server.ask('SAVE'), 'OK');
      copyFileSync(join(folder, NAME), join(folder, `copy-${i}.rdb`));
    }
    isOver = true;
    await Promise.all(writers);
    await kill(server);
  }
  for (let i = 0; i < 2; i++) {
    await using server = await startIn(folder, '--dbfilename', `copy-${i}.rdb`, '--save', '');
    assert.equal(await sumOf(server), 4000, `file ${i}`);
    assert.equal(await server.ask('DEBUG', 'CHECK'), 'OK');
  }
});

test('a server killed while it saves leaves the old file, and the next save cleans up', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...RDB);
    await server.ask('DEBUG', 'POPULATE', '20000', 'key', '300');
    assert.equal(await server.ask('SAVE'), 'OK');
    const before = readFileSync(join(folder, NAME));
    await server.ask('SET', 'key:0', 'changed');
    assert.equal(await server.ask('BGSAVE'), 'Background saving started');
    await until('files of the attempt, or its end', async () => {
      return filesIn(folder).length > 1 || (await server.info('rdb_saves')) === '2';
    });
    await kill(server);
    const isWhole = readFileSync(join(folder, NAME)).equals(before);
    // It may have been done already.
    if (!isWhole) assert.deepEqual(filesIn(folder), [NAME]);
  }
  await using server = await startIn(folder, ...RDB);
  assert.equal(await server.ask('DBSIZE'), '20000');
  assert.equal(await server.ask('SAVE'), 'OK');
  assert.deepEqual(filesIn(folder), [NAME]);
});

test('save points and the end of the server write it too', { skip }, async (t) => {
  const folder = newFolder(t);
  const options = ['--dbfilename', NAME, '--save', '1 2'];
  {
    await using server = await startSmallIn(folder, ...options);
    await server.ask('MSET', 'a', '1', 'b', '2');
    await saved(server, 1);
    assert.equal(await server.info('rdb_last_bgsave_status'), 'ok');
    assert.equal(await server.info('rdb_changes_since_last_save'), '0');
    await server.ask('SET', 'c', '3');
    await server.ask('SHUTDOWN').catch(() => {});
    await server.exit();
  }
  await using server = await startSmallIn(folder, ...options);
  assert.equal(await server.ask('GET', 'c'), '3');
  assert.deepEqual(filesIn(folder), [NAME]);
});

test('snapshot-format says what is written, and the newer of both kinds is loaded', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const save = async (value: string, ...args: string[]): Promise<void> => {
    await using server = await startSmallIn(folder, '--save', '', ...args);
    await server.ask('SET', 'key', value);
    assert.equal(await server.ask('SAVE'), 'OK');
    await kill(server);
  };
  const loaded = async (...args: string[]): Promise<string> => {
    await using server = await startSmallIn(folder, '--save', '', ...args);
    const value = await server.ask('GET', 'key');
    await kill(server);
    return value;
  };
  await save('native');
  assert.ok(filesIn(folder).includes('dump.darter'));
  assert.ok(!filesIn(folder).includes('dump.rdb'));
  await save('rdb', '--snapshot-format', 'rdb');
  assert.equal(await loaded('--snapshot-format', 'rdb'), 'rdb');
  // Native snapshots come first where they are what is written.
  assert.equal(await loaded(), 'native');
  utimesSync(join(folder, 'dump.rdb'), 1, 1);
  assert.equal(await loaded('--snapshot-format', 'rdb'), 'native');
});

test('DEBUG RELOAD brings the data back from the file, and replicas begin anew', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const reload = (...options: string[]) => server.ask('DEBUG', 'RELOAD', ...options);
  await using server = await startSmallIn(folder, '--save', '');
  await fill(server);
  const content = await contentOf(server);
  await using replica = await startSmallIn(newFolder(t));
  await replica.ask('REPLICAOF', '127.0.0.1', String(server.port));
  await until('the link', async () => (await replica.info('master_link_status')) === 'up');
  assert.equal(await reload(), 'OK');
  assert.equal(await contentOf(server), content);
  assert.equal(await server.ask('DEBUG', 'CHECK'), 'OK');
  assert.ok(filesIn(folder).includes('dump.rdb'));
  const failed = 'ERR Error trying to load the RDB dump, check server logs.';
  // A key of the file is there already.
  assert.equal(await reload('nosave', 'NOFLUSH'), failed);
  assert.equal(await reload('NOSAVE', 'NOFLUSH', 'MERGE'), 'OK');
  assert.equal(await contentOf(server), content);
  await server.ask('SET', 'string', 'other');
  await server.ask('SET', 'more', 'value');
  assert.equal(await reload('NOSAVE', 'NOFLUSH', 'MERGE'), 'OK');
  assert.equal(await server.ask('GET', 'more'), 'value');
  assert.equal(await server.ask('GET', 'string'), 'value');
  await server.ask('SET', 'string', 'other');
  assert.equal(await reload('NOSAVE'), 'OK');
  assert.equal(await contentOf(server), content);
  const wrong = 'ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.';
  assert.equal(await reload('SOON'), wrong);
  const digest = await server.ask('DEBUG', 'DIGEST');
  await until('the same on the replica', async () => {
    const now = await replica.ask('DEBUG', 'DIGEST');
    return now === digest || now;
  });
  assert.match(await replica.ask('DEBUG', 'RELOAD'), /^ERR DEBUG RELOAD is not for a replica/);
  writeFileSync(join(folder, 'dump.rdb'), 'REDIS0010');
  assert.equal(await reload('NOSAVE'), failed);
  await server.logged(/DEBUG RELOAD: .*dump\.rdb: The file ends too early/);
});
