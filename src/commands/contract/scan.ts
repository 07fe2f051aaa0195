/**
 * What SCAN, HSCAN, SSCAN and ZSCAN share: the cursor and the options that they are given, and the
 * reply, an array of the next cursor and the elements.
 *
 * A cursor is a position in the order of hashes. The commands on one key read their arguments in
 * Redis's order: the cursor, then the key, then the options, so that the options of a scan of no key
 * are never looked at.
 */
import { Region } from '../../base/region.js';
import { CURSOR, NOT_INTEGER, SYNTAX, untilNul } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseIndex, parseInteger } from '../../protocol/numbers.js';
import type { Arguments } from '../../protocol/parser.js';
import { Reply } from '../../protocol/reply.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from './context.js';
import { matchesPattern, takesAll } from './pattern.js';

/** Options that not every one of these commands has. */
export const SCAN_TYPE = 1;
export const SCAN_NOVALUES = 2;

/** Buckets looked at for each element wished, as Redis does. */
export const SCAN_BUCKETS_PER_ELEMENT = 10;

const COUNT_DEFAULT = 10;
const UINT64_MAX = 2n ** 64n - 1n;
const PAGE_BYTES = 16384;
const KEPT_BYTES = 1 << 20;

const parsed = new ParsedInteger();

/** The options of one scan. Owned by its caller, reused. */
export class ScanOptions {
  /** How many elements are wished, 1 at least. */
  count = COUNT_DEFAULT;
  /** The argument with the pattern, 0 for none. */
  pattern = 0;
  /** The argument with the name of a type, 0 for none. */
  type = 0;
  noValues = false;

  private begin(): void {
    this.count = COUNT_DEFAULT;
    this.pattern = 0;
    this.type = 0;
    this.noValues = false;
  }

  /**
   * Reads the options from argument `first` on.
   * @param allowed SCAN_TYPE, SCAN_NOVALUES: those that the command has
   * @returns false when an error was answered
   */
  parse({ args, reply }: Context, first: number, allowed: number): boolean {
    this.begin();
    for (let i = first; i < args.count; i += 2) {
      if ((allowed & SCAN_NOVALUES) !== 0 && argumentIs(args, i, 'NOVALUES')) {
        this.noValues = true;
        i--;
        continue;
      }
      const isCount = argumentIs(args, i, 'COUNT');
      if (i + 1 < args.count && (isCount || this.parseChoice(args, i, allowed))) {
        if (!isCount) continue;
        this.count = parseIndex(args.region, args.offset[i + 1]!, args.length[i + 1]!);
        if (this.count >= 1) continue;
      }
      reply.error(Number.isNaN(this.count) ? NOT_INTEGER : SYNTAX);
      return false;
    }
    return true;
  }

  /** Reads an option that chooses elements. @returns false when argument `i` is none */
  private parseChoice(args: Arguments, i: number, allowed: number): boolean {
    if (argumentIs(args, i, 'MATCH')) {
      this.pattern = takesAll(args, i + 1) ? 0 : i + 1;
      return true;
    }
    if ((allowed & SCAN_TYPE) === 0 || !argumentIs(args, i, 'TYPE')) return false;
    this.type = i + 1;
    return true;
  }

  /** Whether the pattern, where there is one, matches. */
  takes(args: Arguments, region: Region, offset: number, length: number): boolean {
    return this.pattern === 0 || matchesPattern(args, this.pattern, region, offset, length);
  }
}

/**
 * The cursor that is argument `index`; a large one is rounded, to where nothing is. Like strtoul, it
 * may have a sign and zeros, and ends at a NUL byte.
 * @returns -1 when it is none, which is answered
 */
export function scanCursorAt(context: Context, index: number): number {
  const { args } = context;
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === INTEGER_OK && parsed.value >= 0) return parsed.value;
  const cursor = unusualCursor(untilNul(context.text(index)));
  if (cursor < 0) context.reply.error(CURSOR);
  return cursor;
}

function unusualCursor(text: string): number {
  const match = /^[+-]?(\d*)$/.exec(text);
  if (match === null || (text.length === 1 && match[1] === '')) return -1;
  const magnitude = BigInt(match[1]!);
  if (magnitude > UINT64_MAX) return -1;
  // A negative one wraps around.
  return text.startsWith('-') && magnitude > 0n ? Number(UINT64_MAX) : Number(magnitude);
}

/** The elements of a reply, which are found before the cursor that precedes them is known. */
export class ScanPage {
  elements = newElements();
  /** Elements written, as the caller counts them. */
  count = 0;

  /** @param reply the one that the page will be part of */
  begin(reply: Reply): void {
    this.elements.rewind(0);
    this.elements.protocol = reply.protocol;
    this.count = 0;
  }

  /** Answers with the cursor and the elements. */
  end(reply: Reply, cursor: number): void {
    const { elements } = this;
    reply.array(2);
    reply.bulkInteger(cursor);
    reply.array(this.count);
    reply.raw(elements.region, elements.start, elements.length);
    if (elements.region.length > KEPT_BYTES) this.elements = newElements();
  }
}

function newElements(): Reply {
  return new Reply(new Region(new SharedArrayBuffer(PAGE_BYTES), 0));
}

/** Answers as a scan of no key: the end, and no elements. */
export function replyEmptyScan(reply: Reply): void {
  reply.array(2);
  reply.bulkInteger(0);
  reply.emptyArray();
}
