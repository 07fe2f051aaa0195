/** HINCRBY: adding to a value that reads as an integer of 64 bits. An expiry of the field stays. */
import { Region } from '../../base/region.js';
import { EVENT_HINCRBY } from '../../keyspace/events.js';
import { HASH_NOT_INTEGER, NOT_INTEGER, OVERFLOW } from '../../protocol/errors.js';
import {
  formatInteger,
  INT64_MAX,
  INT64_MIN,
  INTEGER_OK,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { commitPair, takePair, writePair } from './lib/store.js';
import {
  FIELD_ARGUMENT,
  FOUND,
  findField,
  hash,
  KEY_ARGUMENT,
  openOrCreate,
  REFUSED,
} from './lib/values.js';

const FIELD = 2;
const INCREMENT = 3;
/** Longer texts are no integers. */
const TEXT_BYTES_MAX = 24;

const by = new ParsedInteger();
const before = new ParsedInteger();
const text = new Region(new SharedArrayBuffer(TEXT_BYTES_MAX), 0);

function run(context: Context): void {
  const { args, reply } = context;
  const kind = parseInteger(args.region, args.offset[INCREMENT]!, args.length[INCREMENT]!, by);
  if (kind === NOT_AN_INTEGER) {
    reply.error(NOT_INTEGER);
    return;
  }
  const state = openOrCreate(context);
  if (state === REFUSED) return;
  const present = state === FOUND && findField(context, FIELD) ? parseValue() : readZero();
  if (present === NOT_AN_INTEGER) {
    reply.error(HASH_NOT_INTEGER);
    return;
  }
  const sum = before.value + by.value;
  // A sum that was rounded is never safe, so a safe one is exact.
  if (kind === INTEGER_OK && present === INTEGER_OK && Number.isSafeInteger(sum)) {
    store(context, formatInteger(text, 0, sum));
    return;
  }
  const left = present === INTEGER_OK ? BigInt(before.value) : before.big;
  addBig(context, left + (kind === INTEGER_OK ? BigInt(by.value) : by.big));
}

function readZero(): number {
  before.value = 0;
  return INTEGER_OK;
}

/** Reads the value found into `before`. */
function parseValue(): number {
  const { value } = hash;
  if (value.length > TEXT_BYTES_MAX) return NOT_AN_INTEGER;
  value.copyTo(hash.elementRegion, text, 0);
  return parseInteger(text, 0, value.length, before);
}

function addBig(context: Context, sum: bigint): void {
  if (sum < INT64_MIN || sum > INT64_MAX) {
    context.reply.error(OVERFLOW);
    return;
  }
  const digits = sum.toString();
  for (let i = 0; i < digits.length; i++) text.bytes[i] = digits.charCodeAt(i);
  store(context, digits.length);
}

/** Stores the text made, and answers with it. */
function store(context: Context, length: number): void {
  takePair(context, FIELD, text, length);
  writePair(context);
  commitPair(context, EVENT_HINCRBY);
  context.reply.integerText(text, 0, length);
}

export const hincrby: CommandDefinition = {
  name: 'hincrby',
  summary: 'Adds to the integer in a field of a hash',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [KEY_ARGUMENT, FIELD_ARGUMENT, { name: 'increment', type: 'integer' }],
  elements: { by: 'hash', first: 2, step: 2, element: 0 },
  run,
};
