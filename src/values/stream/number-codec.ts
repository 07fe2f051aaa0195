/** The numbers of a stream's blocks: 7 bits a byte, the lowest first, bit 7 where another follows. */
import type { Region } from '../../base/region.js';

/** Reads and writes numbers of 7 bits a byte, of up to 64 bits. */
export class NumberCodec {
  at = 0;
  high = 0;
  low = 0;

  /** Reads one below 2^32. */
  read({ bytes }: Region): number {
    let value = bytes[this.at++]!;
    if (value < 128) return value;
    value &= 127;
    for (let scale = 128; ; scale *= 128) {
      const byte = bytes[this.at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  write({ bytes }: Region, value: number): void {
    let rest = value;
    while (rest >= 128) {
      bytes[this.at++] = (rest & 127) | 128;
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    bytes[this.at++] = rest;
  }

  /** Reads one of 64 bits into `high` and `low`. */
  readLong({ bytes }: Region): void {
    let high = 0;
    let low = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[this.at++]!;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) break;
    }
    this.high = high | 0;
    this.low = low | 0;
  }

  writeLong({ bytes }: Region, high: number, low: number): void {
    let restHigh = high >>> 0;
    let restLow = low >>> 0;
    while (restHigh !== 0 || restLow >= 128) {
      bytes[this.at++] = (restLow & 127) | 128;
      restLow = ((restLow >>> 7) | (restHigh << 25)) >>> 0;
      restHigh >>>= 7;
    }
    bytes[this.at++] = restLow;
  }
}
