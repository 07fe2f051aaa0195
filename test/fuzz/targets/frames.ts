/** Frames from a peer: a damaged or forged one is refused, or every key in it is found, once. */
import assert from 'node:assert/strict';
import { Region } from '../../../src/base/region.js';
import { ROOTS_OFFSET } from '../../../src/memory/space-layout.js';
import { Entry } from '../../../src/structures/entry.js';
import { FRAME_BUCKETS, SLOTS } from '../../../src/structures/frame.js';
import {
  copyFrame,
  copyFrameRuns,
  frameBytes,
  frameRunBytes,
} from '../../../src/structures/frame-copy.js';
import {
  FrameCopy,
  ReceivedFrame,
  type ValueVerifier,
} from '../../../src/structures/frame-install.js';
import { HashState, hashBytes } from '../../../src/structures/hash.js';
import { bucketOffset, fingerprintAt, referenceAt } from '../../../src/structures/slots.js';
import { SCAN_END, Table } from '../../../src/structures/table.js';
import { KeyFinder, testSpace } from '../../../src/structures/testing.js';
import { LENGTH_MAX } from '../../../src/structures/untrusted-entry.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const VALUES: ValueVerifier = {
  ...{ kinds: 0b101, verifiedKinds: 0, valueBytesMax: LENGTH_MAX },
  verify: () => true,
};

interface Sample {
  readonly bytes: Uint8Array;
  readonly frameBytes: number;
  readonly runsAt: number;
  readonly runsBytes: number;
}

const scratch = new Region(new SharedArrayBuffer(1 << 18), 0);
const target2 = testSpace(2);
const table = new Table(target2, ROOTS_OFFSET);
const hash = new HashState();
const received = new ReceivedFrame();
const copy = new FrameCopy({ owns: () => true });
const samples = [3, 40, 160].map(makeSample);

/** A frame with so many entries of all forms. */
function makeSample(count: number): Sample {
  const space = testSpace(2);
  const from = new Table(space, ROOTS_OFFSET);
  const keys = new KeyFinder(space, from);
  for (let i = 0; i < count; i++) {
    const name = i % 37 === 5 ? `long${i}`.padEnd(1100, 'k') : `key:${i}`;
    const value = 'v'.repeat(i % 41 === 7 ? 8200 : i % 3 === 0 ? 20 : i % 160);
    assert.ok(keys.put(name, i % 2 === 0 ? 0 : 2, value, i % 5 === 0 ? 1_000_000 + i : 0));
  }
  const frame = from.frameAt(0);
  const bytes = frameBytes(space, frame);
  const runsAt = (bytes + 7) & ~7;
  const runsBytes = frameRunBytes(space, frame, 1 << 30);
  copyFrame(space, frame, scratch, 0);
  copyFrameRuns(space, frame, scratch, runsAt);
  return {
    bytes: scratch.bytes.slice(0, runsAt + runsBytes),
    frameBytes: bytes,
    runsAt,
    runsBytes,
  };
}

/** Makes one slot refer to another slot's entry, or exchanges two: what a forger would try. */
function forgeSlots(random: Random): void {
  const buckets = Math.min(Math.max(scratch.words[FRAME_BUCKETS]!, 1), 255);
  const bucket = bucketOffset(0, random.below(buckets));
  const other = random.chance(0.7) ? bucket : bucketOffset(0, random.below(buckets));
  const slot = random.below(SLOTS);
  const from = random.below(SLOTS);
  scratch.view.setUint16(bucket + SLOTS + slot * 2, referenceAt(scratch.view, other, from), true);
  if (random.chance(0.7)) scratch.bytes[bucket + slot] = fingerprintAt(scratch.bytes, other, from);
}

/** Copies an entry over one of the same size, with its fingerprint: the key is there twice. */
function forgeTwin(random: Random): void {
  const bucket = bucketOffset(0, random.below(Math.min(scratch.words[FRAME_BUCKETS]!, 255)));
  const [first, second] = [random.below(SLOTS), random.below(SLOTS)];
  if (fingerprintAt(scratch.bytes, bucket, first) === 0) return;
  if (fingerprintAt(scratch.bytes, bucket, second) === 0) return;
  const entries = [new Entry(), new Entry()] as const;
  entries[0].decode(scratch, referenceAt(scratch.view, bucket, first));
  entries[1].decode(scratch, referenceAt(scratch.view, bucket, second));
  if (entries[0].size !== entries[1].size) return;
  const { offset, size } = entries[0];
  scratch.bytes.copyWithin(entries[1].offset, offset, offset + size);
  scratch.bytes[bucket + second] = scratch.bytes[bucket + first]!;
}

function damage(random: Random, sample: Sample): void {
  for (let i = random.between(1, 4); i > 0; i--) {
    const end = random.pick([64, 64 * 8, sample.frameBytes, sample.bytes.length]);
    const at = random.below(Math.min(end, sample.bytes.length));
    scratch.bytes[at] = random.chance(0.5) ? random.below(256) : scratch.bytes[at]! ^ 1;
  }
}

/** The number of keys that a scan gives, each of which a lookup finds at that very entry. */
function findAll(): number {
  let found = 0;
  for (let position = table.size === 0 ? SCAN_END : 0; position < SCAN_END; ) {
    const next = table.scan(position);
    const offsets = [...table.scanOffsets.subarray(0, table.scanCount)];
    for (const offset of offsets) {
      table.decode(offset);
      const { keyOffset, keyLength, region } = table;
      hashBytes(hash, region, keyOffset, keyLength, target2.hashKey0, target2.hashKey1);
      assert.ok(table.find(region, keyOffset, keyLength, hash.h1, hash.h2), 'a key is hidden');
      assert.equal(table.entryOffset, offset, 'a key is there twice');
      found++;
    }
    position = next;
  }
  return found;
}

export const target: FuzzTarget = {
  name: 'frames',
  summary: 'Frames from a peer, damaged or forged, are refused, or make a sound table.',
  run(random: Random) {
    const sample = random.pick(samples);
    scratch.bytes.set(sample.bytes);
    const kind = random.below(10);
    if (kind < 2) forgeSlots(random);
    else if (kind < 4) forgeTwin(random);
    else damage(random, sample);
    Object.assign(received, {
      region: scratch,
      bytes: random.chance(0.95) ? sample.frameBytes : random.below(sample.frameBytes + 64),
      runsOffset: sample.runsAt,
      runsBytes: random.chance(0.95) ? sample.runsBytes : random.below(sample.runsBytes + 64),
    });
    copy.set(received);
    if (copy.verify(target2, VALUES) !== null || copy.entries === 0) return;
    const { entries } = copy;
    assert.ok(copy.install(target2, ROOTS_OFFSET), 'there is room');
    table.check();
    assert.equal(findAll(), entries);
    table.clear();
    assert.equal(target2.residentPages, 0);
  },
};
