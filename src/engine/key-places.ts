/** Finds the keys in a command vector from its key specifications. Off the data path. */
import type { KeySpecification } from '../commands/contract/definition.js';

export interface KeyPlace {
  readonly index: number;
  readonly flags: readonly string[];
}

/** The places of all keys, or null when the key part of the vector is malformed. */
export function keyPlacesOf(
  specifications: readonly KeySpecification[],
  args: readonly string[],
): KeyPlace[] | null {
  const places: KeyPlace[] = [];
  for (const specification of specifications) {
    if (specification.flags.includes('not_key')) continue;
    const first = beginning(specification, args);
    if (first < 0) continue;
    const range = rangeOf(specification, first, args);
    if (range === null) return null;
    const flags = specification.flagsOf?.(args) ?? specification.flags;
    for (let index = range.first; index <= range.last; index += range.step) {
      places.push({ index, flags });
    }
  }
  return places;
}

function beginning({ begin }: KeySpecification, args: readonly string[]): number {
  if ('index' in begin) return begin.index < args.length ? begin.index : -1;
  const wanted = begin.keyword.toLowerCase();
  if (begin.startFrom > 0) {
    for (let i = begin.startFrom; i < args.length - 1; i++) {
      if (args[i]!.toLowerCase() === wanted) return i + 1;
    }
    return -1;
  }
  for (let i = args.length + begin.startFrom; i > 0; i--) {
    if (args[i]?.toLowerCase() === wanted) return i + 1;
  }
  return -1;
}

function rangeOf({ find }: KeySpecification, first: number, args: readonly string[]) {
  if ('last' in find) {
    let last = first + find.last;
    if (find.last < 0) {
      const remaining = args.length - first;
      last =
        find.limit > 1
          ? first + Math.floor(remaining / find.limit) + find.last
          : args.length + find.last;
    }
    return last >= args.length || last < first ? null : { first, last, step: find.step };
  }
  const count = Number(args[first + find.keyCountIndex]);
  if (!Number.isSafeInteger(count) || count < 0) return null;
  const from = first + find.firstKey;
  const last = from + (count - 1) * find.step;
  return last >= args.length ? null : { first: from, last, step: find.step };
}
