/**
 * PFADD, PFMERGE and PFDEBUG TODENSE: a change of one value, made apart from it.
 *
 *     open ── raise, add ... ──▶ length, changes ── write
 *
 * The caller opens a value (or begins an empty one), makes its changes, and only then knows the new
 * length: it finds the room, and `write` cannot fail any more. Until then the value is untouched.
 *
 * A sparse value is small, so the edit works on a copy. A dense one stays where it is: what is to be
 * raised is kept in a table of registers, and `write` sets those only, in place. The value must not
 * move between `open` and `write`, other than by being copied to where `write` is told to work.
 */
import { copyBytes, Region } from '../../base/region.js';
import { readRegister, writeRegister } from './dense.js';
import {
  CORRUPTED,
  checkHeader,
  DENSE_BYTES,
  HEADER_BYTES,
  invalidateCardinality,
  isSparse,
  REGISTER_COUNT,
  VALID,
} from './layout.js';
import { Hash64, hashElement, registerIndex, registerValue } from './murmur-hash.js';
import { sparseToDense } from './sparse.js';
import { BROKEN, NEEDS_DENSE, RAISED, SparseWriter } from './sparse-writer.js';

/** Where the registers being edited are. */
const IN_SPARSE_COPY = 0;
const IN_DENSE_COPY = 1;
const IN_PLACE = 2;

const NO_VALUE = new Region(new SharedArrayBuffer(8), 0);

/** One for each thread; reused, so that an edit allocates nothing. */
export class HyperLogLogEdit {
  /** Bytes of the value after the edit. */
  length = 0;
  /** How many times a register was raised, one more when the value is new: what PFADD answers. */
  changes = 0;
  private form = IN_SPARSE_COPY;
  private readonly sparse = new SparseWriter();
  private readonly dense = new Region(new SharedArrayBuffer(DENSE_BYTES), 0);
  private value = NO_VALUE;
  private valueOffset = 0;
  /** Of a value edited in place: what registers are raised to (0: not at all), and which ones. */
  private readonly raised = new Uint8Array(REGISTER_COUNT);
  private readonly raisedIndexes = new Int32Array(REGISTER_COUNT);
  private raisedCount = 0;
  private invalidates = false;
  private readonly hash = new Hash64();

  /** Begins with a value of the store: VALID, NOT_HYPERLOGLOG or CORRUPTED. */
  open(value: Region, offset: number, length: number): number {
    this.begin();
    const state = checkHeader(value, offset, length);
    if (state !== VALID) return state;
    this.length = length;
    if (isSparse(value, offset)) {
      this.form = IN_SPARSE_COPY;
      return this.sparse.open(value, offset, length);
    }
    this.form = IN_PLACE;
    this.value = value;
    this.valueOffset = offset;
    return VALID;
  }

  /** Begins with an empty value, for a key that does not exist. */
  create(): void {
    this.begin();
    this.form = IN_SPARSE_COPY;
    this.sparse.openEmpty();
    this.length = this.sparse.length;
    this.changes = 1;
    this.invalidates = true;
  }

  /** Whether `write` sets registers in place: its target then holds the value's present bytes. */
  get inPlace(): boolean {
    return this.form === IN_PLACE;
  }

  /** Whether a value that was sparse, or new, is dense after the edit. */
  get turnsDense(): boolean {
    return this.form === IN_DENSE_COPY;
  }

  /** Adds an element: VALID, or CORRUPTED when the value's registers cannot be read. */
  add(region: Region, offset: number, length: number, sparseBytesMax: number): number {
    hashElement(this.hash, region, offset, length);
    return this.raise(registerIndex(this.hash), registerValue(this.hash), sparseBytesMax);
  }

  /** Raises one register to `value` when it holds less: VALID or CORRUPTED. */
  raise(index: number, value: number, sparseBytesMax: number): number {
    if (this.form !== IN_SPARSE_COPY) {
      this.raiseDense(index, value);
      return VALID;
    }
    const result = this.sparse.raise(index, value, sparseBytesMax);
    if (result === BROKEN) return CORRUPTED;
    if (result === NEEDS_DENSE) {
      if (this.toDense() !== VALID) return CORRUPTED;
      this.raiseDense(index, value);
      return VALID;
    }
    if (result !== RAISED) return VALID;
    this.length = this.sparse.length;
    this.changes++;
    this.invalidates = true;
    return VALID;
  }

  /** Raises all registers to those of a union, as PFMERGE does: VALID or CORRUPTED. */
  raiseAll(registers: Uint8Array, sparseBytesMax: number): number {
    for (let i = 0; i < REGISTER_COUNT; i++) {
      if (registers[i] === 0) continue;
      const state = this.raise(i, registers[i]!, sparseBytesMax);
      if (state !== VALID) return state;
    }
    this.invalidates = true;
    return VALID;
  }

  /** Changes the encoding to dense, if it is not: VALID or CORRUPTED. */
  toDense(): number {
    if (this.form !== IN_SPARSE_COPY) return VALID;
    const state = sparseToDense(this.dense, this.sparse.region, 0, this.sparse.length);
    if (state !== VALID) return state;
    this.form = IN_DENSE_COPY;
    this.length = DENSE_BYTES;
    return VALID;
  }

  /** Writes the value, `length` bytes, or the registers that change when it is edited in place. */
  write(target: Region, offset: number): void {
    if (this.form === IN_PLACE) this.writeRaised(target, offset + HEADER_BYTES);
    else copyBytes(target, offset, this.copy, 0, this.length);
    if (this.invalidates) invalidateCardinality(target, offset);
    this.begin();
  }

  private get copy(): Region {
    return this.form === IN_SPARSE_COPY ? this.sparse.region : this.dense;
  }

  private begin(): void {
    for (let i = 0; i < this.raisedCount; i++) this.raised[this.raisedIndexes[i]!] = 0;
    this.raisedCount = 0;
    this.changes = 0;
    this.invalidates = false;
    this.value = NO_VALUE;
  }

  private raiseDense(index: number, value: number): void {
    if (this.form === IN_PLACE) {
      const kept = this.raised[index]!;
      if (value <= kept) return;
      if (value <= readRegister(this.value, this.valueOffset + HEADER_BYTES, index)) return;
      if (kept === 0) this.raisedIndexes[this.raisedCount++] = index;
      this.raised[index] = value;
    } else {
      if (value <= readRegister(this.dense, HEADER_BYTES, index)) return;
      writeRegister(this.dense, HEADER_BYTES, index, value);
    }
    this.changes++;
    this.invalidates = true;
  }

  private writeRaised(target: Region, start: number): void {
    for (let i = 0; i < this.raisedCount; i++) {
      const index = this.raisedIndexes[i]!;
      writeRegister(target, start, index, this.raised[index]!);
    }
  }
}
