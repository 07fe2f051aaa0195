/**
 * What is pending in a consumer group while its message is gone: a Redis gets it too, also where the stream
 * goes as commands, although it claims nothing that is not in the stream.
 */
import { test } from 'node:test';
import { sameAsRedis } from '../redis-primary/support.js';
import { follow, linkUp, startNode } from '../replication/support.js';
import type { RawClient } from '../support/client.js';
import { eitherMissing } from '../support/server.js';
import { atOneOffset, startRedisReplica } from './support.js';

/** Entries of a stream that goes as commands, in parts: they are more than a MiB. */
const ENTRIES = 3600;
const VALUE_BYTES = 400;
const BATCH = 600;

interface Filled {
  readonly key: string;
  readonly entries: number;
}

const idsOf = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}-1`);

async function add(client: RawClient, key: string, ids: readonly string[]): Promise<void> {
  for (let from = 0; from < ids.length; from += BATCH) {
    const value = 'x'.repeat(VALUE_BYTES);
    await client.pipeline(
      ids.slice(from, from + BATCH).map((id) => ['XADD', key, id, 'field', value]),
    );
  }
}

/** Two groups have read all that there is. */
async function fill(client: RawClient, { key, entries }: Filled): Promise<void> {
  await add(client, key, idsOf(1, entries + 1));
  for (const group of ['a', 'b']) {
    await client.command('XGROUP', 'CREATE', key, group, '0');
    for (let i = 0; i < 4; i++) {
      const count = ['COUNT', String(entries / 4)];
      const from = ['STREAMS', key, '>'];
      await client.command('XREADGROUP', 'GROUP', group, `consumer-${i}`, ...count, ...from);
    }
  }
  await client.command('XACK', key, 'a', ...idsOf(3, 10));
}

/**
 * The stream is long enough to go as commands, whatever has gone. One group has read all of it, and its
 * last message is gone.
 */
async function addMore(client: RawClient, key: string): Promise<void> {
  await add(
    client,
    key,
    Array.from({ length: ENTRIES }, (_, i) => `9999-${i + 1}`),
  );
  const all = ['COUNT', String(ENTRIES), 'STREAMS', key, '>'];
  await client.command('XREADGROUP', 'GROUP', 'a', 'consumer-9', ...all);
  await client.command('XDEL', key, `9999-${ENTRIES}`);
}

/** What makes messages go. */
const WAYS: Readonly<Record<string, (filled: Filled) => string[][]>> = {
  'deleted here and there': ({ key, entries }) => [
    ['XDEL', key, '1-1', '2-1', '5-1', ...idsOf(entries / 2, entries / 2 + 9), `${entries}-1`],
  ],
  'nearly all deleted': ({ key, entries }) => [['XDEL', key, ...idsOf(2, entries)]],
  'all deleted': ({ key, entries }) => [['XDEL', key, ...idsOf(1, entries + 1)]],
  trimmed: ({ key, entries }) => [['XTRIM', key, 'MINID', `${entries / 4}-1`]],
  'trimmed to nothing': ({ key }) => [['XTRIM', key, 'MAXLEN', '0']],
  'trimmed, and deleted': ({ key, entries }) => [
    ['XTRIM', key, 'MAXLEN', String(entries / 2)],
    ['XDEL', key, `${(entries / 4) * 3}-1`],
  ],
};

test('messages that are gone stay pending at a Redis, after a full sync and after copies', {
  skip: eitherMissing(),
}, async () => {
  await using primary = await startNode();
  await using redis = await startRedisReplica();
  const client = await primary.client({ timeout_ms: 60_000 });
  for (const [what, commands] of Object.entries(WAYS)) {
    for (const filled of [
      { key: `large ${what}`, entries: ENTRIES },
      { key: `small ${what}`, entries: 40 },
    ]) {
      await fill(client, filled);
      for (const command of commands(filled)) await client.command(...command);
    }
    await addMore(client, `large ${what}`);
  }
  await follow(redis, primary.port);
  await linkUp(redis);
  await sameAsRedis(redis, primary);
  for (const what of Object.keys(WAYS)) {
    await client.command('COPY', `small ${what}`, `copy ${what}`);
    await client.command('RENAME', `small ${what}`, `other ${what}`);
  }
  await atOneOffset(primary, redis);
  await sameAsRedis(redis, primary);
  await client.close();
});
