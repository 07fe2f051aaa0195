/**
 * What a command does to a key, as bits, and the reused record in which the keys of a command vector
 * are given back. Bit `i` of the flags is KEY_FLAGS[i].
 */

/** In the order in which COMMAND GETKEYSANDFLAGS lists them. */
export const KEY_FLAGS = [
  'RO',
  'RW',
  'OW',
  'RM',
  'access',
  'update',
  'insert',
  'delete',
  'not_key',
  'incomplete',
  'variable_flags',
] as const;

export type KeyFlag = (typeof KEY_FLAGS)[number];

export function keyFlagBits(flags: readonly KeyFlag[]): number {
  let bits = 0;
  for (const flag of flags) bits |= 1 << KEY_FLAGS.indexOf(flag);
  return bits;
}

/** The names of the bits set, in order. */
export function keyFlagNames(bits: number): KeyFlag[] {
  return KEY_FLAGS.filter((_, i) => ((bits >>> i) & 1) !== 0);
}

/** The key's value, or whether there is one, may change. */
export const KEY_WRITTEN = keyFlagBits(['RW', 'OW', 'RM']);

const INITIAL_CAPACITY = 16;

/** The keys of one command vector: `count` argument indexes, with the flag bits of each. */
export class KeyPlaces {
  count = 0;
  index = new Int32Array(INITIAL_CAPACITY);
  flags = new Int32Array(INITIAL_CAPACITY);

  add(index: number, flags: number): void {
    if (this.count === this.index.length) this.grow();
    this.index[this.count] = index;
    this.flags[this.count] = flags;
    this.count++;
  }

  private grow(): void {
    const index = new Int32Array(this.index.length * 2);
    const flags = new Int32Array(this.index.length * 2);
    index.set(this.index);
    flags.set(this.flags);
    this.index = index;
    this.flags = flags;
  }
}
