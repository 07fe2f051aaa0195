/**
 * Primaries that send nonsense in place of a Redis's protocol: the link ends with the reason, the server
 * lives, its memory is bounded, and it follows a real redis-server afterwards.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { follow, linkUp, startNode, until } from '../replication/support.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { eitherMissing, type Server } from '../support/server.js';
import { commands, Liar } from './liar.js';
import { sameAsRedis, startPrimary } from './support.js';

const ID = 'f'.repeat(40);
const FULL = `+FULLRESYNC ${ID} 100\r\n`;
const MARK = 'e'.repeat(40);
/** An empty RDB of version 10 without a checksum. */
const EMPTY_RDB = `REDIS0010\xff${'\0'.repeat(8)}`;
const GOOD = `${FULL}$${EMPTY_RDB.length}\r\n${EMPTY_RDB}`;
/** A value of the module that is called 'ReJSON-RL', of type 7. */
const MODULE_RDB = `REDIS0010\x07\x01k${moduleId('ReJSON-RL', 3)}\x00`;
const MEMORY_BYTES_MAX = 600 * 1024 * 1024;

/** As a length of 64 bits: nine characters of 6 bits each, and a version of 10 bits. */
function moduleId(name: string, version: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let id = 0n;
  for (const character of name) id = (id << 6n) | BigInt(alphabet.indexOf(character));
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x81;
  bytes.writeBigUInt64BE((id << 10n) | BigInt(version), 1);
  return bytes.toString('latin1');
}

/** What the primary answers to PSYNC, and the reason that is shown. */
const CASES: readonly (readonly [answer: string, reason: RegExp])[] = [
  ['-ERR no sync for you\r\n', /PSYNC with -ERR no sync/],
  ["-NOMASTERLINK Can't SYNC while not connected with my master\r\n", /cannot serve replicas now/],
  ['x'.repeat(5000), /reply does not end/],
  ['+CONTINUE\r\n', /PSYNC with \+CONTINUE/],
  [`${FULL}nonsense\r\n`, /no RDB: nonsense/],
  [`${FULL}-ERR out of disk\r\n`, /it gives up/],
  [`${FULL}$0\r\n`, /does not end after the 0 bytes/],
  [`${FULL}$999999999999999\r\nNOTREDIS!`, /full sync fails: .*signature/],
  [`${FULL}$5\r\nREDIS0010`, /does not end after the 5 bytes/],
  [`${FULL}$EOF:${MARK}\r\n${EMPTY_RDB}${'d'.repeat(40)}`, /not followed by the mark/],
  [`${FULL}$EOF:${MARK}\r\n${MODULE_RDB}${MARK}`, /module.*ReJSON-RL/i],
  // A string of 2^40 bytes, and a hash of 2^60 fields.
  [`${FULL}$EOF:${MARK}\r\nREDIS0010\x00\x01k\x81\0\0\x01\0\0\0\0\0zz`, /full sync fails/],
  [`${FULL}$EOF:${MARK}\r\nREDIS0010\xfe\x40\x64\x00\x01k\x01v`, /database 100, there are 16/],
  [`${GOOD}*1\r\n+PING\r\n`, /no stream of commands/],
  [`${GOOD}*3\r\n$3\r\nSET\r\n$99999999999999\r\n`, /no stream of commands/],
  [
    `${GOOD}${commands(['VADD', 'k', 'FP32', 'v', 'e'])}`,
    /sends VADD k, which this server does not know/,
  ],
  [
    `${GOOD}${commands(['CONFIG', 'SET', 'maxmemory', '1'])}`,
    /CONFIG SET, which this server takes from no/,
  ],
  [
    `${GOOD}${commands(['SHUTDOWN', 'NOSAVE'])}`,
    /SHUTDOWN NOSAVE, which this server takes from no/,
  ],
  [`${GOOD}${commands(['REPLICAOF', 'NO', 'ONE'])}`, /takes from no primary/],
  [`${GOOD}${commands(['SELECT', '77'])}`, /SELECT 77 of the primary failed: ERR DB index/],
  [`${GOOD}${commands(['SET', 'k'])}`, /SET k of the primary failed: ERR wrong number/],
  [
    `${GOOD}${commands(['SET', 'k', 'v'], ['LPUSH', 'k', 'v'])}`,
    /LPUSH k of the primary failed: WRONGTYPE/,
  ],
  [
    `${GOOD}${commands(['MULTI'], ['SET', 'k', 'v'], ['LPUSH', 'k', 'v'], ['EXEC'])}`,
    /EXEC of the primary failed: WRONGTYPE/,
  ],
  [`${GOOD}${commands(['BLPOP', 'k', '0'])}`, /BLPOP k of the primary failed/],
];

/** Follows the liar until the link ends for this reason. */
async function refuse(replica: Server, liar: Liar, answer: string, reason: RegExp): Promise<void> {
  assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
  liar.answer = answer;
  await follow(replica, liar.port);
  await until(`${reason}`, async () => {
    const failure = (await replica.info('master_link_failure')) ?? '';
    return reason.test(failure) || failure;
  });
}

describe('following a primary that lies', { skip: eitherMissing() }, () => {
  test('ends the link with the reason, and nothing else', async (t) => {
    const liar = await Liar.start();
    t.after(() => liar.close());
    await using replica = await startNode();
    for (const [answer, reason] of CASES) await refuse(replica, liar, answer, reason);

    await t.test('a transaction that is cut off has changed nothing', async () => {
      const cut = commands(['SET', 'whole', '1'], ['MULTI'], ['SET', 'half', '1']);
      await refuse(replica, liar, `${GOOD}${cut}${commands(['SHUTDOWN'])}`, /SHUTDOWN/);
      assert.equal(await replica.ask('GET', 'whole'), '1');
      assert.equal(await replica.ask('EXISTS', 'half'), '0');
      // The offset is that before the transaction.
      const before = 100 + commands(['SET', 'whole', '1']).length;
      assert.equal(await replica.info('slave_repl_offset'), String(before));
    });

    await t.test('a stream with flipped bits ends in an error or is applied', async () => {
      const random = new Random(seedFromEnvironment());
      t.diagnostic(`DARTER_SEED=${random.seed}`);
      const good =
        GOOD + commands(['SELECT', '1'], ['HSET', 'h', 'f', 'v'], ['INCR', 'n'], ['PING']);
      for (let i = 0; i < 10; i++) {
        const bytes = Buffer.from(good, 'latin1');
        const at = random.between(FULL.length, bytes.length - 1);
        bytes[at] = bytes[at]! ^ (1 << random.below(8));
        assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
        liar.answer = bytes.toString('latin1');
        await follow(replica, liar.port);
        await until('the outcome', async () => {
          const isFailed = ((await replica.info('master_link_failure')) ?? '') !== '';
          return isFailed || (await replica.info('master_link_status')) === 'up';
        });
      }
    });

    await t.test('it still serves, in bounded memory, and follows a real one', async () => {
      assert.ok(replica.residentBytes() < MEMORY_BYTES_MAX, `${replica.residentBytes()} bytes`);
      await using redis = await startPrimary();
      await redis.ask('SET', 'k', 'v');
      await follow(replica, redis.port);
      await linkUp(replica);
      await sameAsRedis(redis, replica);
      assert.doesNotMatch(replica.log, /internal error/);
    });
  });
});
