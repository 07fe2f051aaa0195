import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { HashState, hashBytes } from './hash.js';

const MASK = 0xffffffffn;

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (32n - bits))) & MASK;
}

/** HalfSipHash-c-d with 64 bits out, written from its definition. */
function reference(data: Uint8Array, key0: bigint, key1: bigint, c: number, d: number): bigint[] {
  const v = [key0, key1 ^ 0xeen, 0x6c796765n ^ key0, 0x74656462n ^ key1];
  const add = (a: number, b: number): void => {
    v[a] = (v[a]! + v[b]!) & MASK;
  };
  const mix = (a: number, bits: bigint, b: number): void => {
    v[a] = rotate(v[a]!, bits) ^ v[b]!;
  };
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      add(0, 1);
      mix(1, 5n, 0);
      v[0] = rotate(v[0]!, 16n);
      add(2, 3);
      mix(3, 8n, 2);
      add(0, 3);
      mix(3, 7n, 0);
      add(2, 1);
      mix(1, 13n, 2);
      v[2] = rotate(v[2]!, 16n);
    }
  };
  const padded = new Uint8Array((data.length & ~3) + 4);
  padded.set(data);
  padded[padded.length - 1] = data.length & 255;
  for (let i = 0; i < padded.length; i += 4) {
    const word = BigInt(new DataView(padded.buffer).getUint32(i, true));
    v[3]! ^= word;
    rounds(c);
    v[0]! ^= word;
  }
  v[2]! ^= 0xeen;
  rounds(d);
  const first = v[1]! ^ v[3]!;
  v[1]! ^= 0xddn;
  rounds(d);
  return [first, v[1]! ^ v[3]!];
}

function hex(words: bigint[]): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(Number(words[0]), 0);
  bytes.writeUInt32LE(Number(words[1]), 4);
  return bytes.toString('hex');
}

test('the reference gives the published vectors of HalfSipHash-2-4 with 64 bits', () => {
  const vectors = ['218d1f59b9b83cc8', 'be552412f8387315', '064f39ef7c50eb57', 'ce0f1a45f7060679'];
  vectors.forEach((vector, length) => {
    const data = Uint8Array.from({ length }, (_, i) => i);
    assert.equal(hex(reference(data, 0x03020100n, 0x07060504n, 2, 4)), vector);
  });
});

test('hashBytes is HalfSipHash-1-3, at any offset, length and key', () => {
  const region = new Region(new SharedArrayBuffer(4096), 0);
  const state = new HashState();
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.nat(100),
      fc.integer(),
      fc.integer(),
      (data, offset, key0, key1) => {
        region.bytes.fill(0xa5);
        region.bytes.set(data, offset);
        hashBytes(state, region, offset, data.length, key0, key1);
        const expected = reference(data, BigInt(key0 >>> 0), BigInt(key1 >>> 0), 1, 3);
        assert.deepEqual([state.h1 >>> 0, state.h2 >>> 0], expected.map(Number));
      },
    ),
  );
});

test("a '{' is found at any place, and nothing else is taken for one", () => {
  const region = new Region(new SharedArrayBuffer(4096), 0);
  const state = new HashState();
  const bytes = fc.uint8Array({ maxLength: 300 });
  const likely = fc.array(fc.constantFrom(0x7a, 0x7b, 0x7c, 0xfb, 0xff, 0), { maxLength: 20 });
  fc.assert(
    fc.property(fc.oneof(bytes, likely), fc.nat(9), (data, offset) => {
      region.bytes.fill(0x7b);
      region.bytes.set(data, offset);
      hashBytes(state, region, offset, data.length, 1, 2);
      if (data.includes(0x7b)) assert.notEqual(state.braces, 0);
      else if ((data.length & 255) !== 0x7b) assert.equal(state.braces, 0);
    }),
    { numRuns: 2000 },
  );
});

test('hashes of counting keys spread evenly over both words', () => {
  const region = new Region(new SharedArrayBuffer(64), 0);
  const state = new HashState();
  const count = 65536;
  const top = new Int32Array(256);
  const low = new Int32Array(256);
  for (let i = 0; i < count; i++) {
    const text = `key:${i}`;
    for (let j = 0; j < text.length; j++) region.bytes[j] = text.charCodeAt(j);
    hashBytes(state, region, 0, text.length, 1, 2);
    top[state.h1 >>> 24]!++;
    low[state.h2 & 255]!++;
  }
  for (const histogram of [top, low]) {
    let chi = 0;
    for (const n of histogram) chi += (n - 256) ** 2 / 256;
    // 255 degrees of freedom: mean 255, standard deviation 22.6
    assert.ok(chi > 150 && chi < 370, `chi square ${chi}`);
  }
});
