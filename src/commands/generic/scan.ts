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
import { SCAN_END } from '../../keyspace/shards.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import {
  SCAN_BUCKETS_PER_ELEMENT,
  SCAN_TYPE,
  ScanOptions,
  ScanPage,
  scanCursorAt,
} from '../contract/scan.js';

class Scan {
  shard = 0;
  position = 0;
  /** The name of the only type wished, '' for all. */
  type = '';
  /** Entries met, whether they were written or not. */
  met = 0;
  buckets = 0;
  readonly options = new ScanOptions();
  readonly page = new ScanPage();
}

const scanning = new Scan();

/** Reads the arguments. @returns false when an error was answered */
function openScan(context: Context, scan: Scan): boolean {
  const cursor = scanCursorAt(context, 1);
  if (cursor < 0 || !scan.options.parse(context, 2, SCAN_TYPE)) return false;
  scan.shard = Math.floor(cursor / SCAN_END);
  scan.position = cursor % SCAN_END;
  const { type } = scan.options;
  // Nothing is of a type that does not exist.
  scan.type = type === 0 ? '' : context.text(type).toLowerCase() || 'none';
  scan.met = 0;
  const shards = context.keys.shards.count;
  // An empty shard costs one bucket: all of them together should not cost a call.
  scan.buckets = scan.options.count * SCAN_BUCKETS_PER_ELEMENT + shards;
  return true;
}

/** Goes on in the scan's shard until there is enough, or to its end. The shard is locked. */
function scanShard(context: Context, scan: Scan): void {
  const { args, keys, session } = context;
  const { options, page } = scan;
  const table = keys.shards.table(scan.shard, session.database);
  while (scan.position < SCAN_END && scan.met < options.count && scan.buckets > 0) {
    scan.position = table.scan(scan.position);
    scan.buckets--;
    scan.met += table.scanCount;
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (hasExpired(table.expiry, keys.now)) continue;
      if (scan.type !== '' && keys.types.nameOf(table.kind) !== scan.type) continue;
      const { region, keyOffset, keyLength } = table;
      if (!options.takes(args, region, keyOffset, keyLength)) continue;
      page.elements.bulk(region, keyOffset, keyLength);
      page.count++;
    }
  }
}

function run(context: Context): void {
  const { keys, reply } = context;
  const scan = scanning;
  if (!openScan(context, scan)) return;
  const shards = keys.shards.count;
  scan.page.begin(reply);
  while (scan.shard < shards && scan.met < scan.options.count && scan.buckets > 0) {
    context.withShard(scan.shard, () => scanShard(context, scan));
    if (scan.position < SCAN_END) continue;
    scan.position = 0;
    scan.shard++;
  }
  scan.page.end(reply, scan.shard < shards ? scan.shard * SCAN_END + scan.position : 0);
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
