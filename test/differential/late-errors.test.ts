/** Errors that clients get later than their command came count in INFO as all others do. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { showReply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { until } from '../support/until.js';

/** Fields of INFO that are not times. */
function figures(info: string): string[] {
  return info
    .split('\r\n')
    .filter((line) =>
      /^(errorstat_|total_error_replies|cmdstat_(blpop|eval|incr|wait|xreadgroup|migrate)\b)/.test(
        line,
      ),
    )
    .map((line) => line.replace(/usec=.*?,rejected/, 'rejected'))
    .sort();
}

describe('errors that come later', { skip: eitherMissing() }, () => {
  let servers: Server[] = [];
  before(async () => {
    servers = await Promise.all([startDarter(), startRedis()]);
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  /** @returns the reply that comes when `then` has been run, and what INFO says afterwards */
  async function story(server: Server, command: readonly string[], then: readonly string[][]) {
    const [waiting, other] = await Promise.all([server.client(), server.client()]);
    await other.command('FLUSHALL');
    await other.command('XGROUP', 'CREATE', 'stream', 'g', '$', 'MKSTREAM');
    await other.command('CONFIG', 'RESETSTAT');
    const id = textOf(await waiting.command('CLIENT', 'ID'));
    const reply = waiting.command(...command);
    const isWaiting = then.length > 0 && command[0] !== 'PING';
    if (isWaiting) await until('a blocked client', () => isBlocked(other));
    for (const words of then)
      await other.command(...words.map((word) => (word === 'ID' ? id : word)));
    const text = showReply(await reply);
    const seen = [];
    for (const section of ['errorstats', 'commandstats', 'stats']) {
      seen.push(...figures(textOf(await other.command('INFO', section))));
    }
    await Promise.all([waiting.close(), other.close()]);
    return { text, seen };
  }

  async function isBlocked(client: RawClient): Promise<boolean> {
    return textOf(await client.command('INFO', 'clients')).includes('blocked_clients:1');
  }

  const stories: Readonly<Record<string, readonly [readonly string[], readonly string[][]]>> = {
    'CLIENT UNBLOCK ERROR': [['BLPOP', 'list', '0'], [['CLIENT', 'UNBLOCK', 'ID', 'ERROR']]],
    'CLIENT UNBLOCK TIMEOUT': [['BLPOP', 'list', '0'], [['CLIENT', 'UNBLOCK', 'ID', 'TIMEOUT']]],
    'CLIENT UNBLOCK of WAIT': [['WAIT', '1', '0'], [['CLIENT', 'UNBLOCK', 'ID']]],
    'CLIENT UNBLOCK ERROR of WAIT': [['WAIT', '1', '0'], [['CLIENT', 'UNBLOCK', 'ID', 'ERROR']]],
    'a timeout': [['BLPOP', 'list', '0.01'], []],
    'a value of the wrong type': [
      ['BLMOVE', 'list', 'stream', 'LEFT', 'LEFT', '0'],
      [['RPUSH', 'list', 'v']],
    ],
    'a stream that goes': [
      ['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 'stream', '>'],
      [['DEL', 'stream']],
    ],
  };
  for (const [name, [command, then]] of Object.entries(stories)) {
    test(name, async () => {
      const [own, their] = await Promise.all(servers.map((each) => story(each, command, then)));
      assert.deepEqual(own, their);
    });
  }

  const scripts = [
    "return redis.call('incr', KEYS[1], 2)",
    "return redis.call('incr', KEYS[1])",
    "return redis.pcall('incr', KEYS[1])",
    "redis.pcall('incr', KEYS[1]) return 1",
    "redis.pcall('incr', KEYS[1]) return redis.error_reply('MY error')",
    "return {redis.pcall('incr', KEYS[1])}",
    "return {1, {err = 'INNER one'}, {{err = 'INNER'}}}",
    "return redis.call('nosuch')",
    "return {err = 'a b'}",
    "return {err = 'WORD'}",
    `return {err = '${'w'.repeat(30)} b'}`,
    `return {err = '${'w'.repeat(31)} b'}`,
    "error('boom')",
    'syntax(',
  ];
  test('a script that ends with an error of a command in it has failed as well', async () => {
    for (const script of scripts) {
      const eval_ = ['EVAL', script, '1', 'text'];
      const set = [['SET', 'text', 'v'], ['CONFIG', 'RESETSTAT'], eval_];
      const [own, their] = await Promise.all(
        servers.map((server) => story(server, ['PING'], set).then(({ seen }) => seen)),
      );
      assert.deepEqual(own, their, script);
    }
  });

  test('MIGRATE to nobody', async () => {
    const seen = await Promise.all(
      servers.map(async (server) => {
        const client = await server.client();
        await client.command('SET', 'k', 'v');
        await client.command('CONFIG', 'RESETSTAT');
        const reply = await client.command('MIGRATE', '127.0.0.1', '1', 'k', '0', '1000');
        const info = figures(textOf(await client.command('INFO', 'errorstats')));
        await client.close();
        return { reply: showReply(reply).slice(0, 8), info };
      }),
    );
    assert.deepEqual(seen[0], seen[1]);
    assert.equal(seen[0]!.info.length, 1);
  });
});
