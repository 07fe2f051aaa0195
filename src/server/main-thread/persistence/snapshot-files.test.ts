/** Putting snapshots in place: which are kept, and what is there when it stops at any step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk } from '../../../persistence/files/disk.js';
import { MemoryDisk } from '../../../persistence/files/testing-memory-disk.js';
import {
  flowFileName,
  type SnapshotManifest,
  snapshotOf,
} from '../../../persistence/snapshot/manifest.js';
import { SnapshotFiles } from './snapshot-files.js';
import { nativeName } from './snapshot-format.js';

const FOLDER = '/data';
const BASE = 'dump.darter';

function nameOf(number: number): string {
  return `170000000000${number}-00000${number}`;
}

function manifestOf(number: number): SnapshotManifest {
  const name = nameOf(number);
  const files = [0, 1].map((flow) => ({
    name: flowFileName(BASE, name, flow),
    bytes: 10,
    checksum: number,
  }));
  return {
    ...{ version: 1, name, server: '1', createdMs: number, role: 'primary', offset: 0, files },
    ...{ replicationId: '0a'.repeat(20), lsns: [0, 0], hadReplicas: false, keys: [] },
    ...{ shards: 1, databases: 1, spread: 1, hashKey0: 0, hashKey1: 0 },
  };
}

async function put(disk: MemoryDisk, on: Disk, number: number, keep: number): Promise<void> {
  const manifest = manifestOf(number);
  for (const { name } of manifest.files) disk.put(`${FOLDER}/${name}`, new Uint8Array(10));
  await new SnapshotFiles(on, FOLDER, BASE).put(manifest, keep);
}

/** A disk whose operations fail from this number on, `failures` of them. */
function failingFrom(
  disk: Disk,
  number: number,
  failures = Number.POSITIVE_INFINITY,
): Disk & { readonly count: number } {
  let count = 0;
  const step = () => {
    const isFailing = count >= number && count < number + failures;
    count++;
    if (isFailing) throw new Error('the process has died');
  };
  const watched = new Proxy(disk, {
    get(target, property) {
      if (property === 'count') return count;
      const own = target[property as keyof Disk] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        step();
        return own.apply(target, args);
      };
    },
  });
  return watched as Disk & { readonly count: number };
}

test('as many snapshots are kept as is said, and files without a manifest go', async () => {
  const disk = new MemoryDisk();
  disk.put(`${FOLDER}/${flowFileName(BASE, nameOf(0), 0)}`, new Uint8Array(1));
  disk.put(`${FOLDER}/other.rdb`, new Uint8Array(1));
  for (const number of [1, 2, 3]) await put(disk, disk, number, 2);
  const names = await disk.list(FOLDER);
  const kept = new Set(names.map((name) => snapshotOf(BASE, name)?.name));
  assert.deepEqual([...kept].sort(), [nameOf(2), nameOf(3), undefined]);
  assert.ok(names.includes('other.rdb'));
  const files = new SnapshotFiles(disk, FOLDER, BASE);
  assert.equal((await files.newest())?.name, nameOf(3));
  await put(disk, disk, 4, 1);
  assert.equal((await disk.list(FOLDER)).length, 4, 'a manifest, two files, and another');
});

test('wherever putting a snapshot stops, the old one or the new one is there whole', async () => {
  for (const keep of [1, 2]) {
    for (let number = 0, isOver = false; !isOver; number++) {
      const disk = new MemoryDisk();
      await put(disk, disk, 1, keep);
      const failing = failingFrom(disk, number);
      await put(disk, failing, 2, keep).catch(() => {});
      isOver = failing.count < number;
      const found = await new SnapshotFiles(disk, FOLDER, BASE).newest();
      assert.ok(found !== null, `nothing after step ${number}`);
      const names = await disk.list(FOLDER);
      for (const { name } of found.files)
        assert.ok(names.includes(name), `step ${number}: ${name}`);
      // The next one puts everything in order.
      await put(disk, disk, 3, keep);
      assert.equal((await new SnapshotFiles(disk, FOLDER, BASE).newest())?.name, nameOf(3));
    }
  }
});

test('a snapshot whose manifest is in place is not removed as one that came to nothing', async () => {
  for (let number = 0, isOver = false; !isOver; number++) {
    const disk = new MemoryDisk();
    await put(disk, disk, 1, 1);
    const failing = failingFrom(disk, number, 1);
    const files = new SnapshotFiles(failing, FOLDER, BASE);
    // As whoever saves does when it fails.
    await put(disk, failing, 2, 1).catch(() => files.discard(nameOf(2)));
    isOver = failing.count < number;
    const found = await new SnapshotFiles(disk, FOLDER, BASE).newest();
    const names = await disk.list(FOLDER);
    for (const { name } of found!.files) assert.ok(names.includes(name), `step ${number}: ${name}`);
  }
});

test('an RDB file keeps its name for itself', () => {
  assert.equal(nativeName('dump.rdb'), 'dump.darter');
  assert.equal(nativeName('data'), 'data.darter');
  assert.equal(nativeName('data.darter'), 'data.darter');
});
