/** Values that come in their own form: of every type, to any number of shards; no client sends such parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, sameData, startSmall } from './support.js';

const skip = darterMissing();

/** Collections of several parts, each with an element that is too long for a page. */
async function fillLarge(server: Server): Promise<void> {
  const client = await server.client({ timeout_ms: 60_000 });
  const long = 'x'.repeat(70_000);
  for (let from = 0; from < 20_000; from += 1000) {
    const words = Array.from({ length: 1000 }, (_, i) => `element-${from + i}`);
    if (from === 5000) words.push(long);
    await client.command('SADD', 'set', ...words);
    await client.command('RPUSH', 'list', ...words);
    await client.command('HSET', 'hash', ...words.flatMap((word) => [word, word]));
    await client.command(
      'ZADD',
      'scores',
      ...words.flatMap((word, i) => [`${(i * 37) % 500}`, word]),
    );
  }
  for (let i = 1; i <= 5000; i++) {
    await client.command('XADD', 'stream', `${i}-1`, 'field', `value-${i}`, 'number', `${i}`);
  }
  await client.command('XADD', 'stream', '6000-1', 'long', long);
  await client.command('XDEL', 'stream', '17-1', '2500-1');
  await client.command('HPEXPIRE', 'hash', '1000000', 'FIELDS', '1', 'element-3');
  await client.command('HSET', 'plain', ...Array.from({ length: 6000 }, (_, i) => `f${i}`));
  await client.command('PEXPIRE', 'plain', '1000000');
  await client.close();
}

test('large values of every type reach replicas with the same and with another number of shards', {
  skip,
}, async () => {
  await using primary = await startSmall('--shards', '8');
  await fillLarge(primary);
  await using same = await startSmall('--shards', '8');
  await using fewer = await startSmall('--shards', '2');
  for (const replica of [same, fewer]) {
    await follow(replica, primary.port);
    await linkUp(replica);
  }
  await sameData(primary, same, fewer);
  for (const replica of [same, fewer]) {
    assert.equal(await replica.ask('HLEN', 'plain'), '3000');
    assert.equal(await replica.ask('XLEN', 'stream'), '4999');
  }
  // What was shipped changes as anything does.
  await primary.ask('HSET', 'plain', 'f0', 'other', 'new', 'field');
  await primary.ask('SREM', 'set', 'element-7');
  await primary.ask('LINSERT', 'list', 'BEFORE', 'element-9000', 'between');
  await primary.ask('XADD', 'stream', '6001-1', 'field', 'value');
  await primary.ask('XTRIM', 'stream', 'MAXLEN', '100');
  await sameData(primary, same, fewer);
});

test('a client cannot send a part of a value', { skip }, async () => {
  await using server = await startSmall();
  const error = 'ERR DARTER PART is for the flows of a sync';
  assert.equal(await server.ask('DARTER', 'PART', 'key', '20', 'part'), error);
  assert.equal(await server.ask('EXISTS', 'key'), '0');
});
