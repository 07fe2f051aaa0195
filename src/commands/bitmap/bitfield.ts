/** BITFIELD and BITFIELD_RO: a value as an array of small integers. */
import type { ArgumentVector } from '../../base/arguments.js';
import { BITFIELD_READ_ONLY } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { keyFlagBits } from '../contract/key-flags.js';
import { runFields } from './lib/fields.js';

const READS = keyFlagBits(['RO', 'access']);
const WRITES = keyFlagBits(['RW', 'access', 'update']);

/** Whether each operation is a GET (or sets the overflow for none); broken ones count as writes. */
function onlyReads(args: ArgumentVector): boolean {
  for (let i = 2; i < args.count; i++) {
    const more = args.count - 1 - i;
    if (argumentIs(args, i, 'GET') && more >= 2) i += 2;
    else if (argumentIs(args, i, 'OVERFLOW') && more >= 1) i += 1;
    else return false;
  }
  return true;
}

export const bitfield: CommandDefinition = {
  name: 'bitfield',
  summary: 'Reads and writes integers of any width at any bit of a string',
  since: '3.2.0',
  group: 'bitmap',
  complexity: 'O(1) for each subcommand specified',
  arity: -2,
  flags: ['write', 'denyoom'],
  keys: [
    {
      flags: ['RW', 'access', 'update', 'variable_flags'],
      flagsOf: (args) => (onlyReads(args) ? READS : WRITES),
      notes: 'writes unless every operation is GET',
      begin: { index: 1 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'operation',
      type: 'oneof',
      flags: ['optional', 'multiple'],
      arguments: [
        {
          name: 'encoding_offset',
          type: 'block',
          token: 'GET',
          arguments: [
            { name: 'encoding', type: 'string' },
            { name: 'offset', type: 'integer' },
          ],
        },
        {
          name: 'write',
          type: 'block',
          arguments: [
            {
              name: 'wrap_sat_fail',
              type: 'oneof',
              token: 'OVERFLOW',
              flags: ['optional'],
              arguments: [
                { name: 'wrap', type: 'pure-token', token: 'WRAP' },
                { name: 'sat', type: 'pure-token', token: 'SAT' },
                { name: 'fail', type: 'pure-token', token: 'FAIL' },
              ],
            },
            {
              name: 'write_operation',
              type: 'oneof',
              arguments: [
                {
                  name: 'encoding_offset_value',
                  type: 'block',
                  token: 'SET',
                  arguments: [
                    { name: 'encoding', type: 'string' },
                    { name: 'offset', type: 'integer' },
                    { name: 'value', type: 'integer' },
                  ],
                },
                {
                  name: 'encoding_offset_increment',
                  type: 'block',
                  token: 'INCRBY',
                  arguments: [
                    { name: 'encoding', type: 'string' },
                    { name: 'offset', type: 'integer' },
                    { name: 'increment', type: 'integer' },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
  ],
  run: (context) => runFields(context, null),
};

export const bitfieldReadOnly: CommandDefinition = {
  name: 'bitfield_ro',
  summary: 'Reads integers of any width at any bit of a string',
  since: '6.0.0',
  group: 'bitmap',
  complexity: 'O(1) for each subcommand specified',
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'encoding_offset',
      type: 'block',
      token: 'GET',
      flags: ['optional', 'multiple', 'multiple_token'],
      arguments: [
        { name: 'encoding', type: 'string' },
        { name: 'offset', type: 'integer' },
      ],
    },
  ],
  run: (context) => runFields(context, BITFIELD_READ_ONLY),
};
