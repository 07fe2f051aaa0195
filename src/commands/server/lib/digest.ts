/**
 * DEBUG DIGEST: one number for all data, equal to Redis's for the same data. It does not depend on
 * the order of keys, hence neither on shards nor on the history of tables:
 *
 *   whole = 0
 *   for every database that holds keys, in order:
 *     whole = mix(whole, database number as u32 BE)
 *     for every key:  one = mix(0, key), then mix(one, type as u32 BE), the value's own part,
 *                     one ^= SHA1('!!expire!!') when it expires;  whole ^= SHA1(one)
 *
 *   mix(digest, bytes) = SHA1(digest ^ SHA1(bytes))
 *
 * Expired keys do not count.
 */
import { hasExpired } from '../../../base/expiry-time.js';
import type { Region } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { SCAN_END } from '../../../keyspace/shards.js';
import type { TypeRegistry } from '../../../keyspace/types.js';
import type { StoredValue, ValueDigest } from '../../../values/value-type.js';
import type { Context } from '../../contract/context.js';
import { DIGEST_BYTES, sha1, sha1Words } from './sha1.js';

const DIGEST_WORDS = DIGEST_BYTES / 4;

const part = new Uint32Array(DIGEST_WORDS);
const number = new Uint8Array(4);
const expires = new Uint32Array(DIGEST_WORDS);
sha1(new TextEncoder().encode('!!expire!!'), 0, 10, expires);

class Digest implements ValueDigest {
  readonly words = new Uint32Array(DIGEST_WORDS);
  private inner: Digest | null = null;

  mix(region: Region, offset: number, length: number): void {
    this.mixBytes(region.bytes, offset, length);
  }

  mixNumber(value: number): void {
    number.fill(0);
    number[3] = value;
    this.mixBytes(number, 0, 4);
  }

  private mixBytes(bytes: Uint8Array, offset: number, length: number): void {
    sha1(bytes, offset, length, part);
    this.xor(part);
    sha1Words(this.words, this.words);
  }

  element(): Digest {
    this.inner ??= new Digest();
    this.inner.words.fill(0);
    return this.inner;
  }

  add(element: Digest): void {
    sha1Words(element.words, part);
    this.xor(part);
  }

  addBytes(region: Region, offset: number, length: number): void {
    sha1(region.bytes, offset, length, part);
    this.xor(part);
  }

  xor(other: Uint32Array): void {
    for (let i = 0; i < DIGEST_WORDS; i++) this.words[i]! ^= other[i]!;
  }

  mixValue(value: StoredValue, types: TypeRegistry): void {
    const type = types.of(value.kind);
    this.mixNumber(type.digestNumber ?? type.number);
    type.digest(value, this);
    if (value.expiry !== 0) this.xor(expires);
  }

  get hex(): string {
    return [...this.words].map((word) => word.toString(16).padStart(8, '0')).join('');
  }
}

/** The digest of the value found. */
export function digestOfValue(keys: Keyspace): string {
  const digest = new Digest();
  digest.mixValue(keys, keys.types);
  return digest.hex;
}

/** Locks one shard after the other: exact while nobody writes. */
export function digestOfData(context: Context): string {
  const { shards } = context.keys;
  const whole = new Digest();
  for (let database = 0; database < shards.databases; database++) {
    let begun = false;
    const sum = new Digest();
    for (let shard = 0; shard < shards.count; shard++) {
      context.withShard(shard, () => {
        if (addTable(context, shard, database, sum)) begun = true;
      });
    }
    if (!begun) continue;
    whole.mixNumber(database);
    whole.xor(sum.words);
  }
  return whole.hex;
}

/** Adds the keys of one table. False when it holds none. */
function addTable({ keys, now }: Context, shard: number, database: number, sum: Digest): boolean {
  const table = keys.shards.table(shard, database);
  let any = false;
  for (let position = 0; position < SCAN_END; ) {
    position = table.scan(position);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (hasExpired(table.expiry, now)) continue;
      any = true;
      const one = sum.element();
      one.mix(table.region, table.keyOffset, table.keyLength);
      one.mixValue(table, keys.types);
      sum.add(one);
    }
  }
  return any;
}
