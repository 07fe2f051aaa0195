/** Snapshots of running servers: saved, loaded, refused when damaged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { RANDOM_EXPIRY_MAX_MS, RandomWrites } from '../replication/random-writes.js';
import { until } from '../replication/support.js';
import { claimPort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { showReply, textOf } from '../support/reply.js';
import { darterCommand, darterMissing, type Server, spawnServer } from '../support/server.js';
import { contentOf, fill, newFolder, saved, startIn, startSmallIn } from './support.js';

const skip = darterMissing();

function checked(file: string): { status: number | null; stdout: string; stderr: string } {
  const { command, args } = darterCommand();
  return spawnSync(command, [...args, '--check', file], { encoding: 'utf8' });
}

test('all types are there after a restart, with any number of shards', { skip }, async (t) => {
  const folder = newFolder(t);
  let content: string;
  {
    await using server = await startIn(folder);
    await fill(server);
    content = await contentOf(server);
    assert.equal(await server.ask('SAVE'), 'OK');
    assert.equal(await server.info('rdb_changes_since_last_save'), '0');
    assert.equal(await server.info('rdb_saves'), '1');
    // Not in the snapshot: what comes after it is lost.
    await server.ask('SET', 'late', 'value');
    assert.equal(await server.info('rdb_changes_since_last_save'), '1');
    await server.ask('SHUTDOWN', 'NOSAVE').catch(() => {});
    await server.exit();
  }
  assert.ok(readdirSync(folder).includes('dump.darter'));
  for (const args of [[], ['--shards', '16', '--databases', '20']]) {
    await using server = await startIn(folder, ...args);
    assert.equal(await contentOf(server), content, args.join(' '));
    assert.equal(await server.ask('FCALL', 'f', '0'), 'from f');
    assert.notEqual(await server.info('rdb_last_load_keys_loaded'), '0');
  }
});

test('BGSAVE answers at once, and LASTSAVE and INFO tell of it', { skip }, async (t) => {
  const folder = newFolder(t);
  await using server = await startIn(folder);
  assert.equal(await server.info('rdb_last_bgsave_time_sec'), '-1');
  const before = Number(await server.ask('LASTSAVE'));
  assert.ok(Math.abs(before - Date.now() / 1000) < 60);
  await server.ask('SET', 'key', 'value');
  assert.equal(await server.ask('BGSAVE'), 'Background saving started');
  await saved(server, 1);
  assert.ok(Number(await server.ask('LASTSAVE')) >= before);
  assert.equal(await server.info('rdb_last_bgsave_status'), 'ok');
  assert.equal(await server.info('rdb_changes_since_last_save'), '0');
  assert.notEqual(await server.info('rdb_last_bgsave_time_sec'), '-1');
  assert.equal(await server.ask('BGSAVE', 'SOON'), 'ERR syntax error');
  // A second one removes the files of the first.
  assert.equal(await server.ask('BGSAVE', 'SCHEDULE'), 'Background saving started');
  await saved(server, 2);
  const names = readdirSync(folder).filter((name) => name.startsWith('dump.darter'));
  assert.equal(names.length, 3, names.join(' '));
  const client = await server.client();
  for (const words of [['MULTI'], ['BGSAVE']]) await client.command(...words);
  assert.match(showReply(await client.command('EXEC')), /Background saving started/);
  await client.close();
  await saved(server, 3);
  // No replica ever came: the journal that the snapshot needed is off again.
  await until('it is off', async () => (await server.info('repl_backlog_active')) === '0');
});

test('save points save by themselves, and SHUTDOWN saves when there are any', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startSmallIn(folder, '--save', '1 2');
    await server.ask('MSET', 'a', '1', 'b', '2');
    await saved(server, 1);
    await server.logged(/2 changes in 1 seconds. Saving/);
    await server.ask('SET', 'c', '3');
    await server.ask('SHUTDOWN').catch(() => {});
    await server.exit();
  }
  {
    await using server = await startSmallIn(folder);
    assert.equal(await server.ask('MGET', 'a', 'b', 'c').then(() => server.ask('GET', 'c')), '3');
    await server.ask('SET', 'c', '4');
    // Without save points it does not.
    await server.ask('SHUTDOWN').catch(() => {});
    await server.exit();
  }
  await using server = await startSmallIn(folder);
  assert.equal(await server.ask('GET', 'c'), '3');
});

test('a save that fails refuses writes and shutdowns, until there is room again', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const data = join(folder, 'data');
  mkdirSync(data);
  await using server = await startSmallIn(data, '--save', '3600 1');
  // Not by rights: root may write anywhere. The file is there already under that name.
  renameSync(data, `${data}-away`);
  assert.equal(await server.ask('SAVE'), 'ERR');
  assert.equal(await server.info('rdb_last_bgsave_status'), 'err');
  const text = 'MISCONF Redis is configured to save RDB snapshots';
  assert.ok((await server.ask('SET', 'key', 'value')).startsWith(text));
  assert.ok((await server.ask('PING')).startsWith(text));
  assert.ok((await server.ask('EVAL', "return redis.call('set', 'a', 'b')", '0')).includes(text));
  assert.equal(await server.ask('GET', 'key'), '$-1');
  assert.equal(await server.ask('SHUTDOWN'), 'ERR Errors trying to SHUTDOWN. Check logs.');
  await server.logged(/can't exit/);
  assert.equal(await server.ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no'), 'OK');
  assert.equal(await server.ask('SET', 'key', 'value'), 'OK');
  assert.equal(await server.ask('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'yes'), 'OK');
  renameSync(`${data}-away`, data);
  assert.equal(await server.ask('SAVE'), 'OK');
  assert.equal(await server.ask('SET', 'key', 'other'), 'OK');
  renameSync(data, `${data}-away`);
  await server.ask('SHUTDOWN', 'FORCE').catch(() => {});
  assert.equal((await server.exit()).code, 0);
});

test('a server killed during BGSAVE loads the snapshot before', { skip }, async (t) => {
  const folder = newFolder(t);
  let digest: string;
  {
    await using server = await startIn(folder);
    await server.ask('DEBUG', 'POPULATE', '20000', 'key', '1000');
    digest = await server.ask('DEBUG', 'DIGEST');
    assert.equal(await server.ask('SAVE'), 'OK');
    await server.ask('SET', 'key:0', 'changed');
    assert.equal(await server.ask('BGSAVE'), 'Background saving started');
    server.child.kill('SIGKILL');
    await server.exit();
  }
  await using server = await startIn(folder);
  const after = await server.ask('DEBUG', 'DIGEST');
  // It may have been done already.
  if (after !== digest) assert.equal(await server.ask('GET', 'key:0'), 'changed');
  assert.equal(await server.ask('DBSIZE'), '20000');
});

test('transactions that run during a snapshot are in it whole or not at all', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const accounts = Array.from({ length: 40 }, (_, i) => `account-${i}`);
  {
    await using server = await startIn(folder);
    await server.ask('MSET', ...accounts.flatMap((account) => [account, '100']));
    await server.ask('DEBUG', 'POPULATE', '5000', 'key', '500');
    const random = new Random(7);
    let isOver = false;
    const moves = [1, 2, 3].map(async () => {
      const client = await server.client();
      while (!isOver) {
        const [from, to] = [random.below(40), random.below(40)];
        await client.command('MULTI');
        await client.command('DECR', accounts[from]!);
        await client.command('INCR', accounts[to]!);
        await client.command('EXEC');
      }
      await client.close();
    });
    for (let i = 0; i < 3; i++) assert.equal(await server.ask('SAVE'), 'OK');
    isOver = true;
    await Promise.all(moves);
    server.child.kill('SIGKILL');
    await server.exit();
  }
  await using server = await startIn(folder, '--shards', '8');
  const client = await server.client();
  let sum = 0;
  for (const account of accounts) sum += Number(textOf(await client.command('GET', account)));
  await client.close();
  assert.equal(sum, 4000);
});

test('a damaged snapshot stops the start with file and reason', { skip }, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder);
    await server.ask('DEBUG', 'POPULATE', '300', 'key', '100');
    await server.ask('SHUTDOWN', 'SAVE').catch(() => {});
    await server.exit();
  }
  const names = readdirSync(folder).filter((name) => name.startsWith('dump.darter'));
  const file = join(folder, names.find((name) => name.endsWith('.1'))!);
  const bytes = readFileSync(file);
  const damaged = Buffer.from(bytes);
  damaged[bytes.length >> 1]! ^= 16;
  const cases: [RegExp, () => void][] = [
    [
      /is damaged at offset \d+: the bytes of a block are damaged/,
      () => writeFileSync(file, damaged),
    ],
    [/it has \d+ bytes, not \d+/, () => writeFileSync(file, bytes.subarray(0, 500))],
    [/ is missing\. .*dump\.darter names it\. Put it back/, () => rmSync(file)],
  ];
  for (const [reason, damage] of cases) {
    damage();
    const { status, stderr } = checked(join(folder, 'dump.darter'));
    assert.equal(status, 1);
    assert.match(stderr, reason);
    assert.ok(stderr.includes(file), stderr);
    writeFileSync(file, bytes);
  }
  writeFileSync(file, damaged);
  await assert.rejects(startIn(folder), (error: Error) => {
    assert.match(error.message, cases[0]![0]);
    assert.ok(error.message.includes(file), error.message);
    return true;
  });
  writeFileSync(file, bytes);
  await using server = await startIn(folder);
  assert.equal(await server.ask('DBSIZE'), '300');
});

/** What random writes gave a short time is gone, and nothing else will ever expire. */
async function keepForEver(server: Server): Promise<void> {
  const over = Date.now() + RANDOM_EXPIRY_MAX_MS;
  await until('their times are over', async () => Date.now() > over);
  const client = await server.client({ timeout_ms: 60_000 });
  for (const database of ['0', '1']) {
    await client.command('SELECT', database);
    await client.command('EVAL', PERSIST_ALL, '0');
  }
  await client.close();
}

