/**
 * SSCAN: walks through the members of a set, some at a time. A set in its key's entry is answered whole
 * at once, as Redis does with an intset; the cursor of others is a position in the order of hashes.
 */

import { SCAN_END } from '../../keyspace/shards.js';
import { isTableKind } from '../../values/set/kinds.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import {
  replyEmptyScan,
  SCAN_BUCKETS_PER_ELEMENT,
  ScanOptions,
  ScanPage,
  scanCursorAt,
} from '../contract/scan.js';
import { isSet, member, place, replyMember, walk } from './lib/values.js';

const OPTIONS = 3;

const options = new ScanOptions();
const page = new ScanPage();

function run(context: Context): void {
  const { args, keys, reply } = context;
  const cursor = scanCursorAt(context, 2);
  if (cursor < 0) return;
  if (!keys.seekForRead(args, 1)) {
    replyEmptyScan(reply);
    return;
  }
  if (!isSet(context) || !options.parse(context, OPTIONS, 0)) return;
  place.take(keys);
  page.begin(reply);
  const next = isTableKind(place.kind) ? scanTable(context, cursor) : scanWhole(context);
  page.end(reply, next);
}

function scanWhole(context: Context): number {
  walk.begin(place);
  while (walk.step(member)) take(context);
  return 0;
}

/** @returns the next cursor */
function scanTable(context: Context, cursor: number): number {
  const { count } = options;
  let met = 0;
  let position = cursor;
  walk.begin(place);
  for (let i = 0; i < count * SCAN_BUCKETS_PER_ELEMENT && met < count; i++) {
    if (position >= SCAN_END) return 0;
    position = walk.seek(position);
    for (; walk.stepInBucket(member); met++) take(context);
  }
  return position >= SCAN_END ? 0 : position;
}

/** Takes the member into the page if the pattern matches. */
function take({ args }: Context): void {
  const { region, offset, length } = member;
  if (!options.takes(args, region, offset, length)) return;
  replyMember(page.elements, member);
  page.count++;
}

export const sscan: CommandDefinition = {
  name: 'sscan',
  summary: 'Walks through the members of a set, some at a time',
  since: '2.8.0',
  group: 'set',
  complexity:
    'O(1) for every call. O(N) for a complete iteration, including enough command calls for the ' +
    'cursor to return back to 0. N is the number of elements inside the collection..',
  arity: -3,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'cursor', type: 'integer' },
    { name: 'pattern', type: 'pattern', token: 'MATCH', flags: ['optional'] },
    { name: 'count', type: 'integer', token: 'COUNT', flags: ['optional'] },
  ],
  tips: ['nondeterministic_output'],
  run,
};
