/** BITCOUNT: how many bits are set in a value or a part of it. */
import { NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { countBitRange, countBits } from '../../values/string/bits.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { rangeEndAt } from '../string/lib/range.js';
import { isString } from '../string/lib/values.js';
import { range, setRange, UNIT_BYTE, UNIT_UNKNOWN, unitAt } from './lib/range.js';

function run(context: Context): void {
  const { args, keys, reply } = context;
  // Redis 7.0 looks the key up before it reads the other arguments.
  if (!keys.seekForRead(args, 1)) {
    reply.integer(0);
    return;
  }
  if (!isString(context)) return;
  if (args.count === 2) {
    reply.integer(countBits(keys.region, keys.valueOffset, keys.valueLength));
  } else if (args.count === 4 || args.count === 5) {
    countRange(context);
  } else {
    reply.error(SYNTAX);
  }
}

function countRange(context: Context): void {
  const { args, keys, reply } = context;
  const start = rangeEndAt(args, 2);
  const end = rangeEndAt(args, 3);
  if (Number.isNaN(start) || Number.isNaN(end)) {
    reply.error(NOT_INTEGER);
    return;
  }
  if (start < 0 && end < 0 && start > end) {
    reply.integer(0);
    return;
  }
  const unit = args.count === 5 ? unitAt(args, 4) : UNIT_BYTE;
  if (unit === UNIT_UNKNOWN) {
    reply.error(SYNTAX);
    return;
  }
  const some = setRange(start, end, unit, keys.valueLength);
  reply.integer(some ? countBitRange(keys.region, keys.valueOffset, range.first, range.last) : 0);
}

export const bitcount: CommandDefinition = {
  name: 'bitcount',
  summary: 'Counts the bits that are set in a string or a part of it',
  since: '2.6.0',
  group: 'bitmap',
  complexity: 'O(N)',
  arity: -2,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'index',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'start', type: 'integer' },
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
  history: [['7.0.0', 'BYTE and BIT.']],
  run,
};
