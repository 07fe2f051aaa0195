/** HyperLogLogs against plain arrays of registers, and on bytes that no server has written. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { heapBytesPerRound } from '../../../test/support/heap.js';
import { Region } from '../../base/region.js';
import { readRegister, writeRegister } from './dense.js';
import { describeRuns, encodingName } from './describe.js';
import { HyperLogLogEdit } from './edit.js';
import {
  CARDINALITY_OFFSET,
  CORRUPTED,
  checkHeader,
  DENSE_BYTES,
  EMPTY_SPARSE_BYTES,
  ENCODING_OFFSET,
  HEADER_BYTES,
  NOT_HYPERLOGLOG,
  REGISTER_COUNT,
  SPARSE_BYTES_MAX,
  VALID,
  VALIDITY_OFFSET,
} from './layout.js';
import { Hash64, hashElement, registerIndex, registerValue } from './murmur-hash.js';
import { selfTest } from './self-test.js';
import {
  addAll,
  cachedCount,
  countOf,
  countUnion,
  makeDense,
  mergeAll,
  regionOf,
} from './testing.js';

const MARGIN = 64;

/** MurmurHash64A as its paper has it, on bigints. */
function slowHash(bytes: Buffer): bigint {
  const mask = 2n ** 64n - 1n;
  const factor = 0xc6a4a7935bd1e995n;
  let hash = 0xadc83b19n ^ ((BigInt(bytes.length) * factor) & mask);
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    let block = (bytes.readBigUInt64LE(at) * factor) & mask;
    block = ((block ^ (block >> 47n)) * factor) & mask;
    hash = ((hash ^ block) * factor) & mask;
  }
  if (at < bytes.length) {
    const rest = Buffer.alloc(8);
    bytes.copy(rest, 0, at);
    hash = ((hash ^ rest.readBigUInt64LE(0)) * factor) & mask;
  }
  hash = ((hash ^ (hash >> 47n)) * factor) & mask;
  return hash ^ (hash >> 47n);
}

function place(element: string): { index: number; value: number } {
  const hash = slowHash(Buffer.from(element, 'latin1'));
  const rest = (hash >> 14n) | (1n << 50n);
  let value = 1;
  while (((rest >> BigInt(value - 1)) & 1n) === 0n) value++;
  return { index: Number(hash & 16383n), value };
}

function registersOf(value: string): number[] {
  const dense = makeDense(value);
  assert.equal(dense.state, VALID);
  const region = regionOf(dense.value);
  return Array.from({ length: REGISTER_COUNT }, (_, i) =>
    readRegister(region, MARGIN + HEADER_BYTES, i),
  );
}

function modelOf(elements: readonly string[]): number[] {
  const registers = new Array<number>(REGISTER_COUNT).fill(0);
  for (const element of elements) {
    const { index, value } = place(element);
    registers[index] = Math.max(registers[index]!, value);
  }
  return registers;
}

function sparse(...opcodes: number[]): string {
  return `HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80${String.fromCharCode(...opcodes)}`;
}

const elementLists = fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 300 });
const latin = (texts: readonly string[]): string[] =>
  texts.map((text) => Buffer.from(text, 'utf8').toString('latin1'));

