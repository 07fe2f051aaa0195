/** BITPOS: the first bit that is set, or clear, in a value or a part of it. */
import { BIT_ARGUMENT, type ErrorReply, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { findBitInRange } from '../../values/string/bits.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { rangeEndAt } from '../string/lib/range.js';
import { isString } from '../string/lib/values.js';
import { range, setRange, UNIT_BYTE, UNIT_UNKNOWN, unitAt } from './lib/range.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  const bit = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (bit !== 0 && bit !== 1) {
    reply.error(Number.isNaN(bit) ? NOT_INTEGER : BIT_ARGUMENT);
    return;
  }
  // Redis 7.0 looks the key up before it reads the other arguments.
  if (!keys.seekForRead(args, 1)) {
    reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  if (!isString(context)) return;
  const error = findIn(context, bit);
  if (error !== null) reply.error(error);
}

/** Answers with the bit's position, or returns what is wrong with the range. */
function findIn(context: Context, bit: number): ErrorReply | null {
  const { args, keys, reply } = context;
  const { count } = args;
  if (count > 6) return SYNTAX;
  const start = count > 3 ? rangeEndAt(args, 3) : 0;
  if (Number.isNaN(start)) return NOT_INTEGER;
  const unit = count === 6 ? unitAt(args, 5) : UNIT_BYTE;
  if (unit === UNIT_UNKNOWN) return SYNTAX;
  const end = count > 4 ? rangeEndAt(args, 4) : -1;
  if (Number.isNaN(end)) return NOT_INTEGER;

  if (!setRange(start, end, unit, keys.valueLength)) {
    reply.integer(-1);
    return null;
  }
  const found = findBitInRange(keys.region, keys.valueOffset, range.first, range.last, bit);
  // Without an end the value counts as followed by zeroes.
  reply.integer(found < 0 && bit === 0 && count < 5 ? keys.valueLength * 8 : found);
  return null;
}

export const bitpos: CommandDefinition = {
  name: 'bitpos',
  summary: 'Finds the first bit that is set, or clear, in a string or a part of it',
  since: '2.8.7',
  group: 'bitmap',
  complexity: 'O(N)',
  arity: -3,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'bit', type: 'integer' },
    {
      name: 'index',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'start', type: 'integer' },
        {
          name: 'end_index',
          type: 'block',
          flags: ['optional'],
          arguments: [
            { name: 'end', type: 'integer' },
            {
              name: 'index_unit',
              type: 'oneof',
              since: '7.0.0',
              flags: ['optional'],
              arguments: [
                { name: 'byte', type: 'pure-token', token: 'BYTE' },
                { name: 'bit', type: 'pure-token', token: 'BIT' },
              ],
            },
          ],
        },
      ],
    },
  ],
  history: [['7.0.0', 'BYTE and BIT.']],
  run,
};
