/**
 * DEBUG DIGEST: one number for all data, equal to Redis's for the same data. It does not depend on
 * the order of keys, hence neither on shards nor on the history of tables:
 *
 *   whole = 0
 *   for every database that holds keys, in order:
 *     whole = mix(whole, database number as u32 BE)
 *     for every key:  one = mix(0, key), then mix(one, type as u32 BE), mix(one, value);
 *                     one ^= SHA1('!!expire!!') when it expires;  whole ^= SHA1(one)
 *
 *   mix(digest, bytes) = SHA1(digest ^ SHA1(bytes))
 *
 * Keys past their time do not count.
 */
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { typeOf } from '../../../keyspace/kinds.js';
import type { Context } from '../../contract/context.js';
import { DIGEST_BYTES, sha1, sha1Words } from './sha1.js';

const DIGEST_WORDS = DIGEST_BYTES / 4;
const POSITIONS_END = 2 ** 32;

const part = new Uint32Array(DIGEST_WORDS);
const one = new Uint32Array(DIGEST_WORDS);
const number = new Uint8Array(4);
const expires = new Uint32Array(DIGEST_WORDS);
sha1(new TextEncoder().encode('!!expire!!'), 0, 10, expires);

/** digest = SHA1(digest ^ SHA1(bytes)) */
function mix(digest: Uint32Array, bytes: Uint8Array, offset: number, length: number): void {
  sha1(bytes, offset, length, part);
  for (let i = 0; i < DIGEST_WORDS; i++) digest[i]! ^= part[i]!;
  sha1Words(digest, digest);
}

function mixNumber(digest: Uint32Array, value: number): void {
  number.fill(0);
  number[3] = value;
  mix(digest, number, 0, 4);
}

function mixValue(
  digest: Uint32Array,
  kind: number,
  expiry: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): void {
  mixNumber(digest, typeOf(kind));
  mix(digest, bytes, offset, length);
  if (expiry !== 0) for (let i = 0; i < DIGEST_WORDS; i++) digest[i]! ^= expires[i]!;
}

function hex(digest: Uint32Array): string {
  return [...digest].map((word) => word.toString(16).padStart(8, '0')).join('');
}

/** The digest of the value found. */
export function digestOfValue(keys: Keyspace): string {
  one.fill(0);
  const { kind, expiry, region, valueOffset, valueLength } = keys;
  mixValue(one, kind, expiry, region.bytes, valueOffset, valueLength);
  return hex(one);
}

/** Locks one shard after the other: exact while nobody writes. */
export function digestOfData(context: Context): string {
  const { shards } = context.keys;
  const whole = new Uint32Array(DIGEST_WORDS);
  for (let database = 0; database < shards.databases; database++) {
    let begun = false;
    const sums = new Uint32Array(DIGEST_WORDS);
    for (let shard = 0; shard < shards.count; shard++) {
      context.withShard(shard, () => {
        if (addTable(context, shard, database, sums)) begun = true;
      });
    }
    if (!begun) continue;
    mixNumber(whole, database);
    for (let i = 0; i < DIGEST_WORDS; i++) whole[i]! ^= sums[i]!;
  }
  return hex(whole);
}

/** Adds the keys of one table. False when it holds none. */
function addTable(context: Context, shard: number, database: number, sums: Uint32Array): boolean {
  const table = context.keys.shards.table(shard, database);
  const { now } = context;
  let any = false;
  for (let position = 0; position < POSITIONS_END; ) {
    position = table.scan(position);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      const { kind, expiry, keyOffset, keyLength, valueOffset, valueLength } = table;
      if (expiry !== 0 && expiry < now) continue;
      const bytes = table.region.bytes;
      any = true;
      one.fill(0);
      mix(one, bytes, keyOffset, keyLength);
      mixValue(one, kind, expiry, bytes, valueOffset, valueLength);
      sha1Words(one, part);
      for (let word = 0; word < DIGEST_WORDS; word++) sums[word]! ^= part[word]!;
    }
  }
  return any;
}
