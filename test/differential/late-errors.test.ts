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
      /^(errorstat_|total_error_replies|cmdstat_(blpop|xreadgroup|migrate))/.test(line),
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
    if (then.length > 0) await until('a blocked client', () => isBlocked(other));
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
