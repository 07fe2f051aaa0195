/** Transactions whose parts lie on shards of different flows, written faster than they travel. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeAll } from '../support/client.js';
import { darterMissing, type Server } from '../support/server.js';
import { fill, follow, linkUp, number, sameData, startNode } from './support.js';

const BATCH = 500;
const BATCHES_ON_THE_WAY = 8;
const VALUE = 'v'.repeat(500);
const MEBIBYTE = 1 << 20;

/** Pipelined MSETs of two keys each, as fast as they are answered. @returns how many */
async function writePairs(server: Server, bytesMin: number): Promise<number> {
  const client = await server.client();
  const commands = Array.from({ length: BATCH }, (_, i) => {
    return ['MSET', `a:${i}`, VALUE, `b:${(i * 7) % BATCH}`, VALUE];
  });
  const bytes = encodeAll(commands);
  const waiting: Promise<unknown>[] = [];
  const batches = Math.ceil(bytesMin / bytes.length);
  for (let i = 0; i < batches; i++) {
    client.write(bytes);
    waiting.push(client.replies(BATCH));
    if (waiting.length >= BATCHES_ON_THE_WAY) await waiting.shift();
  }
  await Promise.all(waiting);
  await client.close();
  return batches * BATCH;
}

/** What waits at most: a window for each shard, which is half of its journal. */
const WINDOWS_BYTES = (32 * MEBIBYTE) / 2;
/** Much more than that, however fast the machine is. */
const WRITTEN_BYTES = 80 * MEBIBYTE;

describe('replication: transactions over several flows', { skip: darterMissing() }, () => {
  test('what waits on the replica is bounded by the windows, and nothing costs the link', async (t) => {
    await using primary = await startNode('--threads', '2');
    await using replica = await startNode('--threads', '2');
    await follow(replica, primary.port);
    await linkUp(replica);
    const before = replica.residentBytes();
    let isWriting = true;
    let mostPending = 0;
    let mostMemory = 0;
    const watch = async (): Promise<void> => {
      while (isWriting) {
        mostPending = Math.max(mostPending, await number(replica, 'slave_repl_pending_bytes'));
        mostMemory = Math.max(mostMemory, replica.residentBytes() - before);
        await sleep(50);
      }
    };
    const watching = watch();
    const written = await writePairs(primary, WRITTEN_BYTES);
    isWriting = false;
    await watching;
    const behind =
      (await number(primary, 'master_repl_offset')) - (await number(replica, 'slave_repl_offset'));
    t.diagnostic(`${written} transactions; behind at the end: ${behind} bytes`);
    t.diagnostic(`waiting: ${mostPending} bytes; memory: ${mostMemory} bytes more`);
    assert.ok(mostPending > 0 && mostPending <= WINDOWS_BYTES, `${mostPending} bytes waited`);
    // What waits, in twice its room; the replica's own journal; the data; buffers.
    assert.ok(mostMemory < 2 * WINDOWS_BYTES + 80 * MEBIBYTE, `${mostMemory} bytes more`);
    const client = await primary.client();
    assert.equal(await client.text('WAIT', '1', '120000'), '1');
    await client.close();
    assert.equal(await number(replica, 'slave_repl_pending_bytes'), 0);
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 1);
    assert.equal(await number(primary, 'sync_partial_ok'), 0);
  });

  test('SWAPDB and FLUSHALL reach a replica with fewer shards without a full sync', async () => {
    await using primary = await startNode();
    await using replica = await startNode('--shards', '4');
    await follow(replica, primary.port);
    await linkUp(replica);
    await fill(primary, 2000, 20);
    const client = await primary.client();
    const run = async (...commands: string[][]): Promise<void> => {
      for (const words of commands) await client.text(...words);
    };
    await run(['SELECT', '3'], ['MSET', 'a', '1', 'b', '2', 'c', '3'], ['SWAPDB', '0', '3']);
    await sameData(primary, replica);
    await run(['MULTI'], ['SET', 'd', '4'], ['SWAPDB', '3', '5'], ['MSET', 'e', '5', 'f', '6']);
    await run(['SWAPDB', '0', '3'], ['DEL', 'a'], ['EXEC']);
    await sameData(primary, replica);
    await run(['FLUSHDB'], ['SELECT', '0'], ['SET', 'g', '7']);
    await sameData(primary, replica);
    await run(['FLUSHALL'], ['SET', 'h', '8']);
    await sameData(primary, replica);
    assert.equal(await replica.ask('DBSIZE'), '1');
    await client.close();
    assert.equal(await number(primary, 'sync_full'), 1);
  });
});
