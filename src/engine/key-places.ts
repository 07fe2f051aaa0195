/**
 * Finds the keys in a command vector from its key specifications: where they are, and what the
 * command does to each. It reads keywords and counts from the bytes and makes no strings.
 */
import type { ArgumentVector } from '../base/arguments.js';
import type { KeySpecification } from '../commands/contract/definition.js';
import { type KeyPlaces, keyFlagBits } from '../commands/contract/key-flags.js';
import { parseIndex } from '../protocol/numbers.js';
import { argumentIs } from '../protocol/text.js';

/** A key specification with all that can be known without a command vector. */
export interface CompiledKeys {
  readonly begin: KeySpecification['begin'];
  readonly find: KeySpecification['find'];
  readonly flags: number;
  readonly flagsOf: ((args: ArgumentVector) => number) | null;
  /** In upper case; '' when the keys begin at an index. */
  readonly keyword: string;
  readonly skipsEmpty: boolean;
}

/** Arguments flagged 'not_key' are left out. */
export function compileKeys(specifications: readonly KeySpecification[]): CompiledKeys[] {
  return specifications
    .filter(({ flags }) => !flags.includes('not_key'))
    .map(({ begin, find, flags, flagsOf, skipsEmpty }) => ({
      begin,
      find,
      flags: keyFlagBits(flags),
      flagsOf: flagsOf ?? null,
      skipsEmpty: skipsEmpty ?? false,
      keyword: 'keyword' in begin ? begin.keyword.toUpperCase() : '',
    }));
}

/** Fills `into` with all keys. @returns false when the key part of the vector is malformed */
export function findKeys(
  specifications: readonly CompiledKeys[],
  args: ArgumentVector,
  into: KeyPlaces,
): boolean {
  into.count = 0;
  for (let i = 0; i < specifications.length; i++) {
    const specification = specifications[i]!;
    if ('addTo' in specification.begin) {
      specification.begin.addTo(args, specification.flags, into);
      continue;
    }
    const begin = beginning(specification, args);
    if (specification.skipsEmpty && begin >= 0 && args.length[begin] === 0) continue;
    if (begin >= 0 && !addRange(specification, begin, args, into)) return false;
  }
  return true;
}

/** Where the keys of a specification begin, or -1 when it finds none. */
function beginning({ begin, keyword }: CompiledKeys, args: ArgumentVector): number {
  if ('index' in begin) return begin.index < args.count ? begin.index : -1;
  if ('addTo' in begin) return -1;
  if (begin.startFrom > 0) {
    for (let i = begin.startFrom; i < args.count - 1; i++) {
      if (argumentIs(args, i, keyword)) return i + 1;
    }
    return -1;
  }
  for (let i = Math.min(args.count + begin.startFrom, args.count - 1); i > 0; i--) {
    if (argumentIs(args, i, keyword)) return i + 1;
  }
  return -1;
}

/** Adds the keys of a specification that begins at this argument. False: it is malformed. */
function addRange(
  specification: CompiledKeys,
  begin: number,
  args: ArgumentVector,
  into: KeyPlaces,
): boolean {
  const { find } = specification;
  let first = begin;
  let last = 0;
  if ('last' in find) {
    last = lastOf(find.last, find.limit, begin, args.count);
    if (last < begin) return false;
  } else if ('isUnknown' in find) {
    return false;
  } else {
    const at = begin + find.keyCountIndex;
    if (at >= args.count) return false;
    const count = parseIndex(args.region, args.offset[at]!, args.length[at]!);
    // NaN, for a count that is not a number, fails this comparison too.
    if (!(count >= 0)) return false;
    first = begin + find.firstKey;
    last = first + (count - 1) * find.step;
  }
  if (last >= args.count) return false;
  const flags = specification.flagsOf === null ? specification.flags : specification.flagsOf(args);
  for (let index = first; index <= last; index += find.step) into.add(index, flags);
  return true;
}

/** The last key: relative to the first, or from the end, or at a fraction of what remains. */
function lastOf(last: number, limit: number, first: number, count: number): number {
  if (last >= 0) return first + last;
  if (limit > 1) return first + Math.floor((count - first) / limit) + last;
  return count + last;
}
