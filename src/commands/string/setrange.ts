/** SETRANGE: writes over a part of a value, making it longer (with zeroes between) when needed. */
import { copyBytes } from '../../base/region.js';
import { EVENT_SETRANGE } from '../../keyspace/events.js';
import { NOT_INTEGER, OFFSET_OUT_OF_RANGE, STRING_TOO_LONG } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { STRING_RAW } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { isString } from './lib/values.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const start = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (Number.isNaN(start)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (start < 0) {
    reply.error(OFFSET_OUT_OF_RANGE);
    return;
  }
  const found = keys.seek(args, 1);
  if (found && !isString(context)) return;
  const before = found ? keys.valueLength : 0;
  const length = args.length[3]!;
  if (length === 0) {
    reply.integer(before);
  } else if (start + length > context.settings.stringBytesMax) {
    reply.error(STRING_TOO_LONG);
  } else {
    const total = Math.max(before, start + length);
    const offset = keys.beginEdit(STRING_RAW, total, found);
    copyBytes(keys.region, offset + start, args.region, args.offset[3]!, length);
    keys.commit(EVENT_SETRANGE, args);
    reply.integer(total);
  }
}

export const setrange: CommandDefinition = {
  name: 'setrange',
  summary: 'Writes over a part of the string stored under a key',
  since: '2.2.0',
  group: 'string',
  complexity: 'O(1) for short strings, else O(M) where M is the length of the value',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'offset', type: 'integer' },
    { name: 'value', type: 'string' },
  ],
  run,
};
