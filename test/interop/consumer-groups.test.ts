/**
 * An application of a consumer group whose consumers crash between reading an entry and acknowledging
 * it, at random. Others claim what they leave. Every entry is acknowledged once, and none is left.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { Random, seedFromEnvironment } from '../support/random.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';

const CONSUMERS = 20;
const ENTRIES = 2000;
const CRASH = 0.02;
type Entry = [id: string, fields: string[]];

describe('a consumer group with crashing consumers', { skip: darterMissing() }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter({ threads: 2 });
  });
  after(() => server.stop());

  test('every entry is acknowledged once', async (t) => {
    const seed = seedFromEnvironment();
    t.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    const admin = new Redis(server.port);
    await admin.xgroup('CREATE', 'log', 'g', '0', 'MKSTREAM');
    const acknowledged: string[] = [];
    const delivered = new Set<string>();
    let crashes = 0;

    /** One life of a consumer. @returns whether it crashed */
    const live = async (name: string): Promise<boolean> => {
      const client = new Redis(server.port, { retryStrategy: () => null });
      try {
        while (acknowledged.length < ENTRIES) {
          const claimed = (await client.xautoclaim('log', 'g', name, 50, '0', 'COUNT', 3)) as [
            string,
            Entry[],
          ];
          // The library gives the only stream of a reply without the list around it.
          const read = (await client.call(
            ...[
              'XREADGROUP',
              'GROUP',
              'g',
              name,
              'COUNT',
              '5',
              'BLOCK',
              '20',
              'STREAMS',
              'log',
              '>',
            ],
          )) as [string, Entry[]] | null;
          for (const [id, fields] of [...claimed[1], ...(read?.[1] ?? [])]) {
            assert.equal(fields[0], 'job');
            delivered.add(fields[1]!);
            if (random.chance(CRASH)) return true;
            if ((await client.xack('log', 'g', id)) === 1) acknowledged.push(id);
          }
        }
        return false;
      } finally {
        client.disconnect();
      }
    };
    const consume = async (name: string): Promise<void> => {
      while (await live(name)) crashes++;
    };
    const working = Array.from({ length: CONSUMERS }, (_, i) => consume(`consumer ${i}`));
    for (let i = 0; i < ENTRIES; i++) {
      const added = admin.xadd('log', '*', 'job', String(i));
      if (i % 20 === 0) await added;
    }
    await Promise.all(working);
    assert.equal(acknowledged.length, ENTRIES);
    assert.equal(new Set(acknowledged).size, ENTRIES);
    assert.equal(delivered.size, ENTRIES);
    assert.deepEqual(await admin.xpending('log', 'g'), [0, null, null, null]);
    t.diagnostic(`${crashes} crashes`);
    await admin.quit();
  });
});
