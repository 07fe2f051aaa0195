/** For tests: what a store holds, as a file. */
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { RdbWriter } from '../writer.js';
import { EntryWriter } from './entry-writer.js';

/** Writes everything that the store holds. */
export function save(keys: Keyspace, version: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  const sink = (region: { bytes: Uint8Array }, offset: number, length: number): void => {
    pieces.push(region.bytes.slice(offset, offset + length));
  };
  const writer = new RdbWriter(sink, { version });
  const entries = new EntryWriter(writer, keys.types);
  writer.begin();
  const { shards } = keys;
  for (let database = 0; database < shards.databases; database++) {
    writer.selectDatabase(database);
    for (let shard = 0; shard < shards.count; shard++) {
      const table = shards.table(shard, database);
      for (let position = 0; position < 2 ** 32; ) {
        position = table.scan(position);
        for (let i = 0; i < table.scanCount; i++) {
          table.decode(table.scanOffsets[i]!);
          entries.write(table);
        }
      }
    }
  }
  writer.finish();
  return new Uint8Array(Buffer.concat(pieces));
}