describe('HyperLogLog', () => {
  test('the drawn offsets are those of an empty value', () => {
    const { value, changes } = addAll(undefined, []);
    assert.equal(value.length, EMPTY_SPARSE_BYTES);
    assert.equal(value.slice(0, 4), 'HYLL');
    assert.equal(value.charCodeAt(ENCODING_OFFSET), 1);
    assert.equal(value.slice(5, CARDINALITY_OFFSET), '\0\0\0');
    assert.equal(value.charCodeAt(VALIDITY_OFFSET), 0x80);
    assert.equal(value.slice(HEADER_BYTES), '\x7f\xff');
    assert.equal(changes, 1);
    assert.equal(DENSE_BYTES, 12304);
    assert.equal(makeDense(value).value.length, DENSE_BYTES);
    assert.equal(SPARSE_BYTES_MAX, 32784);
  });

  test('the hash is MurmurHash64A on all lengths', () => {
    const hash = new Hash64();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = Buffer.from(bytes).toString('latin1');
        hashElement(hash, regionOf(text), MARGIN, text.length);
        const joined = (BigInt(hash.high >>> 0) << 32n) | BigInt(hash.low >>> 0);
        assert.equal(joined, slowHash(Buffer.from(bytes)));
        const { index, value } = place(text);
        assert.equal(registerIndex(hash), index);
        assert.equal(registerValue(hash), value);
      }),
      { numRuns: 2000 },
    );
  });

  test('a run of zeros is counted across both halves of the hash, and ends', () => {
    const hash = new Hash64();
    for (const [low, high, value] of [
      [0x4000, 0, 1],
      [0, 1, 19],
      [0, 0x2000, 32],
      [0, 0x4000, 33],
      [0, 0x80000000 | 0, 50],
      [0x3fff, 0, 51],
    ] as const) {
      hash.low = low;
      hash.high = high;
      assert.equal(registerValue(hash), value);
    }
  });

  test('dense registers keep apart from each other', () => {
    const region = regionOf('\0'.repeat(DENSE_BYTES));
    const model = new Array<number>(REGISTER_COUNT).fill(0);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < REGISTER_COUNT; i++) {
        model[i] = (i * 31 + round * 17) % 64;
        writeRegister(region, MARGIN + HEADER_BYTES, i, model[i]!);
      }
    }
    for (let i = 0; i < REGISTER_COUNT; i++) {
      assert.equal(readRegister(region, MARGIN + HEADER_BYTES, i), model[i]);
    }
    assert.equal(region.bytes[MARGIN + DENSE_BYTES], 0xa5);
  });

  test('adding gives the registers of a plain array, in both encodings', () => {
    fc.assert(
      fc.property(elementLists, fc.constantFrom(20, 60, 3000), (texts, bytesMax) => {
        const elements = latin(texts);
        const middle = elements.length >> 1;
        const first = addAll(undefined, elements.slice(0, middle), bytesMax);
        const { value, state } = addAll(first.value, elements.slice(middle), bytesMax);
        assert.equal(state, VALID);
        const registers = modelOf(elements);
        assert.deepEqual(registersOf(value), registers);
        if (encodingName(regionOf(value), MARGIN) === 'sparse') {
          assert.ok(value.length <= Math.max(bytesMax, EMPTY_SPARSE_BYTES));
        }
        assert.equal(countOf(value), countOf(makeDense(value).value));
        assert.equal(countOf(value), countUnion([value]));
      }),
      { numRuns: 60 },
    );
  });

  test('what is there already changes nothing', () => {
    const { value } = addAll(undefined, ['a', 'b', 'c']);
    for (const bytes of [value, makeDense(value).value]) {
      const again = addAll(bytes, ['c', 'a', 'b']);
      assert.deepEqual(again, { state: VALID, value: bytes, changes: 0 });
    }
  });

  test('merging gives the largest of each register', () => {
    fc.assert(
      fc.property(fc.array(elementLists, { maxLength: 3 }), fc.boolean(), (lists, dense) => {
        const values = lists.map((list, i) => {
          const { value } = addAll(undefined, latin(list));
          return dense && i === 0 ? makeDense(value).value : value;
        });
        const merged = mergeAll(undefined, values);
        assert.equal(merged.state, VALID);
        assert.deepEqual(registersOf(merged.value), modelOf(latin(lists.flat())));
        assert.equal(cachedCount(merged.value), undefined);
        assert.equal(countOf(merged.value), countUnion(values));
      }),
      { numRuns: 60 },
    );
  });

  test('a value is untouched until it is written', () => {
    const { value } = addAll(undefined, ['a', 'b']);
    for (const bytes of [value, makeDense(value).value]) {
      const region = regionOf(bytes);
      const before = Buffer.from(region.bytes).toString('hex');
      const edit = new HyperLogLogEdit();
      assert.equal(edit.open(region, MARGIN, bytes.length), VALID);
      for (let i = 0; i < 100; i++) edit.raise(i * 7, 9, 3000);
      assert.equal(edit.changes, 100);
      assert.equal(Buffer.from(region.bytes).toString('hex'), before);
      // The edit that was given up leaves nothing for the next one.
      assert.equal(edit.open(region, MARGIN, bytes.length), VALID);
      assert.equal(edit.changes, 0);
      if (edit.inPlace) {
        edit.write(region, MARGIN);
        assert.equal(Buffer.from(region.bytes).toString('hex'), before);
      }
    }
  });

  test('a header that is none is refused', () => {
    const { value } = addAll(undefined, ['a']);
    const dense = makeDense(value).value;
    const refused = [
      '',
      'HYLL',
      value.slice(0, 15),
      `hyll${value.slice(4)}`,
      `HYLL\x02${value.slice(5)}`,
      dense.slice(1),
      dense.slice(0, -1),
      `${dense}\0`,
    ];
    for (const bytes of refused) {
      assert.equal(checkHeader(regionOf(bytes), MARGIN, bytes.length), NOT_HYPERLOGLOG);
      assert.equal(addAll(bytes, ['b']).state, NOT_HYPERLOGLOG);
      assert.equal(countOf(bytes), NOT_HYPERLOGLOG);
      assert.equal(mergeAll(undefined, [bytes]).state, NOT_HYPERLOGLOG);
    }
  });

  test('sparse registers that are not 16384 are refused', () => {
    const refused = [
      sparse(),
      sparse(0x7f, 0xfe),
      sparse(0x7f, 0xff, 0x00),
      sparse(0x7f),
      sparse(0x7f, 0xfe, 0x40),
      sparse(0x7f, 0xff, 0x7f, 0xff),
      sparse(0x7f, 0xf0, 0x83, 0x83, 0x83, 0x83, 0x83),
      sparse(...new Array<number>(SPARSE_BYTES_MAX).fill(0)),
    ];
    for (const bytes of refused) {
      assert.equal(countOf(bytes), CORRUPTED);
      assert.equal(mergeAll(undefined, [bytes]).state, CORRUPTED);
      assert.equal(makeDense(bytes).state, CORRUPTED);
      assert.equal(mergeAll(bytes, []).state, CORRUPTED);
    }
    assert.equal(addAll(sparse(), ['a']).state, CORRUPTED);
  });

  test('no bytes make an edit leave its value', () => {
    const bytes = fc.array(
      fc.oneof(fc.nat(255), fc.constantFrom(0x00, 0x40, 0x7f, 0xff, 0x80, 0x83)),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(bytes, elementLists, fc.constantFrom(20, 3000), (opcodes, texts, bytesMax) => {
        const value = sparse(...opcodes);
        // The helpers compare the bytes around the value, and fail when one has changed.
        addAll(value, latin(texts), bytesMax);
        mergeAll(value, [value], bytesMax);
        makeDense(value);
        countOf(value);
        describeRuns(regionOf(value), MARGIN, value.length);
      }),
      { numRuns: 500 },
    );
  });

  test('registers that no element gives are counted as Redis counts them', () => {
    const full = `HYLL\0\0\0\0\0\0\0\0\0\0\0\x80${'\xff'.repeat(DENSE_BYTES - HEADER_BYTES)}`;
    assert.equal(countOf(full), -(2n ** 63n));
  });

  test('adding allocates nothing', () => {
    for (const start of [
      addAll(undefined, []).value,
      makeDense(addAll(undefined, []).value).value,
    ]) {
      const edit = new HyperLogLogEdit();
      const value = new Region(new SharedArrayBuffer(DENSE_BYTES), 0);
      const element = new Region(new SharedArrayBuffer(16), 0);
      value.bytes.set(Buffer.from(start, 'latin1'));
      let length = start.length;
      const bytes = heapBytesPerRound((i) => {
        element.words[0] = i;
        edit.open(value, 0, length);
        edit.add(element, 0, 9, DENSE_BYTES);
        length = edit.length;
        edit.write(value, 0);
      });
      assert.ok(bytes < 1, `${bytes} bytes`);
    }
  });

  test('the self test passes, and finds an encoding that is not used', () => {
    let state = 12345;
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state;
    };
    assert.equal(selfTest({ random, sparseBytesMax: 3000, elements: 100_000 }), null);
    const tooSmall = selfTest({ random, sparseBytesMax: 17, elements: 1000 });
    assert.match(tooSmall ?? '', /sparse encoding not used/);
  });

  test('runs are described as PFDEBUG DECODE shows them', () => {
    const value = sparse(0x00, 0x3f, 0x40, 0x40, 0x84, 0x83, 0xff, 0x7f);
    const text = 'z:1 z:64 Z:65 v:2,1 v:1,4 v:32,4 Z:16129';
    assert.equal(describeRuns(regionOf(value), MARGIN, value.length), text);
  });
});
