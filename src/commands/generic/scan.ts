/**
 * SCAN: walks the database some buckets at a time. The cursor is where to go on:
 *
 *   shard * 2^32 + position in the order of hashes (Table.scan), 0 at the end
 *
 * Shards come one after the other and none is locked for longer than its part of a call. A key that
 * is there from the first call to the last is returned, as buckets lie in the order of hashes
 * however often frames are split or merged in between; one may be returned twice.
 */
import { hasExpired } from '../../base/expiry-time.js';
import { Region } from '../../base/region.js';
import { SCAN_END } from '../../keyspace/shards.js';
import { CURSOR, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseIndex, parseInteger } from '../../protocol/numbers.js';
import { Reply } from '../../protocol/reply.js';
import { argumentIs } from '../../protocol/text.js';

import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { matchesPattern, takesAll } from './lib/pattern.js';

const COUNT_DEFAULT = 10;
/** Buckets looked at for each key wished, as Redis does. */
const BUCKETS_PER_KEY = 10;
const UINT64_MAX = 2n ** 64n - 1n;
const KEPT_BYTES = 1 << 20;

class Scan {
  shard = 0;
  position = 0;
  count = COUNT_DEFAULT;
  /** The argument with the pattern, 0 for none. */
  pattern = 0;
  /** The name of the only type wished, '' for all. */
  type = '';
  /** Entries met, and those of them that were written as elements. */
  met = 0;
  written = 0;
  buckets = 0;
}

const parsed = new ParsedInteger();

/** The elements are written here first, as the cursor comes before them. */
let elements = newElements();

function newElements(): Reply {
  return new Reply(new Region(new SharedArrayBuffer(16384), 0));
}

/** The cursor of argument 1, or -1 when it is none. Like strtoul, it may have a sign and zeros. */
function cursorOf(context: Context): number {
  const { args } = context;
  const kind = parseInteger(args.region, args.offset[1]!, args.length[1]!, parsed);
  if (kind === INTEGER_OK && parsed.value >= 0) return parsed.value;
  const text = context.text(1);
  const match = /^[+-]?(\d*)$/.exec(text);
  if (match === null || (text.length === 1 && match[1] === '')) return -1;
  const magnitude = BigInt(match[1]!);
  if (magnitude > UINT64_MAX) return -1;
  // A negative one wraps around, to where no shard is.
  return text.startsWith('-') && magnitude > 0n ? Number(UINT64_MAX) : Number(magnitude);
}

/** Reads the arguments. @returns null when an error was answered */
function scanOf(context: Context): Scan | null {
  const { args, reply } = context;
  const cursor = cursorOf(context);
  if (cursor < 0) {
    reply.error(CURSOR);
    return null;
  }
  const scan = new Scan();
  scan.shard = Math.floor(cursor / SCAN_END);
  scan.position = cursor % SCAN_END;
  for (let i = 2; i < args.count; i += 2) {
    const valued = i + 1 < args.count;
    if (valued && argumentIs(args, i, 'COUNT')) {
      scan.count = parseIndex(args.region, args.offset[i + 1]!, args.length[i + 1]!);
      if (scan.count >= 1) continue;
      reply.error(Number.isNaN(scan.count) ? NOT_INTEGER : SYNTAX);
      return null;
    }
    if (valued && argumentIs(args, i, 'MATCH')) {
      scan.pattern = takesAll(args, i + 1) ? 0 : i + 1;
    } else if (valued && argumentIs(args, i, 'TYPE')) {
      // Nothing is of a type that does not exist.
      scan.type = context.text(i + 1).toLowerCase() || 'none';
    } else {
      reply.error(SYNTAX);
      return null;
    }
  }
  return scan;
}

/** Goes on in the scan's shard until there is enough, or to its end. The shard is locked. */
function scanShard(context: Context, scan: Scan): void {
  const { args, keys, session } = context;
  const table = keys.shards.table(scan.shard, session.database);
  while (scan.position < SCAN_END && scan.met < scan.count && scan.buckets > 0) {
    scan.position = table.scan(scan.position);
    scan.buckets--;
    scan.met += table.scanCount;
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (hasExpired(table.expiry, keys.now)) continue;
      if (scan.type !== '' && keys.types.nameOf(table.kind) !== scan.type) continue;
      const { region, keyOffset, keyLength } = table;
      const { pattern } = scan;
      if (pattern > 0 && !matchesPattern(args, pattern, region, keyOffset, keyLength)) continue;
      elements.bulk(region, keyOffset, keyLength);
      scan.written++;
    }
  }
}

function run(context: Context): void {
  const { keys, reply } = context;
  const scan = scanOf(context);
  if (scan === null) return;
  const shards = keys.shards.count;
  // An empty shard costs one bucket: all of them together should not cost a call.
  scan.buckets = scan.count * BUCKETS_PER_KEY + shards;
  elements.rewind(0);
  while (scan.shard < shards && scan.met < scan.count && scan.buckets > 0) {
    context.withShard(scan.shard, () => scanShard(context, scan));
    if (scan.position < SCAN_END) continue;
    scan.position = 0;
    scan.shard++;
  }
  reply.array(2);
  reply.bulkInteger(scan.shard < shards ? scan.shard * SCAN_END + scan.position : 0);
  reply.array(scan.written);
  reply.raw(elements.region, elements.start, elements.length);
  if (elements.region.length > KEPT_BYTES) elements = newElements();
}

export const scan: CommandDefinition = {
  name: 'scan',
  summary: 'Walks through the keys of the database, some at a time',
  since: '2.8.0',
  group: 'generic',
  complexity:
    'O(1) for every call. O(N) for a complete iteration, including enough command calls for the ' +
    'cursor to return back to 0. N is the number of elements inside the collection.',
  arity: -2,
  flags: ['readonly'],
  arguments: [
    { name: 'cursor', type: 'integer' },
    { name: 'pattern', type: 'pattern', token: 'MATCH', flags: ['optional'] },
    { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
    { name: 'type', type: 'string', token: 'TYPE', since: '6.0.0', flags: ['optional'] },
  ],
  tips: ['nondeterministic_output', 'request_policy:special'],
  history: [['6.0.0', 'TYPE.']],
  locks: 'none',
  run,
};
