/** Flows' files over a disk in memory: whole, cut off, and with every byte changed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { DamagedFile } from './damaged-file.js';
import { codeOf, type Disk, replaceFile } from './disk.js';
import {
  decodeHeader,
  encodeHeader,
  FLOW_HEADER_BYTES,
  type FlowFileHeader,
  FlowFileReader,
  FlowFileWriter,
} from './flow-file.js';
import { nodeDisk } from './node-disk.js';
import { openSealed, sealText } from './sealed-text.js';
import { MemoryDisk } from './testing-memory-disk.js';

const HEADER: FlowFileHeader = {
  index: 1,
  flows: 2,
  shards: 64,
  databases: 16,
  spread: 8,
  hashKey0: -5,
  hashKey1: 7,
  createdMs: 1_700_000_000_123,
  replicationId: 'ab'.repeat(20),
  setName: '1700000000123-00ff00',
};

async function write(disk: Disk, path: string, pieces: readonly Uint8Array[], finish = true) {
  const writer = await FlowFileWriter.create(disk, path, HEADER);
  for (const piece of pieces) await writer.append(piece);
  if (finish) await writer.finish();
  else await writer.close();
}

/** Reads all blocks in pieces of some length. */
async function readAll(disk: Disk, path: string, pieceBytes: number): Promise<Buffer> {
  const reader = await FlowFileReader.open(disk, path);
  const pieces: Buffer[] = [];
  try {
    for (;;) {
      const piece = Buffer.alloc(pieceBytes);
      const got = await reader.read(piece);
      if (got === 0) return Buffer.concat(pieces);
      pieces.push(piece.subarray(0, got));
    }
  } finally {
    await reader.close();
  }
}

const pieces = fc.array(fc.uint8Array({ minLength: 0, maxLength: 40 }), { maxLength: 6 });

test('what is written in pieces is read in pieces of any other length', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 70 }), async (raw, pieceBytes) => {
      const disk = new MemoryDisk();
      const whole = raw.map(
        (bytes) => new Uint8Array([...bytes, ...new Array(-bytes.length & 7).fill(0)]),
      );
      await write(disk, 'file', whole);
      assert.deepEqual(await readAll(disk, 'file', pieceBytes), Buffer.concat(whole));
    }),
    { numRuns: 60 },
  );
});

test('a change of any byte of a file is found, and so is every cut', async () => {
  const disk = new MemoryDisk();
  await write(disk, 'file', [new Uint8Array(24).fill(3), new Uint8Array(16).fill(9)]);
  const bytes = disk.bytesOf('file');
  const isRefused = async (changed: Uint8Array): Promise<boolean> => {
    const other = new MemoryDisk();
    other.put('file', changed);
    try {
      const reader = await FlowFileReader.open(other, 'file');
      // A snapshot's file without an end is refused by whoever loads it.
      if (reader.end === null) return true;
      await readAll(other, 'file', 16);
      return false;
    } catch (error) {
      return error instanceof DamagedFile;
    }
  };
  for (let at = 0; at < bytes.length; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at]! ^= 1 << (at & 7);
    assert.equal(await isRefused(changed), true, `byte ${at}`);
    assert.equal(await isRefused(bytes.subarray(0, at)), true, `cut at ${at}`);
  }
  assert.equal(await isRefused(bytes), false);
});

test('a file that was not finished can be read up to where it goes', async () => {
  const disk = new MemoryDisk();
  await write(disk, 'file', [new Uint8Array(24).fill(3)], false);
  const reader = await FlowFileReader.open(disk, 'file');
  assert.equal(reader.end, null);
  assert.equal(reader.blocksEnd, FLOW_HEADER_BYTES + 24);
  assert.equal((await readAll(disk, 'file', 7)).length, 24);
});

test('the header holds what it was given', () => {
  assert.deepEqual(decodeHeader(encodeHeader(HEADER)), HEADER);
  assert.match(decodeHeader(new Uint8Array(FLOW_HEADER_BYTES)) as string, /no flow's file/);
});

test('a sealed text opens, and not with any byte changed', () => {
  const bytes = sealText({ a: [1, 'ä'] });
  assert.deepEqual(openSealed(bytes), { value: { a: [1, 'ä'] } });
  for (let at = 0; at < bytes.length; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at]! ^= 1;
    assert.equal(typeof openSealed(changed), 'string', `byte ${at}`);
  }
});

for (const [name, create] of [
  ['memory', () => new MemoryDisk()],
  ['node:fs', () => nodeDisk],
] as const) {
  test(`the disk over ${name} does what is asked`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'darter-disk-'));
    try {
      const disk = create();
      const at = (file: string) => join(folder, file);
      await disk.makeFolder(folder);
      await write(disk, at('a'), [new Uint8Array(new SharedArrayBuffer(16)).fill(5)]);
      assert.equal((await readAll(disk, at('a'), 16)).toString('hex'), '05'.repeat(16));
      await assert.rejects(disk.create(at('a')), (error) => codeOf(error) === 'EEXIST');
      await assert.rejects(disk.open(at('b')), (error) => codeOf(error) === 'ENOENT');
      const place = { folder, path: at('a'), temporary: at('t') };
      await replaceFile(disk, place, Buffer.from('new'));
      const file = await disk.reopen(at('a'));
      await file.append(Buffer.from('er'));
      await file.truncate(4);
      const got = Buffer.alloc(10);
      assert.equal(got.toString('latin1', 0, await file.read(0, got)), 'newe');
      await file.close();
      assert.deepEqual(await disk.list(folder), ['a']);
      await disk.unlink(at('a'));
      assert.deepEqual(await disk.list(folder), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
