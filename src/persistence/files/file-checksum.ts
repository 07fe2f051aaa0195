/**
 * The checksum over a whole file, in pieces of any multiple of 8 bytes. Blocks have checksums of
 * their own (replication/wire.ts); this one also finds blocks that are missing, doubled or out of
 * order. Two lanes of 32 bits: each step is a bijection of its lane, so every change within one word
 * is found, and nearly every other. It detects accidents, not forgeries.
 */
const PRIME = 0x9e3779b1 | 0;

export class FileChecksum {
  private even = 0x243f6a88;
  private odd = 0x85a308d3 | 0;
  private count = 0;

  /** @param bytes at an address that is a multiple of 4; their number is a multiple of 8 */
  update(bytes: Uint8Array): void {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    let { even, odd } = this;
    for (let at = 0; at < words.length; at += 2) {
      even = Math.imul(even ^ words[at]!, PRIME);
      odd = Math.imul(odd ^ words[at + 1]!, PRIME);
    }
    this.even = even;
    this.odd = odd;
    this.count = (this.count + words.length) | 0;
  }

  /** Over all that came: 32 bits, not negative. */
  get value(): number {
    let sum = this.even;
    sum = Math.imul(sum ^ (sum >>> 15), PRIME) + this.odd;
    sum = Math.imul(sum ^ (sum >>> 15), PRIME) + this.count;
    return (sum ^ (sum >>> 16)) >>> 0;
  }
}

/** The checksum of some bytes; their number need not be a multiple of 8. */
export function checksumOf(bytes: Uint8Array): number {
  const padded = new Uint8Array((bytes.length + 7) & ~7);
  padded.set(bytes);
  const sum = new FileChecksum();
  sum.update(padded);
  return sum.value;
}