const PERSIST_ALL =
  "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('PERSIST', key) end";

test('snapshots that are taken under random writes are whole', { skip }, async (t) => {
  const folder = newFolder(t);
  const random = new Random(seedFromEnvironment());
  t.diagnostic(`DARTER_SEED=${random.seed}`);
  let digest: string;
  {
    await using server = await startIn(folder, '--snapshot-keep', '100');
    let isOver = false;
    const writers = ['a-', 'b-', 'c-'].map(async (name) => {
      const client = await server.client({ timeout_ms: 60_000 });
      const writes = new RandomWrites(new Random(random.next()), name, 500);
      while (!isOver) for (const command of writes.next()) await client.command(...command);
      await client.close();
    });
    for (let i = 0; i < 3; i++) assert.equal(await server.ask('SAVE'), 'OK');
    isOver = true;
    await Promise.all(writers);
    await keepForEver(server);
    assert.equal(await server.ask('SAVE'), 'OK');
    digest = await server.ask('DEBUG', 'DIGEST');
    server.child.kill('SIGKILL');
    await server.exit();
  }
  const manifests = readdirSync(folder).filter((name) => name.endsWith('.manifest'));
  assert.equal(manifests.length, 3);
  await using server = await startIn(folder);
  assert.equal(await server.ask('DEBUG', 'DIGEST'), digest);
  await server.stop();
  // The last one that was taken under load.
  copyFileSync(join(folder, manifests.sort().at(-1)!), join(folder, 'dump.darter'));
  await using other = await startIn(folder);
  assert.notEqual(await other.info('rdb_last_load_keys_loaded'), '0');
  const { status, stdout } = checked(join(folder, manifests[0]!));
  assert.equal(status, 0);
  assert.match(stdout, /whole/);
});

