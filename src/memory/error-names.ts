/**
 * The names of error codes seen so far ('ERR', 'WRONGTYPE'), in shared memory: every thread counts
 * errors under the same index. Names are added only, under a lock; a name is complete before the
 * count includes it, so that readers need no lock.
 */
import { lockBlocking, unlock } from './lock.js';

/** Bound of the table: scripts can invent error names. */
export const ERROR_NAMES_MAX = 128;
/** A longer name is cut. Shorter ones are padded with zeros. */
export const ERROR_NAME_BYTES = 32;
export const ERROR_NAMES_BYTES = ERROR_NAMES_MAX * ERROR_NAME_BYTES;

export class ErrorNames {
  private readonly known = new Map<string, number>();

  /**
   * @param bytes ERROR_NAMES_BYTES of them
   * @param countIndex of `words`: how many names there are
   * @param lockIndex of `words`: the lock for adding
   */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly words: Int32Array,
    private readonly countIndex: number,
    private readonly lockIndex: number,
  ) {}

  /** The index under which errors of this name are counted; -1 when the table is full. */
  indexOf(name: string): number {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const short = name.slice(0, ERROR_NAME_BYTES);
    lockBlocking(this.words, this.lockIndex, 1);
    let index = this.list().indexOf(short);
    if (index < 0) index = this.append(short);
    unlock(this.words, this.lockIndex);
    if (index >= 0) this.known.set(name, index);
    return index;
  }

  private append(name: string): number {
    const index = Atomics.load(this.words, this.countIndex);
    if (index === ERROR_NAMES_MAX) return -1;
    for (let i = 0; i < name.length; i++) {
      this.bytes[index * ERROR_NAME_BYTES + i] = name.charCodeAt(i);
    }
    Atomics.store(this.words, this.countIndex, index + 1);
    return index;
  }

  /** All names as people read them, by index: scripts may have made them of UTF-8. */
  texts(): string[] {
    return this.list().map((name) => Buffer.from(name, 'latin1').toString('utf8'));
  }

  /** All names, by index, one char per byte. */
  list(): string[] {
    const names: string[] = [];
    for (let index = 0; index < Atomics.load(this.words, this.countIndex); index++) {
      const from = index * ERROR_NAME_BYTES;
      const bytes = this.bytes.slice(from, from + ERROR_NAME_BYTES);
      names.push(Buffer.from(bytes).toString('latin1').replace(/\0+$/, ''));
    }
    return names;
  }
}
