/** Records of the journal: a damaged one is refused, or is sound; nothing is read beyond its end. */
import assert from 'node:assert/strict';
import { Region } from '../../../src/base/region.js';
import {
  type JournalEffect,
  KIND_PART,
  partHeaderBytes,
  participantAt,
  participants,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RecordOrigin,
  recordError,
  VECTOR_HEADER_BYTES,
} from '../../../src/journal/record.js';
import { JournalRing } from '../../../src/journal/ring.js';
import { JournalSink } from '../../../src/journal/sink.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const SHARDS = 4;
const DATABASES = 3;
const INPUT_BYTES_MAX = 2048;

const rings = Array.from({ length: SHARDS }, () => {
  return new JournalRing(new Region(JournalRing.create(65_536), 0));
});
const sink = new JournalSink(rings);
const vector = new Region(new SharedArrayBuffer(1024), 0);
/** One region for each length, so that a read beyond the end of the input throws. */
const inputs = Array.from(
  { length: INPUT_BYTES_MAX / 8 + 1 },
  (_, i) => new Region(new SharedArrayBuffer(i * 8), 0),
);
const origin = new RecordOrigin();

function randomEffect(random: Random): JournalEffect {
  const words = random.between(1, 5);
  vector.view.setUint32(0, words, true);
  let at = VECTOR_HEADER_BYTES;
  for (let i = 0; i < words; i++) {
    const length = random.chance(0.8) ? random.below(12) : random.below(120);
    vector.view.setUint32(at, length, true);
    for (let j = 0; j < length; j++) vector.bytes[at + 4 + j] = random.below(256);
    at += 4 + length;
  }
  return {
    shard: random.below(SHARDS),
    database: random.below(DATABASES),
    h1: random.next() | 0,
    keyless: random.chance(0.1),
    region: vector,
    offset: 0,
    length: at,
  };
}

/** Writes an effect or a transaction. @returns the shard and the LSN of one of its records */
function write(random: Random): { shard: number; lsn: number } {
  const before = rings.map((ring) => ring.head);
  if (random.chance(0.4)) sink.append(randomEffect(random));
  else {
    sink.beginTransaction();
    for (let i = random.between(1, 5); i > 0; i--) sink.append(randomEffect(random));
    sink.endTransaction();
  }
  const shard = random.pick(before.flatMap((lsn, i) => (rings[i]!.head > lsn ? [i] : [])));
  return { shard, lsn: before[shard]! };
}

/** Everything inside an accepted record lies inside, and its vectors fill it. */
function assertSound(region: Region, offset: number, end: number): void {
  const length = region.view.getUint32(offset, true);
  assert.ok(offset + length <= end);
  if (region.bytes[offset + RECORD_KIND] === KIND_PART) {
    const count = participants(region, offset);
    for (let i = 0; i < count; i++) {
      assert.ok(region.view.getUint16(participantAt(offset, i), true) < SHARDS);
    }
    for (let at = offset + partHeaderBytes(count); at < offset + length; ) {
      assertSound(region, at, offset + length);
      at += region.view.getUint32(at, true);
    }
    return;
  }
  let at = offset + RECORD_HEADER_BYTES + VECTOR_HEADER_BYTES;
  const words = region.view.getUint32(at - VECTOR_HEADER_BYTES, true);
  for (let i = 0; i < words; i++) at += 4 + region.view.getUint32(at, true);
  assert.ok(at <= offset + length && offset + length - at < 4);
}

export const target: FuzzTarget = {
  name: 'records',
  summary: 'Records of the journal, damaged or not, are refused or sound, and never read beyond.',
  run(random: Random) {
    const { shard, lsn } = write(random);
    const ring = rings[shard]!;
    const length = ring.head - lsn;
    if (length > INPUT_BYTES_MAX - 8) return;
    const region = inputs[(length + 7) >> 3]!;
    ring.read(lsn, length, region, 0);
    Object.assign(origin, { shard, shards: SHARDS, databases: DATABASES, lsn });
    assert.equal(recordError(region, 0, length, origin), null);
    assertSound(region, 0, length);
    for (let i = random.below(4); i > 0; i--) {
      const at = random.chance(0.5) ? random.below(Math.min(length, 40)) : random.below(length);
      region.bytes[at] = random.chance(0.5) ? random.below(256) : random.below(4);
    }
    const end = random.chance(0.8) ? length : random.below(length + 1);
    if (random.chance(0.1)) origin.shard = random.below(SHARDS);
    if (random.chance(0.1)) origin.lsn = -1;
    if (recordError(region, 0, end, origin) === null) assertSound(region, 0, end);
  },
};
