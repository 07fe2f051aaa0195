/**
 * Reading RDB from memory: 5,000,000 keys with values of 100 bytes that nothing compresses, with and
 * without the checksum, told to a visitor that only adds up. Storing them is not part of it.
 */
import { performance } from 'node:perf_hooks';
import { RdbReader } from '../../src/persistence/rdb/reader.js';
import { NullRdbVisitor, type RdbKey } from '../../src/persistence/rdb/visitor.js';
import { median } from '../support/statistics.js';

const KEYS = 5_000_000;
const VALUE_BYTES = 100;
const ROUNDS = 5;
/** As much as one read of a file brings. */
const PIECE_BYTES = 256 * 1024;

class Sum extends NullRdbVisitor {
  keys = 0;
  bytes = 0;
  override string(key: RdbKey, _region: unknown, _offset: number, length: number): void {
    this.keys++;
    this.bytes += key.length + length;
  }
}

/** A stretch of a file: it is read again and again, as only its keys would differ. */
function stretch(keys: number): Uint8Array {
  const parts: number[] = [];
  for (let i = 0; i < keys; i++) {
    const key = `key:${String(i).padStart(8, '0')}`;
    parts.push(0, key.length, ...Buffer.from(key), 0x40, VALUE_BYTES);
    for (let j = 0; j < VALUE_BYTES; j++)
      parts.push((Math.imul(i * 101 + j, 0x9e3779b1) >>> 24) & 255);
  }
  return Uint8Array.from(parts);
}

const STRETCH_KEYS = 50_000;
const bytes = stretch(STRETCH_KEYS);
const header = Uint8Array.from(Buffer.from('REDIS0010'));

function readAll(checksum: boolean): number {
  const sum = new Sum();
  const reader = new RdbReader(sum, { checksum });
  reader.feed(header, 0, header.length);
  const start = performance.now();
  for (let keys = 0; keys < KEYS; keys += STRETCH_KEYS) {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      reader.feed(bytes, at, Math.min(PIECE_BYTES, bytes.length - at));
    }
  }
  if (sum.keys !== KEYS) throw new Error(`${sum.keys} keys were read`);
  return performance.now() - start;
}

for (const checksum of [true, false]) {
  const timesMs = Array.from({ length: ROUNDS }, () => readAll(checksum));
  const ms = median(timesMs);
  const mib = ((KEYS / STRETCH_KEYS) * bytes.length) / 2 ** 20;
  const what = `rdb: read 5 M keys${checksum ? '' : ', no checksum'}`;
  const figures = `${((ms * 1e6) / KEYS).toFixed(1)} ns a key, ${((mib / ms) * 1000).toFixed(0)} MiB/s`;
  process.stdout.write(`${what.padEnd(52)} ${figures}\n`);
}
