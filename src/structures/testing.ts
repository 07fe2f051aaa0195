/** What the tests and benchmarks of tables share: spaces, and keys given as text. */
import { Region } from '../base/region.js';
import { Space } from '../memory/space.js';
import { HashState, hashBytes } from './hash.js';
import type { Table } from './table.js';

const MIB = 1 << 20;

export function testSpace(mebibytes: number): Space {
  const region = new Region(new SharedArrayBuffer(mebibytes * MIB), 0);
  Space.format(region, 0x12345678, -77777);
  return new Space(region, new Int32Array(new SharedArrayBuffer(64)), 0);
}

/** Finds keys in a table from JS bytes, as a command does from its receive buffer. */
export class KeyFinder {
  readonly source = new Region(new SharedArrayBuffer(MIB), 0);
  readonly hash = new HashState();

  constructor(
    readonly space: Space,
    readonly table: Table,
  ) {}

  find(key: Uint8Array | string): boolean {
    const bytes = typeof key === 'string' ? Buffer.from(key, 'latin1') : key;
    this.source.bytes.set(bytes);
    const { source, hash, space } = this;
    hashBytes(hash, source, 0, bytes.length, space.hashKey0, space.hashKey1);
    return this.table.find(source, 0, bytes.length, hash.h1, hash.h2);
  }

  /** @returns false when the space is full */
  put(key: Uint8Array | string, kind: number, value: Uint8Array | string, expiry = 0): boolean {
    this.find(key);
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    const at = this.table.put(kind, bytes.length, expiry);
    if (at >= 0) this.space.region.bytes.set(bytes, at);
    return at >= 0;
  }

  /** The value as text of one char per byte, or undefined. */
  get(key: Uint8Array | string): string | undefined {
    return this.find(key) ? this.value() : undefined;
  }

  /** Key and value of the entry that the table's fields describe. */
  key(): string {
    return this.text(this.table.keyOffset, this.table.keyLength);
  }

  value(): string {
    return this.text(this.table.valueOffset, this.table.valueLength);
  }

  private text(offset: number, length: number): string {
    return Buffer.from(this.space.region.bytes.slice(offset, offset + length)).toString('latin1');
  }
}
