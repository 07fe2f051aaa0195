/**
 * Values of a full sync as records: the commands that rebuild a value (values/value-type.ts), each
 * in a record of the journal's form (journal/record.ts). Values whose bytes refer to pages travel
 * so, as these pages are the primary's own.
 *
 * The records follow each other in a region, which grows as it must.
 */
import { millisecondsOf } from '../../base/expiry-time.js';
import { copyBytes, Region } from '../../base/region.js';
import {
  KIND_EFFECT,
  RECORD_DATABASE,
  RECORD_HASH,
  RECORD_HEADER_BYTES,
  recordBytes,
  VECTOR_HEADER_BYTES,
} from '../../journal/record.js';
import type { ValueEffects } from '../../keyspace/types.js';
import { messageWithRoom } from './outgoing-message.js';

/** A key, and where it is. */
export interface RecordKey {
  readonly database: number;
  /** Its hash position. */
  readonly h1: number;
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

const NO_KEY: RecordKey = {
  ...{ database: 0, h1: 0, offset: 0, length: 0 },
  region: new Region(new SharedArrayBuffer(0), 0),
};

export class ValueRecords implements ValueEffects {
  region!: Region;
  /** Where the next record begins. */
  position = 0;
  private key!: RecordKey;
  /** Of the record under way: its end so far, and its arguments. */
  private at = 0;
  private count = 0;

  /** @param takesParts whether the replica takes values in their own form, which a Redis does not */
  constructor(readonly takesParts = false) {}

  /** Records follow at `position` of a region. */
  appendTo(region: Region, position: number): void {
    this.region = region;
    this.position = position;
  }

  /** The records from here on are about this key. */
  about(key: RecordKey): void {
    this.key = key;
  }

  begin(name: string, subcommand = ''): this {
    const { key } = this;
    this.open(name);
    if (subcommand !== '') this.word(subcommand);
    return this.bytes(key.region, key.offset, key.length);
  }

  /** Begins an effect of the stream without keys. */
  beginKeyless(name: string): this {
    this.key = NO_KEY;
    return this.open(name);
  }

  private open(name: string): this {
    const at = this.position + RECORD_HEADER_BYTES + VECTOR_HEADER_BYTES;
    // The region may end inside the header: what a larger one takes over are the records before it.
    this.region = messageWithRoom(this.region, this.position, at);
    this.at = at;
    this.count = 0;
    return this.word(name);
  }

  bytes(source: Region, offset: number, length: number): this {
    this.argument(length);
    copyBytes(this.region, this.at, source, offset, length);
    this.at += length;
    return this;
  }

  word(text: string): this {
    this.argument(text.length);
    const { bytes } = this.region;
    for (let i = 0; i < text.length; i++) bytes[this.at + i] = text.charCodeAt(i);
    this.at += text.length;
    return this;
  }

  time(expiry: number): this {
    return this.word(expiry >= 0 ? String(expiry) : millisecondsOf(expiry).toString());
  }

  end(): void {
    const { region, position, key } = this;
    const { view, bytes } = region;
    const body = position + RECORD_HEADER_BYTES;
    const total = recordBytes(this.at - body);
    bytes.fill(0, this.at, position + total);
    view.setUint32(position, total, true);
    view.setUint32(position + 4, KIND_EFFECT, true);
    view.setUint16(position + RECORD_DATABASE, key.database, true);
    view.setInt32(position + RECORD_HASH, key.h1, true);
    view.setUint32(body, this.count, true);
    this.position = position + total;
  }

  /** Begins an argument, with room for it and the record's padding. */
  private argument(length: number): void {
    this.region = messageWithRoom(this.region, this.at, this.at + length + 8);
    this.region.view.setUint32(this.at, length, true);
    this.at += 4;
    this.count++;
  }
}
