/**
 * Hostile scripts: each gets a reply, and nobody else is harmed. The large ones run by command:
 * `npm run hostile`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../support/server.js';
import { attacks } from './attacks.js';
import { rawReply } from './raw-reply.js';

const skip = darterMissing() || (testsDarter ? false : 'for Darter alone');
const RESIDENT_BYTES_MAX = 1.5e9;
const REPLY_MS = 100_000;
const WALKS = 40;
const CALLS = 30;
const DAMAGES = 60;

/** Arguments that no command expects in most of its places. */
const ABSURD = [
  ...['', '0', '-1', '1', '9223372036854775807', '-9223372036854775808', '1e308', 'nan', 'inf'],
  ...[
    '*',
    '[',
    '(',
    '-',
    '+',
    '$',
    '0-0',
    'STORE',
    'LIMIT',
    'COUNT',
    'GET',
    'EX',
    'BY',
    'WITHSCORES',
  ],
  ...[
    'string',
    'list',
    'hash',
    'set',
    'zset',
    'stream',
    '\0',
    '\r\n',
    '\xff'.repeat(300),
    '{a}',
    '#',
  ],
];
const TYPED = [
  ['SET', 'string', 'text'],
  ['RPUSH', 'list', 'a', 'b'],
  ['HSET', 'hash', 'f', '1'],
  ['SADD', 'set', 'a', '1'],
  ['ZADD', 'zset', '1', 'a'],
  ['XADD', 'stream', '1-1', 'f', 'v'],
];

describe('hostile scripts', { skip }, () => {
  let server: Server;
  let client: RawClient;

  before(async () => {
    server = await startDarter({ threads: 2 });
    client = await server.client();
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  async function ask(...words: string[]): Promise<string> {
    return textOf(await client.command(...words.map((word) => Buffer.from(word, 'latin1'))));
  }

  /** Every shard can be locked, written and read, and scripts run. */
  async function checkServer(): Promise<void> {
    assert.match(await ask('SWAPDB', '1', '1'), /^OK$/);
    assert.equal(await ask('EVAL', "return redis.call('set', KEYS[1], 1)", '1', 'key'), 'OK');
    assert.match(await ask('KEYS', 'k*'), /key/);
  }

  for (const { name, words } of attacks.filter((attack) => !attack.isLarge)) {
    it(`answers ${name}`, { timeout: 120_000 }, async () => {
      const reply = await rawReply(server.port, words, REPLY_MS);
      assert.ok(!reply.includes('ERR internal error'), reply.slice(0, 200));
      await checkServer();
    });
  }

  it('a random walk over all commands leaves no lock and no damage', {
    timeout: 240_000,
  }, async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const names = (await ask('COMMAND', 'LIST'))
      .split(/[\s,[\]"]+/)
      .filter((word) => /^[a-z]+$/.test(word));
    assert.ok(names.length > 200);
    const script = `local at = 1 local n = 0
      while at <= #ARGV do
        local count = tonumber(ARGV[at])
        redis.pcall(unpack(ARGV, at + 1, at + count))
        at = at + count + 1
        n = n + 1
      end
      return n`;
    for (let i = 0; i < WALKS; i++) {
      const words: string[] = [];
      for (let call = 0; call < CALLS; call++) {
        const args = Array.from({ length: random.below(7) }, () => random.pick(ABSURD));
        words.push(String(args.length + 1), random.pick(names), ...args);
      }
      for (const typed of TYPED) await ask(...typed);
      const reply = await ask('EVAL', script, '0', ...words);
      assert.equal(reply, String(CALLS), JSON.stringify(words));
      await checkServer();
    }
  });

  it('a damaged dump of functions is refused and changes nothing', {
    timeout: 120_000,
  }, async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const code = "#!lua name=one\nredis.register_function('f', function() return 'here' end)";
    assert.equal(await ask('FUNCTION', 'LOAD', 'REPLACE', code), 'one');
    const whole = Buffer.from(await ask('FUNCTION', 'DUMP'), 'latin1');
    assert.ok(whole.length > code.length / 2);
    for (let i = 0; i < DAMAGES; i++) {
      const damaged = Buffer.from(
        whole.subarray(0, random.chance(0.5) ? whole.length : random.below(whole.length)),
      );
      for (let n = 0; n < 3 && damaged.length > 0; n++)
        damaged[random.below(damaged.length)]! ^= 1 + random.below(255);
      const reply = textOf(await client.command('FUNCTION', 'RESTORE', damaged, 'FLUSH'));
      assert.match(reply, /^ERR/);
      assert.equal(await ask('FCALL', 'f', '0'), 'here');
    }
  });

  it('has taken no more memory than that needs', () => {
    assert.ok(server.residentBytes() < RESIDENT_BYTES_MAX, `${server.residentBytes()} bytes`);
  });
});