test('SHUTDOWN while data is loaded ends the server, and the snapshot stays', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startSmallIn(folder);
    await server.ask('DEBUG', 'POPULATE', '20000', 'key', '200');
    await server.ask('SHUTDOWN', 'SAVE').catch(() => {});
    await server.exit();
  }
  {
    // It may have loaded all before the command comes: what is left behind is the same.
    const port = await claimPort();
    const { command, args } = darterCommand();
    const words = ['--port', String(port), '--dir', folder, '--save', '1 1', '--threads', '2'];
    await using server = spawnServer('darter', command, [...args, ...words], port);
    await until('it can be told to end', () =>
      server.ask('SHUTDOWN').then(
        () => true,
        () => !server.alive,
      ),
    );
    assert.equal((await server.exit()).code, 0);
  }
  const { status, stdout } = checked(join(folder, 'dump.darter'));
  assert.equal(status, 0);
  assert.match(stdout, /20000 keys/);
});

test('keys that have expired are not there after a restart, whoever removes them', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startSmallIn(folder);
    await server.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    // It is past its time when it is saved, and nobody has looked at it.
    await server.ask('SET', 'past', 'value', 'PX', '1');
    await server.ask('SET', 'soon', 'value', 'PX', '300');
    await server.ask('SET', 'stays', 'value', 'EX', '1000');
    assert.equal(await server.ask('SAVE'), 'OK');
    await server.ask('SHUTDOWN', 'NOSAVE').catch(() => {});
    await server.exit();
  }
  const soon = Date.now() + 300;
  await until('its time is past', async () => Date.now() > soon);
  await using server = await startSmallIn(folder);
  assert.equal(await server.ask('EXISTS', 'past', 'soon', 'stays'), '1');
  await until('they are removed', async () => (await server.ask('DBSIZE')) === '1');
});

test('a start from a snapshot warns of an RDB file that is newer, and of no older one', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const file = join(folder, 'dump.rdb');
  {
    await using server = await startSmallIn(folder);
    assert.equal(await server.ask('SET', 'key', 'value'), 'OK');
    assert.equal(await server.ask('SAVE'), 'OK');
    await server.ask('SHUTDOWN', 'NOSAVE').catch(() => {});
    await server.exit();
  }
  writeFileSync(file, 'REDIS0010');
  assert.match(checked(file).stderr, /dump\.rdb is damaged at offset 9: The file ends too early/);
  const hour = 3600;
  for (const isNewer of [false, true]) {
    const time = Date.now() / 1000 + (isNewer ? hour : -hour);
    utimesSync(file, time, time);
    await using server = await startSmallIn(folder);
    await server.logged(/Ready to accept connections/);
    assert.equal(await server.ask('GET', 'key'), 'value');
    assert.equal(/dump\.rdb is newer than the snapshot/.test(server.log), isNewer);
    await server.ask('SHUTDOWN', 'NOSAVE').catch(() => {});
    await server.exit();
  }
});
