/**
 * The arguments of SORT and SORT_RO. They say more than their positions: which keys a command vector
 * reads and writes (the dispatcher locks these before the command runs) follows from the same parse.
 */
import type { ArgumentVector } from '../../../base/arguments.js';
import { ErrorReply, NOT_INTEGER, SYNTAX } from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import { argumentIs } from '../../../protocol/text.js';
import type { KeyPlaces } from '../../contract/key-flags.js';

const STAR = 42;
const HASH = 35;
const BY_DENIED = new ErrorReply(
  'ERR BY option of SORT denied due to insufficient ACL permissions.',
);
const GET_DENIED = new ErrorReply(
  'ERR GET option of SORT denied due to insufficient ACL permissions.',
);
const NONE = 0;
const FIRST_OPTION = 2;
/** No LIMIT: all elements. */
const ALL = -1;

/** Owned by its caller, reused. */
export class SortOptions {
  isDescending = false;
  isAlpha = false;
  offset = 0;
  count = ALL;
  /** Arguments with the pattern of BY, the target of STORE and the patterns of GET. */
  by = NONE;
  store = NONE;
  readonly gets: number[] = [];

  private reset(): void {
    this.isDescending = false;
    this.isAlpha = false;
    this.offset = 0;
    this.count = ALL;
    this.by = NONE;
    this.store = NONE;
    this.gets.length = 0;
  }

  /**
   * @param mayReadEveryKey whether the client may read whatever keys BY and GET name
   * @returns the error of the first argument that is wrong, or null
   */
  parse(args: ArgumentVector, mayStore: boolean, mayReadEveryKey = true): ErrorReply | null {
    this.reset();
    for (let i = FIRST_OPTION; i < args.count; ) {
      const taken = this.take(args, i, mayStore);
      if (taken === 0) return SYNTAX;
      if (!mayReadEveryKey) {
        if (this.by === i + 1 && starOf(args, this.by) >= 0) return BY_DENIED;
        if (this.gets.length > 0) return GET_DENIED;
      }
      i += taken;
      if (Number.isNaN(this.offset) || Number.isNaN(this.count)) return NOT_INTEGER;
    }
    return null;
  }

  /** @returns how many arguments an option takes with its values; 0 for none */
  private take(args: ArgumentVector, index: number, mayStore: boolean): number {
    const values = args.count - index - 1;
    if (argumentIs(args, index, 'ASC') || argumentIs(args, index, 'DESC')) {
      this.isDescending = argumentIs(args, index, 'DESC');
      return 1;
    }
    if (argumentIs(args, index, 'ALPHA')) {
      this.isAlpha = true;
      return 1;
    }
    if (argumentIs(args, index, 'LIMIT') && values >= 2) {
      this.offset = integerAt(args, index + 1);
      this.count = integerAt(args, index + 2);
      return 3;
    }
    if (values < 1) return 0;
    if (argumentIs(args, index, 'GET')) this.gets.push(index + 1);
    else if (argumentIs(args, index, 'BY')) this.by = index + 1;
    else if (mayStore && argumentIs(args, index, 'STORE')) this.store = index + 1;
    else return 0;
    return 2;
  }

  /** Whether BY or GET name keys by the elements. */
  readsOtherKeys(args: ArgumentVector): boolean {
    if (this.by !== NONE && starOf(args, this.by) >= 0) return true;
    return this.gets.some((index) => starOf(args, index) >= 0);
  }
}

function integerAt(args: ArgumentVector, index: number): number {
  return parseIndex(args.region, args.offset[index]!, args.length[index]!);
}

/** Where in a pattern the element goes, -1 when it does not name one. A NUL byte ends the search. */
export function starOf({ region, offset, length }: ArgumentVector, index: number): number {
  const at = offset[index]!;
  for (let i = 0; i < length[index]!; i++) {
    const byte = region.bytes[at + i]!;
    if (byte === STAR) return i;
    if (byte === 0) return -1;
  }
  return -1;
}

/** Whether a pattern is `#`, the element itself. */
export function isElementPattern(args: ArgumentVector, index: number): boolean {
  if (args.region.bytes[args.offset[index]!] !== HASH) return false;
  return args.length[index] === 1 || args.region.bytes[args.offset[index]! + 1] === 0;
}

const planned = new SortOptions();

export function readsOtherKeys(args: ArgumentVector): boolean {
  planned.parse(args, true);
  return planned.readsOtherKeys(args);
}

/** Adds the key that STORE writes to. */
export function addStoreKey(args: ArgumentVector, flags: number, into: KeyPlaces): void {
  const isValid = planned.parse(args, true) === null;
  const index = isValid ? planned.store : lastStoreKey(args);
  if (index !== NONE) into.add(index, flags);
}

/** In a vector that is no valid command, as COMMAND GETKEYS of Redis looks for it. */
function lastStoreKey(args: ArgumentVector): number {
  let found = NONE;
  for (let i = FIRST_OPTION; i < args.count; i++) {
    if (argumentIs(args, i, 'LIMIT')) i += 2;
    else if (argumentIs(args, i, 'GET') || argumentIs(args, i, 'BY')) i++;
    else if (argumentIs(args, i, 'STORE') && i + 1 < args.count) found = i + 1;
  }
  return found;
}
