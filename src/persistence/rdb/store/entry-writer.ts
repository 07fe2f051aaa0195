/** Writes entries of the store to a file: key, expiry and value. Under the lock of their shard. */
import type { TypeRegistry } from '../../../keyspace/types.js';
import type { Table } from '../../../structures/table.js';
import { RdbKey } from '../visitor.js';
import type { RdbWriter } from '../writer.js';
import { expiryToFile } from './expiry.js';
import { ValueWriter } from './value-writer.js';

export class EntryWriter {
  private readonly key = new RdbKey();
  private readonly values: ValueWriter;

  constructor(
    private readonly writer: RdbWriter,
    private readonly types: TypeRegistry,
  ) {
    const { collections, lists, streams } = writer;
    this.values = new ValueWriter({
      ...{ collections, lists, streams },
      string: (region, offset, length) => writer.string(this.key, region, offset, length),
    });
  }

  /** Writes the entry that the table has found or decoded, of the database that was selected. */
  write(table: Table): void {
    const { key, values, writer, types } = this;
    key.region = table.region;
    key.offset = table.keyOffset;
    key.length = table.keyLength;
    key.expiryMs = expiryToFile(table.expiry);
    writer.at(key);
    values.begin();
    types.of(table.kind).save(table, values);
  }
}
