/** Which files of a folder are a journal's, and which of them go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from '../../../../persistence/files/testing-memory-disk.js';
import { JournalFiles } from './journal-files.js';

const REDIS = ['aof.1.base.rdb', 'aof.1.incr.aof', 'aof.manifest', 'aof.2.base.aof'];
const OTHERS = ['aof.1.base.bak', 'aof.1.1.0.segment.gz', 'aof.old', 'other.1.base'];
const FIRST = [
  ...[
    'aof.1.base',
    'aof.1.base.1764114695123-3fa2b1.0',
    'aof.1.base.1764114695123-3fa2b1.manifest',
  ],
  ...['aof.1.base.new', 'aof.1.1.0.segment', 'aof.1.1.1.segment', 'aof.1.ended', 'aof.1.ended.new'],
];

function filesIn(names: readonly string[]): { files: JournalFiles; left: () => Promise<string[]> } {
  const disk = new MemoryDisk();
  for (const name of names) disk.put(`journal/${name}`, new Uint8Array(1));
  const left = async () => (await disk.list('journal')).sort();
  return { files: new JournalFiles(disk, 'journal', 'aof'), left };
}

test('of other chains all files go, and nothing that a Redis or a person has put there', async () => {
  const kept = [...REDIS, ...OTHERS, 'aof.3.base', 'aof.3.4.0.segment'];
  const { files, left } = filesIn([...kept, ...FIRST, 'aof.3.3.0.segment']);
  assert.equal((await files.find())?.chain, 3);
  await files.removeOld(3, 4);
  assert.deepEqual(await left(), kept.sort());
});

test('files whose base was missing at the start stay while the process runs', async () => {
  const baseless = FIRST.filter((name) => name !== 'aof.1.base');
  const { files, left } = filesIn([...baseless, ...REDIS]);
  assert.equal(await files.find(), null);
  assert.deepEqual(await files.keepBaseless(), [1]);
  await files.removeOld(2, 1);
  assert.deepEqual(await left(), [...baseless, ...REDIS].sort());
});
