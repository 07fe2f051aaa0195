/**
 * Keys that really expire. The random campaign avoids them, since two servers never read their
 * clocks at the same moment; here tiny times are set, a pause lets them pass, then both servers are
 * asked again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { type Reply, showReply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { until } from '../support/until.js';
import { repliesAgree } from './comparison.js';
import { datasetDifference, readDataset } from './dataset.js';

const rounds = 12;
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const tiny_ms = 150;
const settle_ms = 260;
/** Longer than a busy machine needs for a few commands. */
const EXPIRES_MS = 500;

/** Sets an expiry that passes in the pause, or a long one, or none. */
function setting(random: Random): string[] {
  const key = random.pick(keys);
  const past = String(1 + random.below(1_000_000));
  return random.pick([
    ['SET', key, '10', 'PX', String(tiny_ms)],
    ['SET', key, '10', 'PX', String(tiny_ms)],
    ['PSETEX', key, String(tiny_ms), '7'],
    ['PEXPIRE', key, String(tiny_ms)],
    ['PEXPIRE', key, String(tiny_ms), 'NX'],
    ['GETEX', key, 'PX', String(tiny_ms)],
    ['GETEX', key, 'EXAT', past],
    ['EXPIREAT', key, past],
    ['PEXPIREAT', key, past, 'LT'],
    ['SET', key, '5', 'EXAT', past],
    ['SET', key, '5', 'PXAT', past, 'GET'],
    ['SET', key, '11'],
    ['SET', key, '12', 'EX', '1000'],
    ['PERSIST', key],
    ['RENAME', key, random.pick(keys)],
    ['COPY', key, random.pick(keys), 'REPLACE'],
    ['APPEND', key, '1'],
    ['SET', key, '13', 'KEEPTTL'],
  ]);
}

/** In milliseconds, and some in seconds: where doubles, 64 bits and a thousandth of them end. */
const borderTimes: readonly string[] = [
  ...['9007199254740991', '9007199254740992', '9007199254740993', '9007199254740'],
  ...['9007199254741', '9223372036854775', '9223372036854776', '9223370000000000'],
  ...['9223372036854770000', '9223372036854775306', '9223372036854775308'],
  ...['9223372036854775806', '9223372036854775807', '9223372036854775808'],
  ...['-9223372036854775', '-9223372036854776', '-9223372036854775808', '-9223372036854775809'],
  ...['-9007199254740993', '-1', '0', '1'],
];

/** Relative times only where the answer does not depend on the moment. */
function settersOf(time: string): string[][] {
  const absolute = [
    ['PEXPIREAT', 'k', time],
    ['EXPIREAT', 'k', time],
    ['SET', 'k', 'w', 'PXAT', time],
    ['SET', 'k', 'w', 'EXAT', time],
    ['GETEX', 'k', 'PXAT', time],
    ['GETEX', 'k', 'EXAT', time],
  ];
  const relative = [
    ['PEXPIRE', 'k', time],
    ['EXPIRE', 'k', time],
    ['SET', 'k', 'w', 'PX', time],
    ['SET', 'k', 'w', 'EX', time],
    ['GETEX', 'k', 'PX', time],
    ['SETEX', 'k', time, 'w'],
    ['PSETEX', 'k', time, 'w'],
  ];
  // Far relative times are set where they fit, so that only those are left that do not, or are past.
  const fits = BigInt(time) > 0n && BigInt(time) < 9_223_370_000_000_000_000n;
  return fits ? absolute : [...absolute, ...relative];
}

/** Meets keys that have expired. */
function asking(random: Random): string[] {
  const key = random.pick(keys);
  const other = random.pick(keys);
  return random.pick([
    ['GET', key],
    ['EXISTS', key, other],
    ['TTL', key],
    ['PTTL', key],
    ['PEXPIRETIME', key],
    ['TYPE', key],
    ['STRLEN', key],
    ['MGET', key, other],
    ['SETNX', key, '1'],
    ['SET', key, '1', 'XX'],
    ['SET', key, '2', 'NX', 'GET'],
    ['SET', key, '2', 'KEEPTTL'],
    ['MSETNX', key, '1', other, '2'],
    ['INCR', key],
    ['INCRBYFLOAT', key, '1.5'],
    ['APPEND', key, 'x'],
    ['SETRANGE', key, '2', 'zz'],
    ['SETBIT', key, '9', '1'],
    ['BITCOUNT', key],
    ['BITOP', 'OR', key, other],
    ['GETDEL', key],
    ['GETSET', key, '3'],
    ['GETEX', key, 'PERSIST'],
    ['DEL', key],
    ['UNLINK', key],
    ['TOUCH', key],
    ['RENAME', key, other],
    ['RENAMENX', key, other],
    ['COPY', key, other],
    ['MOVE', key, '1'],
    ['PERSIST', key],
    ['EXPIRE', key, '1000', 'XX'],
    ['OBJECT', 'ENCODING', key],
    ['KEYS', '*'],
    ['SCAN', '0', 'COUNT', '1000000'],
  ]);
}

