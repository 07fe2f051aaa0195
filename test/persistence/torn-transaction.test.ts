/**
 * A crash that cuts the journal within a transaction that writes to several shards and loads a library of
 * functions: its keys are there whole or not at all, wherever it is cut, and the server starts. The library,
 * which is in a stream of its own, is there or not by itself.
 */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nodeDisk } from '../../src/persistence/files/node-disk.js';
import { SegmentReader } from '../../src/replication/files/segment-reader.js';
import { SegmentScan } from '../../src/replication/files/segment-scan.js';
import { limitToWhole } from '../../src/replication/files/whole-transactions.js';
import { streamsOf } from '../../src/replication/primary/primary-state.js';
import { isError, textOf } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';
import { newFolder, startSmallIn } from './support.js';

const SHARDS = 4;
const OPTIONS = ['--appendonly', 'yes', '--appendfsync', 'always', '--shards', String(SHARDS)];
const SEGMENT = join('appendonlydir', 'appendonly.aof.1.1.0.segment');
const KEYS = Array.from({ length: 24 }, (_, i) => `key${i}`);
const LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 'from f' end)";
/** So many real starts, at cuts that are evenly spaced. */
const STARTS = 4;

interface Written {
  readonly folder: string;
  /** Bytes of the segment before the transaction, and after it. */
  readonly before: number;
  readonly after: number;
}

async function write(t: TestContext): Promise<Written> {
  const folder = newFolder(t);
  await using server = await startSmallIn(folder, ...OPTIONS);
  const client = await server.client();
  await client.command('SET', 'earlier', 'value');
  const path = join(folder, SEGMENT);
  const before = statSync(path).size;
  await client.command('MULTI');
  for (const key of KEYS) await client.command('SET', key, 'value');
  await client.command('FUNCTION', 'LOAD', LIBRARY);
  for (const key of KEYS) await client.command('APPEND', key, ' of the transaction');
  await client.command('EXEC');
  const after = statSync(path).size;
  server.child.kill('SIGKILL');
  await server.exited;
  return { folder, before, after };
}

/** By stream: how far a start would load the segment. */
async function endsOf(path: string): Promise<number[]> {
  const reader = await SegmentReader.open(nodeDisk, path);
  try {
    const streams = Array.from({ length: streamsOf(SHARDS) }, (_, stream) => stream);
    const begun = await reader.starts(streams.length);
    const starts = streams.map((stream) => begun!.get(stream)!);
    const limits = streams.map(() => Number.POSITIVE_INFINITY);
    const scan = new SegmentScan(streams, starts, limits);
    while (await reader.next()) {
      do assert.equal(scan.take(reader.region, reader.block), null);
      while (reader.advance());
    }
    const ends = [...scan.result.ends];
    assert.ok(limitToWhole([scan.result], ends));
    return ends;
  } finally {
    await reader.close();
  }
}

async function checkStart(server: Server): Promise<boolean> {
  const client = await server.client();
  assert.equal(await client.text('GET', 'earlier'), 'value');
  const values = [];
  for (const key of KEYS) values.push(await client.text('EXISTS', key));
  assert.equal(new Set(values).size, 1, `of the keys of one transaction: ${values}`);
  if (values[0] === '1') assert.equal(await client.text('GET', 'key0'), 'value of the transaction');
  const loaded = await client.command('FCALL', 'f', '0');
  assert.ok(isError(loaded) ? loaded.text.includes('not found') : textOf(loaded) === 'from f');
  await client.command('SET', 'later', 'value');
  await client.close();
  return values[0] === '1';
}

test('a journal that is cut within a transaction with FUNCTION LOAD is loaded without it, or with all its keys', {
  skip: darterMissing(),
}, async (t) => {
  const { folder, before, after } = await write(t);
  const whole = join(folder, SEGMENT);
  const cut = join(newFolder(t), 'segment');
  copyFileSync(whole, cut);
  truncateSync(cut, after);
  const last = await endsOf(cut);
  const outcomes = new Set<string>();
  for (let bytes = after; bytes >= before; bytes--) {
    truncateSync(cut, bytes);
    const ends = (await endsOf(cut)).slice(0, SHARDS);
    outcomes.add(ends.map((end, shard) => (end === last[shard] ? 'all' : String(end))).join(' '));
  }
  assert.equal(outcomes.size, 2, [...outcomes].join('\n'));
  const found = new Set<boolean>();
  for (let i = 0; i <= STARTS; i++) {
    const copy = newFolder(t);
    cpSync(folder, copy, { recursive: true });
    truncateSync(join(copy, SEGMENT), after - Math.floor(((after - before) * i) / STARTS));
    await using server = await startSmallIn(copy, ...OPTIONS);
    found.add(await checkStart(server));
  }
  assert.deepEqual([...found], [true, false]);
});
