/**
 * `darter --check FILE` of an RDB file: reads it as a start does, checksum included, but builds nothing.
 * What only a store could notice (a member that is there twice in a large set, a key that is there twice) is
 * left to a start.
 */
import { DamagedFile } from '../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../persistence/files/disk.js';
import { RdbError } from '../../../persistence/rdb/error.js';
import { RdbReader } from '../../../persistence/rdb/reader.js';
import {
  KIND_HASH,
  KIND_LIST,
  KIND_SET,
  KIND_SORTED_SET,
  KIND_STREAM,
  KIND_STRING,
  NullRdbVisitor,
  type RdbKey,
} from '../../../persistence/rdb/visitor.js';

const READ_BYTES = 512 * 1024;
const KIND_NAMES = new Map([
  [KIND_STRING, 'strings'],
  [KIND_LIST, 'lists'],
  [KIND_SET, 'sets'],
  [KIND_SORTED_SET, 'sorted sets'],
  [KIND_HASH, 'hashes'],
  [KIND_STREAM, 'streams'],
]);

/** Counts what a reader tells. */
class RdbCount extends NullRdbVisitor {
  readonly settings = new Map<string, string>();
  readonly databases = new Map<number, number>();
  readonly kinds = new Map<number, number>();
  keys = 0;
  expiring = 0;
  libraries = 0;
  emptyKeys = 0;

  override auxiliary(name: string, value: string): void {
    this.settings.set(name, value);
  }
  override functionLibrary(): void {
    this.libraries++;
  }
  override emptyKey(): void {
    this.emptyKeys++;
  }
  override string(key: RdbKey): void {
    this.end(key);
  }
  override end({ database, kind, expiryMs }: RdbKey): void {
    this.keys++;
    if (expiryMs >= 0) this.expiring++;
    increase(this.databases, database);
    increase(this.kinds, kind);
  }
}

function increase(counts: Map<number, number>, of: number): void {
  counts.set(of, (counts.get(of) ?? 0) + 1);
}

/** @returns what it holds, as lines. @throws DamagedFile with the place */
export async function checkRdb(disk: Disk, path: string): Promise<string[]> {
  const file = await disk.open(path);
  try {
    const count = new RdbCount();
    const reader = new RdbReader(count);
    const buffer = new Uint8Array(READ_BYTES);
    let offset = 0;
    for (let got = -1; got !== 0 && !reader.done; ) {
      got = await file.read(offset, buffer);
      reader.feed(buffer, 0, got);
      offset += got;
    }
    reader.finish();
    const rest = (await file.length()) - reader.offset;
    return describe(path, reader, rest, count);
  } catch (error) {
    if (error instanceof RdbError) throw new DamagedFile(path, error.offset, reasonOf(error));
    throw error;
  } finally {
    await file.close();
  }
}

function reasonOf({ reason, key }: RdbError): string {
  return key === null ? reason : `${reason}, key ${JSON.stringify(key)}`;
}

function describe(path: string, reader: RdbReader, rest: number, count: RdbCount): string[] {
  const server = count.settings.get('valkey-ver') ?? count.settings.get('redis-ver');
  const writer = server === undefined ? '' : `, written by version ${server}`;
  const each = [...count.databases].map(([database, keys]) => `db${database}: ${keys}`);
  const kinds = [...count.kinds].map(([kind, keys]) => `${keys} ${KIND_NAMES.get(kind)}`);
  const { keys, expiring, libraries, emptyKeys } = count;
  return [
    `${path}: RDB version ${reader.version}${writer}, ${reader.offset} bytes, whole`,
    ...(rest === 0
      ? []
      : [`${rest} bytes behind its end, not checked: they count in an append-only file only`]),
    `${keys} keys${each.length === 0 ? '' : ` (${each.join(', ')})`}, ${expiring} of them expire`,
    ...(kinds.length === 0 ? [] : [kinds.join(', ')]),
    ...(emptyKeys === 0
      ? []
      : [`${emptyKeys} collections without elements, which a start leaves out`]),
    ...(libraries === 0 ? [] : [`${libraries} function libraries`]),
  ];
}
