/**
 * Removing fields, and letting them expire. Both happen at once: they only shrink, so that nothing can
 * fail. The entry of a packed hash gets its new length afterwards.
 *
 * A field with an expiry lies in a nested hash. The root says before when none expires, so that a
 * command whose hash has nothing to expire sees that with one comparison. What has expired is removed
 * a batch at a time, by whoever comes along: the commands and the expiry cycle. The position where the
 * next batch begins is in the root:
 *
 *   56   u32   hash position
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { elementBytes } from '../../structures/packed/element.js';
import { splice } from '../../structures/packed/packed.js';
import { SCAN_END } from '../../structures/table.js';
import { ROOT_EARLIEST_BYTE } from './layout.js';
import { STRIDE } from './reader.js';
import { HashWriter } from './writer.js';

const ROOT_PURGE_BYTE = ROOT_EARLIEST_BYTE + 8;
/** No field expires, but one did, or was meant to. */
const NEVER = Number.POSITIVE_INFINITY;

export class HashEdit extends HashWriter {
  private expiredIndex = 0;

  /**
   * Removes the fields from argument `first` on, at once. With others, those that have expired go too,
   * as a replica that replays the command removes them.
   * @returns how many there were
   */
  removeAll(args: ArgumentVector, first: number): number {
    let removed = 0;
    for (let i = first; i < args.count && this.size > 0; i++) {
      if (!this.find(args.region, args.offset[i]!, args.length[i]!)) continue;
      this.removeFound();
      removed++;
    }
    if (removed === 0 || !this.mayHaveExpired) return removed;
    for (let i = first; i < args.count; i++) {
      if (this.locate(args.region, args.offset[i]!, args.length[i]!)) this.table.remove();
    }
    return removed;
  }

  /** Removes the field last found, at once; then the entry gets `length`. */
  removeFound(): void {
    if (this.nested) {
      this.table.remove();
      return;
    }
    const { region, at, position, splice: change } = this;
    const valueAt = at + position + elementBytes(region, at + position);
    const bytes = valueAt + elementBytes(region, valueAt) - at - position;
    change.remove(position, bytes, STRIDE);
    splice(region, at, this.length, change);
    this.length -= bytes;
  }

  /** After removals: compacts a frame of a nested hash, when some have become sparse. */
  tidy(): void {
    if (this.nested && this.table.waiting > 0 && this.table.size > 0) this.table.maintain(1);
  }

  /** Sets when the field last found expires, 0 for never. The hash is nested. @returns false: no room */
  setExpiry(expiry: number): boolean {
    if (!this.table.setExpiry(expiry)) return false;
    if (expiry !== 0) this.noteExpiry(expiry);
    return true;
  }

  private setEarliest(expiry: number): void {
    this.region.view.setFloat64(this.at + ROOT_EARLIEST_BYTE, expiry, true);
  }

  /** Begins a batch of fields that have expired: `nextExpired` goes through them. */
  beginExpired(): void {
    const { region, at, table, now } = this;
    const from = region.view.getUint32(at + ROOT_PURGE_BYTE, true);
    // A field expires in the millisecond after its time, as keys do; the scan includes that time.
    const next = table.scanExpired(from, now - 1);
    region.view.setUint32(at + ROOT_PURGE_BYTE, next % SCAN_END, true);
    if (next === SCAN_END && table.scanCount === 0) this.setEarliest(this.findEarliest());
    this.expiredIndex = 0;
  }

  /** Finds the next expired field of the batch, which the caller removes. */
  nextExpired(): boolean {
    const { table, field } = this;
    if (this.expiredIndex >= table.scanCount) return false;
    table.decode(table.scanOffsets[this.expiredIndex++]!);
    field.isInteger = false;
    field.isScore = false;
    field.offset = table.keyOffset;
    field.length = table.keyLength;
    if (!this.locate(table.region, field.offset, field.length)) throw new Error('a field is lost');
    return true;
  }

  private findEarliest(): number {
    return this.table.expiring === 0 ? NEVER : this.table.earliestExpiry();
  }
}
