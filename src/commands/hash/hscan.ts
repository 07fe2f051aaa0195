/**
 * HSCAN: walks through a hash some buckets at a time. The cursor is a position in the order of hashes,
 * as SCAN's is within a shard. A packed hash is small: one call returns all of it.
 */
import { SCAN_END } from '../../keyspace/shards.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import {
  replyEmptyScan,
  SCAN_BUCKETS_PER_ELEMENT,
  SCAN_NOVALUES,
  ScanOptions,
  ScanPage,
  scanCursorAt,
} from '../contract/scan.js';
import {
  ABSENT,
  fieldMatches,
  hash,
  KEY_ARGUMENT,
  KEY_READ,
  openForRead,
  REFUSED,
  replyField,
  replyValue,
} from './lib/values.js';

const CURSOR = 2;
const FIRST_OPTION = 3;

const options = new ScanOptions();
const page = new ScanPage();

function run(context: Context): void {
  const { reply } = context;
  const cursor = scanCursorAt(context, CURSOR);
  if (cursor < 0) return;
  const state = openForRead(context);
  if (state === REFUSED) return;
  if (state === ABSENT) {
    replyEmptyScan(reply);
    return;
  }
  if (!options.parse(context, FIRST_OPTION, SCAN_NOVALUES)) return;
  page.begin(reply);
  page.end(reply, hash.nested ? scanBuckets(context, cursor) : scanAll(context));
}

function scanAll(context: Context): number {
  hash.rewind();
  while (hash.next()) addPair(context);
  return 0;
}

/** @returns the next cursor */
function scanBuckets(context: Context, cursor: number): number {
  let position = cursor;
  let met = 0;
  let buckets = options.count * SCAN_BUCKETS_PER_ELEMENT;
  hash.seekTo(position);
  while (position < SCAN_END && met < options.count && buckets > 0) {
    position = hash.nextBucket();
    buckets--;
    met += hash.bucketSize;
    while (hash.nextOfBucket()) addPair(context);
  }
  return position < SCAN_END ? position : 0;
}

function addPair({ args }: Context): void {
  if (!fieldMatches(args, options)) return;
  const { elements } = page;
  replyField(elements);
  page.count++;
  if (options.noValues) return;
  replyValue(elements);
  page.count++;
}

export const hscan: CommandDefinition = {
  name: 'hscan',
  summary: 'Walks through the fields of a hash, some at a time',
  since: '2.8.0',
  group: 'hash',
  complexity:
    'O(1) for every call. O(N) for a complete iteration, including enough command calls for the ' +
    'cursor to return back to 0. N is the number of elements inside the collection..',
  arity: -3,
  flags: ['readonly'],
  keys: KEY_READ,
  arguments: [
    KEY_ARGUMENT,
    { name: 'cursor', type: 'integer' },
    { name: 'pattern', type: 'pattern', token: 'MATCH', flags: ['optional'] },
    { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
    {
      name: 'novalues',
      type: 'pure-token',
      token: 'NOVALUES',
      since: '7.4.0',
      flags: ['optional'],
    },
  ],
  tips: ['nondeterministic_output'],
  run,
};
