/**
 * Hashes to and from files: told pair by pair, and built from batches of them. Fields that have expired
 * and are not removed yet are told too: who reads them has a clock of its own.
 */
import { copyBytes, Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import { PackedElement, PackedView } from '../../structures/packed/element.js';
import {
  findElement,
  formatPacked,
  PACKED_HEADER_BYTES,
  packedCount,
} from '../../structures/packed/packed.js';
import { Table } from '../../structures/table.js';
import {
  type ElementsInFlight,
  LOAD_DUPLICATE,
  LOAD_FULL,
  LOADED,
  LoadedValue,
  type LoadLimits,
  type StoredValue,
  type ValueLoader,
  type ValueSink,
} from '../value-type.js';
import {
  HASH_ROOT_BYTES,
  KIND_NAMED_TABLE,
  KIND_NESTED,
  PACKED_BYTES_MAX,
  PACKED_FIELDS_MAX,
  ROOT_EARLIEST_BYTE,
  TYPE_HASH,
} from './layout.js';
import { HashReader, STRIDE } from './reader.js';
import { tableReclaims } from './writer.js';

const NO_TIME = 0;
const NO_EXPIRY = -1;
const FIELD_KIND = 0;
const INTEGER_TEXT_BYTES = 24;

const reader = new HashReader();
/** Of hashes that are loaded: no command uses them. */
const tables = new PerSpace((space) => new Table(space, 0));

/** As ValueType.save. */
export function saveHash(value: StoredValue, sink: ValueSink): void {
  const { batch } = sink;
  reader.open(value, NO_TIME);
  const expires = reader.expiring > 0;
  sink.beginHash(reader.size, expires ? reader.earliest : NO_EXPIRY);
  reader.rewind();
  while (reader.next()) {
    const { elementRegion, field, value: bytes, expiry } = reader;
    const slot = batch.take(field.length);
    field.copyTo(elementRegion, batch.region, batch.offset[slot]!);
    batch.take(bytes.length);
    bytes.copyTo(elementRegion, batch.region, batch.offset[slot + 1]!);
    batch.expiryMs[slot >>> 1] = expiry === 0 ? NO_EXPIRY : expiry;
    if (batch.isFull) sink.deliver();
  }
  sink.deliver();
  sink.end();
}

export class HashLoader implements ValueLoader {
  readonly value = new LoadedValue();
  private limits!: LoadLimits;
  private readonly packed = new Region(new SharedArrayBuffer(PACKED_BYTES_MAX), 0);
  private readonly root = new Region(new SharedArrayBuffer(HASH_ROOT_BYTES), 0);
  private readonly fieldText = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
  private readonly valueText = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
  private readonly field = new PackedElement(this.packed);
  private readonly element = new PackedElement(this.packed);
  private readonly fieldView = new PackedView();
  private readonly valueView = new PackedView();
  private readonly hash = new HashState();

  begin(space: Space, limits: LoadLimits): void {
    const { value, packed } = this;
    this.limits = limits;
    value.space = space;
    value.kind = TYPE_HASH;
    value.region = packed;
    value.valueLength = PACKED_HEADER_BYTES;
    formatPacked(packed, 0);
  }

  add(pairs: ElementsInFlight): number {
    const { value } = this;
    let table: Table | null = null;
    for (let slot = 0; slot < pairs.count; slot += STRIDE) {
      this.name(pairs, slot);
      if ((value.kind & KIND_NESTED) === 0) {
        if (this.isPresent(pairs, slot)) return LOAD_DUPLICATE;
        if (this.addPacked(pairs, slot)) continue;
        if (!this.convert()) return LOAD_FULL;
      }
      table ??= this.attached();
      const outcome = this.put(table, pairs, slot);
      if (outcome !== LOADED) return outcome;
    }
    return LOADED;
  }

  /** Notes what OBJECT ENCODING will tell: a pair may be too long for a listpack. */
  private name({ length }: ElementsInFlight, slot: number): void {
    const most = this.limits.hashListpackValueBytesMax;
    if (length[slot]! > most || length[slot + 1]! > most) this.value.kind |= KIND_NAMED_TABLE;
  }

  private nameByCount(fields: number): void {
    if (fields > this.limits.hashListpackEntriesMax) this.value.kind |= KIND_NAMED_TABLE;
  }

  private isPresent({ region, offset, length }: ElementsInFlight, slot: number): boolean {
    const { field, packed, value } = this;
    field.set(region, offset[slot]!, length[slot]!);
    const { valueLength } = value;
    return findElement(packed, 0, valueLength, field, PACKED_HEADER_BYTES, STRIDE) >= 0;
  }

  /** Appends a pair whose field was sought. @returns false when it does not fit */
  private addPacked(pairs: ElementsInFlight, slot: number): boolean {
    const { field, element, packed, value } = this;
    if (pairs.expiryMs[slot >>> 1]! >= 0) return false;
    element.set(pairs.region, pairs.offset[slot + 1]!, pairs.length[slot + 1]!);
    const at = value.valueLength;
    const end = at + field.size + element.size;
    const elements = packedCount(packed, 0) + STRIDE;
    if (end > PACKED_BYTES_MAX || elements > PACKED_FIELDS_MAX * STRIDE) return false;
    field.write(packed, at);
    element.write(packed, at + field.size);
    formatPacked(packed, 0, elements);
    value.valueLength = end;
    this.nameByCount(elements / STRIDE);
    return true;
  }

  private attached(): Table {
    const table = tables.of(this.value.space);
    table.attach(0, this.root);
    return table;
  }

  /** Moves what has come so far into a table. @returns false: no room */
  private convert(): boolean {
    const { value, packed, root, fieldView, valueView, fieldText, valueText } = this;
    const end = value.valueLength;
    root.bytes.fill(0);
    value.kind |= KIND_NESTED;
    value.region = root;
    value.valueLength = HASH_ROOT_BYTES;
    const table = this.attached();
    for (let at = PACKED_HEADER_BYTES; at < end; ) {
      at += fieldView.read(packed, at);
      at += valueView.read(packed, at);
      const region = textOf(fieldView, packed, fieldText);
      this.find(table, region, placeOf(fieldView), fieldView.length);
      const source = textOf(valueView, packed, valueText);
      if (!this.store(table, source, placeOf(valueView), valueView.length, 0)) return false;
    }
    return true;
  }

  private find(table: Table, region: Region, offset: number, length: number): boolean {
    const { hash, value } = this;
    hashBytes(hash, region, offset, length, value.space.hashKey0, value.space.hashKey1);
    return table.find(region, offset, length, hash.h1, hash.h2);
  }

  private put(table: Table, pairs: ElementsInFlight, slot: number): number {
    const { region, offset, length } = pairs;
    if (this.find(table, region, offset[slot]!, length[slot]!)) return LOAD_DUPLICATE;
    const expiryMs = pairs.expiryMs[slot >>> 1]!;
    // An expiry of 0 would be none: that field has expired long ago.
    const expiry = expiryMs < 0 ? 0 : Math.max(1, expiryMs);
    if (!this.store(table, region, offset[slot + 1]!, length[slot + 1]!, expiry)) return LOAD_FULL;
    if (expiry > 0) this.noteExpiry(expiry);
    this.nameByCount(table.size);
    return LOADED;
  }

  /** Stores the value of the field sought. @returns false when there is no room: all is freed */
  private store(
    table: Table,
    source: Region,
    offset: number,
    length: number,
    expiry: number,
  ): boolean {
    const at = table.put(FIELD_KIND, length, expiry);
    if (at < 0) {
      tableReclaims.of(this.value.space).freeWhole(0, this.root);
      return false;
    }
    copyBytes(table.region, at, source, offset, length);
    return true;
  }

  private noteExpiry(expiry: number): void {
    const { view } = this.root;
    const earliest = view.getFloat64(ROOT_EARLIEST_BYTE, true);
    if (earliest === 0 || expiry < earliest) view.setFloat64(ROOT_EARLIEST_BYTE, expiry, true);
  }
}

/** The region that has the element's bytes; an integer's text is written first. */
function textOf(view: PackedView, packed: Region, text: Region): Region {
  if (!view.isInteger) return packed;
  view.copyTo(packed, text, 0);
  return text;
}

function placeOf(view: PackedView): number {
  return view.isInteger ? 0 : view.offset;
}
