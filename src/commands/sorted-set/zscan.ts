/** ZSCAN: walks through a sorted set, some members at a time. The cursor is a position in the order of hashes. */
import { doubleIsShort } from '../../protocol/doubles.js';
import type { Reply } from '../../protocol/reply.js';
import { SCAN_END } from '../../values/sorted-set/reader.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { replyEmptyScan, ScanOptions, ScanPage, scanCursorAt } from '../contract/scan.js';
import { ABSENT, ANSWERED, openReader, reader } from './lib/values.js';

/** A listpack keeps integers up to here as such. */
const LISTPACK_INTEGER_MAX = 2 ** 62;

const options = new ScanOptions();
const page = new ScanPage();

function run(context: Context): void {
  const { reply } = context;
  const cursor = scanCursorAt(context, 2);
  if (cursor < 0) return;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state === ABSENT) {
    replyEmptyScan(reply);
    return;
  }
  if (!options.parse(context, 3, 0)) return;
  page.begin(reply);
  const next = collect(context, cursor);
  page.end(reply, next);
}

/** Fills the page. @returns the cursor to go on with, 0 at the end */
function collect(context: Context, cursor: number): number {
  const { args } = context;
  // A set that comes whole comes so from every cursor.
  let position = reader.isPacked ? 0 : cursor;
  for (let met = 0; position < SCAN_END && met < options.count; ) {
    position = reader.scan(position);
    const { scanCount } = reader;
    met += scanCount;
    for (let i = 0; i < scanCount; i++) {
      reader.readScanned(i);
      const { memberRegion, memberOffset, memberLength } = reader;
      if (!options.takes(args, memberRegion, memberOffset, memberLength)) continue;
      page.elements.bulk(memberRegion, memberOffset, memberLength);
      replyScore(page.elements, reader.score);
      page.count += 2;
    }
  }
  return position < SCAN_END ? position : 0;
}

/** A score is a string here, whatever the protocol; a listpack shows large integers with all digits. */
function replyScore(elements: Reply, score: number): void {
  const isInteger = Number.isInteger(score) && Math.abs(score) <= LISTPACK_INTEGER_MAX;
  const isLarge = isInteger && !doubleIsShort(score);
  if (reader.isListpack && isLarge) elements.bulkBinary(BigInt(score).toString());
  else elements.bulkDouble(score);
}

export const zscan: CommandDefinition = {
  name: 'zscan',
  summary: 'Walks through the members of a sorted set and their scores, some at a time',
  since: '2.8.0',
  group: 'sorted-set',
  complexity:
    'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection..',
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
