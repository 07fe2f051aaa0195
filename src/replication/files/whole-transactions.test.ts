import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random, seedFromEnvironment } from '../../../test/support/random.js';
import { Region } from '../../base/region.js';
import {
  KIND_EFFECT,
  KIND_PART,
  partHeaderBytes,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
} from '../../journal/record.js';
import { Block } from '../wire.js';
import { type ScannedStreams, SegmentScan } from './segment-scan.js';
import { limitToWhole } from './whole-transactions.js';

interface Part {
  readonly stream: number;
  readonly lsn: number;
  /** Stream and LSN of all parts. */
  readonly all: readonly (readonly [stream: number, lsn: number])[];
}

interface Written {
  readonly starts: readonly number[];
  readonly heads: readonly number[];
  /** LSNs of the records, by stream. */
  readonly begins: readonly (readonly number[])[];
  readonly parts: readonly Part[];
  readonly streams: readonly Region[];
}

const STREAM_BYTES = 1 << 16;

function write(random: Random, count: number): Written {
  const streams = Array.from(
    { length: count },
    () => new Region(new SharedArrayBuffer(STREAM_BYTES), 0),
  );
  const starts = streams.map(() => 4 * random.below(1000));
  const heads = [...starts];
  const begins = starts.map((): number[] => []);
  const parts: Part[] = [];
  for (let i = random.between(1, 120); i > 0; i--) {
    const mine = heads.map((_, stream) => stream).filter(() => random.chance(0.4));
    if (mine.length === 0) mine.push(random.below(count));
    const all = mine.map((stream) => [stream, heads[stream]!] as const);
    for (const [stream, lsn] of all) {
      const { view, bytes } = streams[stream]!;
      const at = lsn - starts[stream]!;
      const isPart = all.length > 1 || random.chance(0.3);
      const head = isPart ? partHeaderBytes(all.length) : RECORD_HEADER_BYTES + 4;
      const length = head + 4 * random.below(20);
      view.setUint32(at, length, true);
      bytes[at + RECORD_KIND] = isPart ? KIND_PART : KIND_EFFECT;
      view.setUint16(at + RECORD_HEADER_BYTES, isPart ? all.length : 0, true);
      for (const [index, [other, otherLsn]] of isPart ? all.entries() : []) {
        const participant = at + RECORD_HEADER_BYTES + 2 + index * 10;
        view.setUint16(participant, other, true);
        view.setFloat64(participant + 2, otherLsn, true);
      }
      if (all.length > 1) parts.push({ stream, lsn, all });
      begins[stream]!.push(lsn);
      heads[stream]! += length;
    }
  }
  return { starts, heads, begins, parts, streams };
}

/** Up to where each stream is whole, found as its definition says. */
function expected({ begins, heads, parts }: Written, torn: readonly number[]): number[] {
  const limits = torn.map((end, stream) => {
    const last = begins[stream]!.findLast((lsn) => lsn <= end);
    const isWhole = end === heads[stream];
    return isWhole || last === undefined ? end : last;
  });
  for (let isNews = true; isNews; ) {
    isNews = false;
    for (const { stream, lsn, all } of parts) {
      if (lsn >= limits[stream]!) continue;
      if (all.every(([other, otherLsn]) => otherLsn < limits[other]!)) continue;
      limits[stream] = lsn;
      isNews = true;
    }
  }
  return limits;
}

/** Scans the streams of a flow up to where they are torn, in blocks of any size. */
function scan(
  random: Random,
  { starts, streams }: Written,
  mine: readonly number[],
  torn: readonly number[],
  limits: readonly number[],
  lengthMax: number,
): ScannedStreams {
  const scanned = new SegmentScan(mine, starts, limits, lengthMax);
  const sent = [...starts];
  const block = new Block();
  for (;;) {
    const left = mine.filter((stream) => sent[stream]! < torn[stream]!);
    if (left.length === 0) return scanned.result;
    const stream = random.pick(left);
    block.shard = stream;
    block.from = sent[stream]!;
    block.to = Math.min(torn[stream]!, block.from + 4 * random.between(1, random.pick([4, 100])));
    block.length = block.to - block.from;
    block.payload = block.from - starts[stream]!;
    assert.equal(scanned.take(streams[stream]!, block), null);
    sent[stream] = block.to;
  }
}

test('every stream is whole up to its first transaction that lacks a part, wherever the files end', () => {
  const seed = seedFromEnvironment();
  console.log(`DARTER_SEED=${seed}`);
  const random = new Random(seed);
  let cut = 0;
  let again = 0;
  for (let round = 0; round < 300; round++) {
    const count = random.between(2, 9);
    const written = write(random, count);
    const { starts, heads } = written;
    const torn = heads.map((head, stream) => {
      const back = random.chance(0.5) ? 0 : 4 * random.below(random.pick([10, 200]));
      return Math.max(starts[stream]!, head - back);
    });
    const flows = random.between(1, count);
    const shares = Array.from({ length: flows }, (_, flow) =>
      heads.map((_, stream) => stream).filter((stream) => stream % flows === flow),
    );
    const lengthMax = random.pick([60, 300, 1 << 19]);
    let limits = starts.map(() => Number.POSITIVE_INFINITY);
    for (let isKnown = false; !isKnown; ) {
      const scans = shares.map((mine) => scan(random, written, mine, torn, limits, lengthMax));
      limits = limits.map((limit, stream) => Math.min(limit, scans[stream % flows]!.ends[stream]!));
      isKnown = limitToWhole(scans, limits);
      if (!isKnown) again++;
      for (const [stream, end] of torn.entries()) {
        assert.equal(scans[stream % flows]!.received[stream], end);
      }
    }
    assert.deepEqual(limits, expected(written, torn));
    if (limits.some((limit, stream) => limit < torn[stream]!)) cut++;
  }
  // Otherwise the rounds have met nothing.
  assert.ok(cut > 30, `${cut} rounds have cut something off`);
  assert.ok(again > 5, `${again} scans were made again`);
});

test('a scan refuses what is no stream of records', () => {
  const region = new Region(new SharedArrayBuffer(256), 0);
  const refusal = (fill: () => void, from = 0, length = 64) => {
    region.bytes.fill(0);
    fill();
    const block = Object.assign(new Block(), { shard: 0, from, to: from + length, length });
    return new SegmentScan([0], [0, 0], [100, 100]).take(region, block);
  };
  const { view } = region;
  assert.match(refusal(() => view.setUint32(0, 8, true))!, /a record of 8 bytes/);
  assert.match(refusal(() => view.setUint32(0, 14, true))!, /a record of 14 bytes/);
  assert.match(refusal(() => view.setUint32(0, 64, true), 4)!, /continues at 4/);
  assert.match(refusal(() => view.setUint32(0, 64, true), 0, 62)!, /within a word/);
  const part = (count: number, stream: number) => () => {
    view.setUint32(0, 64, true);
    region.bytes[RECORD_KIND] = KIND_PART;
    view.setUint16(RECORD_HEADER_BYTES, count, true);
    view.setUint16(RECORD_HEADER_BYTES + 2, stream, true);
  };
  assert.match(refusal(part(65535, 0))!, /a transaction of 65535 shards/);
  assert.match(refusal(part(0, 0))!, /a transaction of 0 shards/);
  assert.match(refusal(part(2, 7))!, /a transaction of shard 7/);
  assert.equal(refusal(part(2, 0)), null);
});
