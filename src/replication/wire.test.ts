import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_HEADER_BYTES,
  BLOCK_INCOMPLETE,
  BLOCK_JOURNAL,
  BLOCK_READY,
  BLOCK_WRONG,
  Block,
  BlockHeader,
  blockBytes,
  PAYLOAD_BYTES_MAX,
  readBlock,
  sealBlock,
} from './wire.js';

const region = new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX + 64), 0);
const block = new Block();

function header(changes: Partial<BlockHeader>): BlockHeader {
  const base = { type: BLOCK_JOURNAL, from: 2 ** 40, to: 2 ** 41 };
  return Object.assign(new BlockHeader(), base, changes);
}

function build(length: number, offset = 0): number {
  for (let i = 0; i < length; i++) region.bytes[offset + BLOCK_HEADER_BYTES + i] = i * 7;
  return sealBlock(region, offset, header({ more: true, shard: 513, length }));
}

test('a block comes back as it was written', () => {
  for (const length of [0, 1, 7, 8, 9, 1000, PAYLOAD_BYTES_MAX]) {
    const end = build(length);
    assert.equal(end, blockBytes(length));
    assert.equal(readBlock(region, 0, end, block), BLOCK_READY);
    const { type, more, shard, payload, from, to } = block;
    assert.deepEqual(
      { type, more, shard, payload, length: block.length, from, to, end: block.end },
      {
        type: 4,
        more: true,
        shard: 513,
        payload: BLOCK_HEADER_BYTES,
        length,
        from: 2 ** 40,
        to: 2 ** 41,
        end,
      },
    );
    if (end > 0) assert.equal(readBlock(region, 0, end - 1, block), BLOCK_INCOMPLETE);
    assert.equal(readBlock(region, 0, BLOCK_HEADER_BYTES - 1, block), BLOCK_INCOMPLETE);
  }
});

test('every single damaged byte is found, one in the header before the payload has come', () => {
  const end = build(203);
  for (let at = 0; at < end; at++) {
    for (const bit of [1, 16, 128]) {
      region.bytes[at]! ^= bit;
      const known = at < BLOCK_HEADER_BYTES && (at < 12 || at > 15);
      const seen = readBlock(region, 0, known ? BLOCK_HEADER_BYTES : end, block);
      assert.equal(seen, BLOCK_WRONG, `byte ${at}`);
      region.bytes[at]! ^= bit;
    }
  }
  assert.equal(readBlock(region, 0, end, block), BLOCK_READY);
});

test('bytes that are no block are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: BLOCK_HEADER_BYTES, maxLength: 200 }), (bytes) => {
      region.bytes.set(bytes);
      assert.equal(readBlock(region, 0, bytes.length, block), BLOCK_WRONG);
    }),
  );
});

test('a well-formed header may not claim nonsense', () => {
  const cases: [number, number, number, number][] = [
    [0, 8, 0, 0],
    [99, 8, 0, 0],
    [4 | (2 << 8), 8, 0, 0],
    [4, 8, 10, 5],
    [4, 8, -1, 5],
    [4, 8, 0, 0.5],
    [4, 8, 0, Number.POSITIVE_INFINITY],
  ];
  for (const [type, length, from, to] of cases) {
    const end = sealBlock(region, 0, header({ type, length, from, to }));
    assert.equal(readBlock(region, 0, end, block), BLOCK_WRONG, `${type} ${from} ${to}`);
  }
});
