/** What Redis 6 sends and later versions do not: scripts as they were called, times from now on. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { follow, linkUp, startNode, until } from '../replication/support.js';
import { darterMissing } from '../support/server.js';
import { commands, Liar } from './liar.js';

const ID = '6'.repeat(40);
/** An empty RDB of version 9 with some settings, as Redis 6 begins one. */
const RDB = `REDIS0009\xfa\x09redis-ver\x066.0.16\xfa\x0erepl-stream-db\xc0\x02\xff${'\0'.repeat(8)}`;
const SCRIPT = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
const SHA = createHash('sha1').update(SCRIPT).digest('hex');

describe('following a Redis 6', { skip: darterMissing() }, () => {
  test('its scripts run here, its times count from now', async (t) => {
    const liar = await Liar.start();
    t.after(() => liar.close());
    await using replica = await startNode();
    await using behind = await startNode('--threads', '1');
    liar.answer = `+FULLRESYNC ${ID} 5000\r\n\n\n$${RDB.length}\r\n${RDB}`;
    await follow(replica, liar.port);
    await linkUp(replica);
    await follow(behind, replica.port);
    await linkUp(behind);
    const stream = commands(
      // Without a SELECT: the RDB said which database comes first.
      ['SET', 'here', 'v'],
      ['SELECT', '0'],
      ['SETEX', 'seconds', '100', 'v'],
      ['PSETEX', 'milliseconds', '100000', 'v'],
      ['SET', 'key', 'v', 'EX', '100'],
      ['EXPIRE', 'key', '200'],
      // It has expired on the primary too; what follows was done before.
      ['SET', 'counter', '1', 'PX', '1'],
      ['INCR', 'counter'],
      ['PERSIST', 'counter'],
      ['SCRIPT', 'LOAD', SCRIPT],
      ['EVAL', SCRIPT, '1', 'sum', '2'],
      ['MULTI'],
      ['EVALSHA', SHA, '1', 'sum', '40'],
      [
        'EVAL',
        "redis.call('SET', KEYS[1], '1') return redis.error_reply('as there')",
        '1',
        'failed',
      ],
      ['EXEC'],
      ['GEORADIUS', 'nowhere', '1', '1', '1', 'km', 'STORE', 'sum2'],
      ['PING'],
    );
    liar.say(stream);
    for (const server of [replica, behind]) {
      await until('all of it', async () => (await server.ask('GET', 'failed')) === '1');
      assert.equal(await server.ask('GET', 'sum'), '42');
      assert.equal(await server.ask('GET', 'counter'), '2');
      for (const key of ['seconds', 'milliseconds']) {
        const ttl = Number(await server.ask('TTL', key));
        assert.ok(ttl > 0 && ttl <= 100, `${key}: ${ttl}`);
      }
      const ttl = Number(await server.ask('TTL', 'key'));
      assert.ok(ttl > 100 && ttl <= 200, `key: ${ttl}`);
      const client = await server.client();
      await client.text('SELECT', '2');
      assert.equal(await client.text('GET', 'here'), 'v');
      await client.close();
    }
    const end = String(5000 + stream.length);
    await until('the place', async () => (await replica.info('slave_repl_offset')) === end);
    await until('it is acknowledged', async () =>
      liar.heard.includes(`\r\nACK\r\n$4\r\n${end}\r\n`),
    );
  });
});