describe('keys that expire', { skip: eitherMissing() }, () => {
  let servers: [Server, Server];
  let clients: [RawClient, RawClient];

  before(async () => {
    servers = await Promise.all([startDarter(), startRedis()]);
    clients = await Promise.all([servers[0].client(), servers[1].client()]);
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  /** The replies of both, and how long the slower one took. */
  async function both(commands: string[][]): Promise<[Reply[], Reply[]]> {
    return Promise.all([clients[0].pipeline(commands), clients[1].pipeline(commands)]);
  }

  function compare(commands: string[][], [ours, theirs]: [Reply[], Reply[]]): void {
    commands.forEach((args, i) => {
      const [own, their] = [ours[i] as Reply, theirs[i] as Reply];
      if (repliesAgree(args, own, their)) return;
      const history = commands.slice(0, i + 1).map((each) => each.join(' '));
      assert.fail(`${showReply(own)} instead of ${showReply(their)} after\n${history.join('\n')}`);
    });
  }

  test('settings, then a pause, then questions', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    for (let round = 0; round < rounds; round++) {
      const settings = Array.from({ length: 30 }, () => setting(random));
      const questions = Array.from({ length: 60 }, () => asking(random));
      const begun = Date.now();
      const replies = await both([['FLUSHALL'], ...settings]);
      // On a machine that stalled, a tiny time may have passed already: nothing to compare.
      if (Date.now() - begun > tiny_ms / 2) continue;
      compare([['FLUSHALL'], ...settings], replies);
      await sleep(settle_ms);
      compare(questions, await both(questions));
      const [ours, theirs] = await Promise.all(clients.map(readDataset));
      assert.equal(datasetDifference(ours as never, theirs as never), undefined);
    }
  });

  test('expired keys go on their own', async () => {
    const commands = [['FLUSHALL']];
    for (let i = 0; i < 2000; i++) commands.push(['SET', `gone:${i}`, 'v', 'PX', '50']);
    commands.push(['SET', 'stays', 'v']);
    await both(commands);
    await until('few are left', async () => {
      const [ours] = await both([['DBSIZE']]);
      const left = textOf(ours[0] as Reply);
      return Number(left) < 300 || left;
    });
  });

  test('an expiry inside a transaction does not take a key away under it', async () => {
    const commands = [
      ['FLUSHALL'],
      ['SET', 'a', '1', 'PX', String(EXPIRES_MS)],
      ['MULTI'],
      ['GET', 'a'],
      ['SET', 'b', '1', 'PX', '1'],
      ['GET', 'b'],
      ['EXEC'],
    ];
    compare(commands, await both(commands));
    await sleep(EXPIRES_MS + 100);
    const questions = [['GET', 'a'], ['GET', 'b'], ['DBSIZE']];
    compare(questions, await both(questions));
  });

  test('times at the borders of 53 and of 64 bits', async () => {
    const commands = borderTimes.flatMap((time) =>
      settersOf(time).flatMap((setter) => [
        ['SET', 'k', 'v'],
        setter,
        ['PEXPIRETIME', 'k'],
        ['EXPIRETIME', 'k'],
        ['APPEND', 'k', 'longer'],
        ['RENAME', 'k', 'l'],
        ['PEXPIRETIME', 'l'],
        ['PEXPIREAT', 'l', time, 'GT'],
        ['PEXPIREAT', 'l', '9223372036854775806', 'LT'],
        ['PEXPIRETIME', 'l'],
        ['PERSIST', 'l'],
        ['DEL', 'k', 'l'],
      ]),
    );
    compare(commands, await both(commands));
    const [ours, theirs] = await both([
      ['SET', 'k', 'v', 'PXAT', '9223372036854775807'],
      ['PTTL', 'k'],
      ['TTL', 'k'],
    ]);
    for (const i of [1, 2]) {
      const [own, their] = [ours[i], theirs[i]].map((reply) => showReply(reply as Reply));
      assert.equal(own?.slice(0, -6), their?.slice(0, -6), 'but for the last seconds');
    }
  });

  test('WATCH notices a key that expires', async () => {
    const watching = [['FLUSHALL'], ['SET', 'a', '1', 'PX', String(EXPIRES_MS)], ['WATCH', 'a']];
    compare(watching, await both(watching));
    await sleep(EXPIRES_MS + 100);
    const running = [['MULTI'], ['SET', 'b', '1'], ['EXEC'], ['EXISTS', 'b']];
    compare(running, await both(running));
  });
});
