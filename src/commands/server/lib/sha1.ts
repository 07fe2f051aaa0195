/**
 * SHA-1 (FIPS 180-4) over bytes in shared memory, without an object for every digest: DEBUG DIGEST
 * computes several for every key. Not for anything that has to be secure.
 */
export const DIGEST_BYTES = 20;
const BLOCK_BYTES = 64;
const LENGTH_OFFSET = 56;

const schedule = new Int32Array(80);
const state = new Int32Array(5);
const block = new Uint8Array(BLOCK_BYTES);

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

function start(): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
}

/** Works the sixteen words at the beginning of the schedule into the state. */
function compress(): void {
  const w = schedule;
  for (let i = 16; i < 80; i++) w[i] = rotate(w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!, 1);
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let i = 0; i < 80; i++) {
    let mixed: number;
    if (i < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
    else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const next = (rotate(a, 5) + mixed + e + w[i]!) | 0;
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
}

function load(bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < 16; i++) {
    const at = offset + i * 4;
    schedule[i] =
      (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }
}

/** The digest of `length` bytes, as five words, into `digest`. */
export function sha1(bytes: Uint8Array, offset: number, length: number, digest: Uint32Array): void {
  start();
  let at = offset;
  for (let left = length; left >= BLOCK_BYTES; left -= BLOCK_BYTES) {
    load(bytes, at);
    compress();
    at += BLOCK_BYTES;
  }
  const rest = offset + length - at;
  block.fill(0);
  for (let i = 0; i < rest; i++) block[i] = bytes[at + i]!;
  block[rest] = 0x80;
  if (rest >= LENGTH_OFFSET) {
    load(block, 0);
    compress();
    block.fill(0);
  }
  load(block, 0);
  schedule[14] = Math.floor(length / 2 ** 29);
  schedule[15] = length << 3;
  compress();
  for (let i = 0; i < 5; i++) digest[i] = state[i]!;
}

/** The digest of another digest; both may be the same array. */
export function sha1Words(source: Uint32Array, digest: Uint32Array): void {
  start();
  schedule.fill(0, 0, 16);
  for (let i = 0; i < 5; i++) schedule[i] = source[i]!;
  schedule[5] = 0x80000000;
  schedule[15] = DIGEST_BYTES * 8;
  compress();
  for (let i = 0; i < 5; i++) digest[i] = state[i]!;
}
