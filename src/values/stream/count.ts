/**
 * Counts of 64 bits as two words: entries that were added or read, deliveries. They go on with the lowest
 * number after the highest one, as in Redis. No BigInt where counts are ordinary: it would allocate one
 * for each entry.
 */
import { Region } from '../../base/region.js';
import { INTEGER_TEXT_MAX, Int64 } from '../../structures/packed/integer.js';
import type { ValueEffects } from '../value-type.js';

const COUNT_BYTES = 8;
const TWO_32 = 2 ** 32;
const MASK_32 = 0xffffffffn;

const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_MAX + 4), 0);

export class Count extends Int64 {
  copyFrom(other: Count): this {
    this.high = other.high;
    this.low = other.low;
    return this;
  }

  isSame(other: Count): boolean {
    return this.low === other.low && this.high === other.high;
  }

  get isZero(): boolean {
    return (this.high | this.low) === 0;
  }

  /** What a group's entries read are when nobody knows: -1. */
  get isUnknown(): boolean {
    return (this.high & this.low) === -1;
  }

  setUnknown(): this {
    this.high = -1;
    this.low = -1;
    return this;
  }

  get isNegative(): boolean {
    return this.high < 0;
  }

  increment(): this {
    this.low = (this.low + 1) | 0;
    if (this.low === 0) this.high = (this.high + 1) | 0;
    return this;
  }

  subtract({ high, low }: Count): this {
    const difference = (this.low >>> 0) - (low >>> 0);
    this.high = (this.high - high - (difference < 0 ? 1 : 0)) | 0;
    this.low = difference | 0;
    return this;
  }

  /** @param amount at most 53 bits, 0 or more */
  subtractNumber(amount: number): this {
    const difference = (this.low >>> 0) - (amount % TWO_32);
    this.high = (this.high - Math.floor(amount / TWO_32) - (difference < 0 ? 1 : 0)) | 0;
    this.low = difference | 0;
    return this;
  }

  /** For what lies beyond 53 bits. Off the data path only. */
  setBig(value: bigint): this {
    this.high = Number(BigInt.asIntN(32, value >> 32n));
    this.low = Number(value & MASK_32) | 0;
    return this;
  }

  toBig(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low >>> 0);
  }

  /** From 8 bytes, the least significant first. */
  load(region: Region, offset: number): this {
    this.read(region, offset, COUNT_BYTES);
    return this;
  }

  store({ view }: Region, offset: number): void {
    view.setInt32(offset, this.low, true);
    view.setInt32(offset + 4, this.high, true);
  }

  /** Appends it to an effect, in decimal. */
  addTo(effects: ValueEffects): ValueEffects {
    const length = this.textLength;
    this.writeText(text, 0, length);
    return effects.bytes(text, 0, length);
  }
}
