/**
 * Writes sets, hashes and sorted sets. Small ones become packed: their elements are gathered in a
 * listpack or a list of integers until the last one has come, or until one comes that does not fit;
 * then what was gathered is written element by element, as in a large collection. Memory is that of
 * one listpack within Redis's limits.
 */
import type { Region } from '../../base/region.js';
import { doubleIsShort, formatDouble } from '../../protocol/doubles.js';
import { formatInteger, INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { ElementBatch } from './batch.js';
import {
  TYPE_HASH,
  TYPE_HASH_LISTPACK,
  TYPE_HASH_METADATA,
  TYPE_SET,
  TYPE_SET_INTSET,
  TYPE_SET_LISTPACK,
  TYPE_SORTED_SET_2,
  TYPE_SORTED_SET_LISTPACK,
  VERSION_REDIS_7_2,
  VERSION_REDIS_7_4,
} from './format.js';
import { newRegion } from './input.js';
import { writeInt64 } from './integers.js';
import type { RdbOutput } from './output.js';
import { INTSET_HEADER_BYTES } from './packed/intset.js';
import { ListpackCursor } from './packed/listpack.js';
import { ListpackWriter } from './packed/listpack-writer.js';
import { KIND_HASH, KIND_SET, KIND_SORTED_SET } from './visitor.js';

/** Up to where a collection is packed: Redis's directives of these names. */
export interface PackLimits {
  readonly hashMaxListpackEntries: number;
  readonly hashMaxListpackValue: number;
  readonly setMaxIntsetEntries: number;
  readonly setMaxListpackEntries: number;
  readonly setMaxListpackValue: number;
  readonly zsetMaxListpackEntries: number;
  readonly zsetMaxListpackValue: number;
}

export const PACK_LIMITS: PackLimits = {
  hashMaxListpackEntries: 128,
  hashMaxListpackValue: 64,
  setMaxIntsetEntries: 512,
  setMaxListpackEntries: 128,
  setMaxListpackValue: 64,
  zsetMaxListpackEntries: 128,
  zsetMaxListpackValue: 64,
};

/** Whatever the limits say: more is not gathered in memory. */
const GATHERED_ELEMENTS_MAX = 4096;
const GATHERED_BYTES_MAX = 1024 * 1024;

/** Where elements go. */
const TABLE = 0;
const LISTPACK = 1;
const INTSET = 2;

/** Writes what stands before a value: in a file expiry, type and key, in a payload the type. */
export type WriteHead = (type: number) => void;

export class CollectionWriter {
  /** Whether fields of a hash expired that was written. */
  hasFieldExpiry = false;
  /** Whether they may: version 12 only has a form for them. */
  mayExpireFields: boolean;
  private kind = KIND_SET;
  private form = TABLE;
  /** Elements (pairs) that were promised, and how many have come. */
  private count = 0;
  private written = 0;
  private leastExpiryMs = -1;
  private readonly parsed = new ParsedInteger();
  private readonly listpack = new ListpackWriter();
  private readonly cursor = new ListpackCursor();
  private readonly integers = new Float64Array(GATHERED_ELEMENTS_MAX);
  private readonly scores = new Float64Array(GATHERED_ELEMENTS_MAX);
  private readonly scratch = newRegion(GATHERED_ELEMENTS_MAX * 8 + INTSET_HEADER_BYTES);

  constructor(
    private readonly output: RdbOutput,
    private readonly head: WriteHead,
    private readonly version: number,
    private readonly limits: PackLimits,
  ) {
    this.mayExpireFields = version >= VERSION_REDIS_7_4;
  }

  /** @param count the members that will come; more or fewer are an error */
  beginSet(count: number): void {
    this.begin(KIND_SET, count);
    if (count <= Math.min(this.limits.setMaxIntsetEntries, GATHERED_ELEMENTS_MAX)) {
      this.form = INTSET;
    } else {
      this.form = this.setForm();
      if (this.form === TABLE) this.beginTable(TYPE_SET);
    }
  }

  /** What a set becomes that is not of integers only. */
  private setForm(): number {
    const fits = this.count <= this.entriesMax(this.limits.setMaxListpackEntries);
    return this.version >= VERSION_REDIS_7_2 && fits ? LISTPACK : TABLE;
  }

  private entriesMax(limit: number): number {
    return Math.min(limit, GATHERED_ELEMENTS_MAX);
  }

  /** @param leastExpiryMs the earliest expiry of a field, -1 when none expires */
  beginHash(count: number, leastExpiryMs: number): void {
    if (leastExpiryMs >= 0) this.hasFieldExpiry = true;
    if (leastExpiryMs >= 0 && !this.mayExpireFields) {
      throw new Error(`RDB version ${this.version} has no hash fields that expire`);
    }
    this.begin(KIND_HASH, count);
    this.leastExpiryMs = leastExpiryMs;
    const fits = count <= this.entriesMax(this.limits.hashMaxListpackEntries);
    if (leastExpiryMs < 0 && fits) this.form = LISTPACK;
    else this.beginTable(TYPE_HASH);
  }

  /** Members come in the order of their scores, equal ones in the order of their bytes. */
  beginSortedSet(count: number): void {
    this.begin(KIND_SORTED_SET, count);
    if (count <= this.entriesMax(this.limits.zsetMaxListpackEntries)) this.form = LISTPACK;
    else this.beginTable(TYPE_SORTED_SET_2);
  }

  private begin(kind: number, count: number): void {
    if (count === 0) throw new Error('A collection without elements is no key');
    this.kind = kind;
    this.count = count;
    this.written = 0;
    this.leastExpiryMs = -1;
    this.form = TABLE;
    this.listpack.clear();
  }

  setMembers(batch: ElementBatch): void {
    for (let i = 0; i < batch.count; i++) {
      this.member(batch.region, batch.offset[i]!, batch.length[i]!);
    }
  }

  private member(region: Region, offset: number, length: number): void {
    if (this.form === INTSET) {
      const isInteger =
        length > 0 && parseInteger(region, offset, length, this.parsed) === INTEGER_OK;
      if (isInteger) {
        this.integers[this.written++] = this.parsed.value;
        return;
      }
      this.spillIntegers();
    }
    if (this.form === LISTPACK) {
      if (length <= this.limits.setMaxListpackValue && this.hasRoom) {
        this.listpack.add(region, offset, length);
        this.written++;
        return;
      }
      this.spill(TYPE_SET);
    }
    this.written++;
    this.output.string(region, offset, length);
  }

  private get hasRoom(): boolean {
    return this.listpack.length < GATHERED_BYTES_MAX;
  }

  /** A member came that is no integer: what was gathered goes on as text. */
  private spillIntegers(): void {
    const { scratch, written } = this;
    this.form = this.setForm();
    if (this.form === TABLE) this.beginTable(TYPE_SET);
    this.written = 0;
    for (let i = 0; i < written; i++) {
      const end = formatInteger(scratch, 0, this.integers[i]!);
      this.member(scratch, 0, end);
    }
  }

  hashFields(batch: ElementBatch): void {
    const { region, offset, length } = batch;
    for (let i = 0; i + 1 < batch.count; i += 2) {
      if (this.form === LISTPACK) {
        const longest = Math.max(length[i]!, length[i + 1]!);
        if (longest <= this.limits.hashMaxListpackValue && this.hasRoom) {
          this.listpack.add(region, offset[i]!, length[i]!);
          this.listpack.add(region, offset[i + 1]!, length[i + 1]!);
          this.written++;
          continue;
        }
        this.spill(TYPE_HASH);
      }
      if (this.leastExpiryMs >= 0) this.fieldTime(batch.expiryMs[i >>> 1]!);
      this.output.string(region, offset[i]!, length[i]!);
      this.output.string(region, offset[i + 1]!, length[i + 1]!);
      this.written++;
    }
  }

  private fieldTime(expiryMs: number): void {
    if (expiryMs >= 0 && expiryMs < this.leastExpiryMs) {
      throw new Error('A field expires earlier than the earliest one');
    }
    this.output.length(expiryMs < 0 ? 0 : expiryMs - this.leastExpiryMs + 1);
  }

  sortedSetMembers(batch: ElementBatch): void {
    const { region, offset, length, score } = batch;
    for (let i = 0; i < batch.count; i++) {
      if (this.form === LISTPACK) {
        if (length[i]! <= this.limits.zsetMaxListpackValue && this.hasRoom) {
          this.listpack.add(region, offset[i]!, length[i]!);
          this.packScore(score[i]!);
          continue;
        }
        this.spill(TYPE_SORTED_SET_2);
      }
      this.output.string(region, offset[i]!, length[i]!);
      this.output.double(score[i]!);
      this.written++;
    }
  }

  private packScore(score: number): void {
    this.scores[this.written++] = score;
    if (doubleIsShort(score)) {
      this.listpack.addInteger(score);
      return;
    }
    const text = formatDouble(score);
    const { scratch } = this;
    for (let i = 0; i < text.length; i++) scratch.bytes[i] = text.charCodeAt(i);
    this.listpack.add(scratch, 0, text.length);
  }

  end(): void {
    if (this.written !== this.count) {
      throw new Error(`${this.count} elements were promised, ${this.written} came`);
    }
    if (this.form === LISTPACK) {
      this.listpack.finish();
      this.head(PACKED_TYPE[this.kind]!);
      this.output.rawString(this.listpack.region, 0, this.listpack.length);
    } else if (this.form === INTSET) {
      this.writeIntset();
    }
  }

  private beginTable(type: number): void {
    this.form = TABLE;
    if (type === TYPE_HASH && this.leastExpiryMs >= 0) {
      this.head(TYPE_HASH_METADATA);
      this.output.int64(this.leastExpiryMs);
    } else {
      this.head(type);
    }
    this.output.length(this.count);
  }

  /** Writes what the listpack holds element by element, and goes on so. */
  private spill(type: number): void {
    const { cursor, listpack, output } = this;
    this.beginTable(type);
    listpack.finish();
    cursor.open(listpack.region, 0, listpack.length);
    for (let i = 0; cursor.next(); i++) {
      cursor.text();
      if (type === TYPE_SORTED_SET_2 && (i & 1) === 1) output.double(this.scores[i >>> 1]!);
      else output.string(cursor.region, cursor.offset, cursor.length);
    }
    listpack.clear();
  }

  private writeIntset(): void {
    const { scratch, count } = this;
    const sorted = this.integers.subarray(0, count).sort();
    const width = Math.max(widthOf(sorted[0]!), widthOf(sorted[count - 1]!));
    scratch.view.setInt32(0, width, true);
    scratch.view.setInt32(4, count, true);
    for (let i = 0; i < count; i++) {
      const at = INTSET_HEADER_BYTES + i * width;
      if (width === 2) scratch.view.setInt16(at, sorted[i]!, true);
      else if (width === 4) scratch.view.setInt32(at, sorted[i]!, true);
      else writeInt64(scratch.view, at, sorted[i]!);
    }
    this.head(TYPE_SET_INTSET);
    this.output.rawString(scratch, 0, INTSET_HEADER_BYTES + count * width);
  }
}

const PACKED_TYPE: Readonly<Record<number, number>> = {
  [KIND_SET]: TYPE_SET_LISTPACK,
  [KIND_HASH]: TYPE_HASH_LISTPACK,
  [KIND_SORTED_SET]: TYPE_SORTED_SET_LISTPACK,
};

function widthOf(value: number): number {
  if (value >= -0x8000 && value <= 0x7fff) return 2;
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? 4 : 8;
}
