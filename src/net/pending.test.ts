/** A slow reader's queue: in order, of chunks that serve again, but for one that is being sent. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Region } from '../base/region.js';
import { Pending, PendingRegions } from './output.js';

const CHUNK_BYTES = 64 * 1024;
const PIECE_BYTES = 24 * 1024;

let made: Region[];
let regions: PendingRegions;

function create(bytes: number): Region {
  const region = new Region(new SharedArrayBuffer(bytes), 0);
  made.push(region);
  return region;
}

function piece(fill: number, length = PIECE_BYTES): Region {
  const region = new Region(new SharedArrayBuffer(length), 0);
  region.bytes.fill(fill);
  return region;
}

function append(pending: Pending, fill: number, length = PIECE_BYTES): void {
  pending.append(piece(fill, length), 0, length);
}

/** Sends the first chunk. @returns its bytes, by what they were filled with */
function send(pending: Pending): number[] {
  pending.sending = true;
  const { region, offset, length } = pending.first;
  const fills = [...new Set(region.bytes.subarray(offset, offset + length))];
  pending.shift();
  return fills;
}

beforeEach(() => {
  made = [];
  regions = new PendingRegions(create);
});

test('pieces go out in order, as many in a chunk as it holds', () => {
  const pending = new Pending(regions);
  for (const fill of [1, 2, 3, 4, 5]) append(pending, fill);
  assert.equal(pending.bytes, 5 * PIECE_BYTES);
  assert.deepEqual([send(pending), send(pending), send(pending)], [[1, 2], [3, 4], [5]]);
  assert.ok(pending.isEmpty);
  assert.equal(pending.bytes, 0);
});

test('nothing is appended to a chunk that is being sent', () => {
  const pending = new Pending(regions);
  append(pending, 1);
  pending.sending = true;
  append(pending, 2);
  assert.equal(pending.first.length, PIECE_BYTES);
  assert.deepEqual([send(pending), send(pending)], [[1], [2]]);
});

test('chunks that were sent serve the next queue, whosever it is', () => {
  const [one, other] = [new Pending(regions), new Pending(regions)];
  for (let round = 0; round < 50; round++) {
    const pending = round % 2 === 0 ? one : other;
    append(pending, round);
    assert.deepEqual(send(pending), [round]);
  }
  assert.equal(made.length, 1);
});

test('a queue that is dropped leaves its chunks, but not the one that is being sent', () => {
  const ended = new Pending(regions);
  for (let fill = 1; fill <= 6; fill++) append(ended, fill);
  assert.equal(made.length, 3);
  ended.sending = true;
  const sent = ended.first.region;
  ended.drop();
  const next = new Pending(regions);
  const taken: Region[] = [];
  for (let i = 0; i < 3; i++) append(next, 9, CHUNK_BYTES);
  while (!next.isEmpty) {
    taken.push(next.first.region);
    next.shift();
  }
  assert.ok(!taken.includes(sent), 'what is being sent is written to');
  assert.equal(made.length, 4, 'the other two serve again');
});
