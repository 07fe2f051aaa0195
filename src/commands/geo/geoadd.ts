/** GEOADD: members with positions. A position is a score: the rest is as in ZADD. */

import { parseDouble } from '../../protocol/doubles.js';
import { SYNTAX } from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import { argumentIs } from '../../protocol/text.js';
import { encodeScore, Position } from '../../values/geo/geohash.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { addMembers, CH, NX, XX } from '../sorted-set/lib/add.js';
import { parsePosition } from './lib/arguments.js';

const STRIDE = 3;
const TRIPLES = { stride: STRIDE, scoreAt };

const position = new Position();

function optionAt(args: Arguments, index: number): number {
  if (argumentIs(args, index, 'NX')) return NX;
  if (argumentIs(args, index, 'XX')) return XX;
  return argumentIs(args, index, 'CH') ? CH : 0;
}

function scoreAt({ region, offset, length }: Arguments, index: number): number {
  const longitude = parseDouble(region, offset[index]!, length[index]!);
  const latitude = parseDouble(region, offset[index + 1]!, length[index + 1]!);
  return encodeScore(longitude, latitude);
}

function run(context: Context): void {
  const { args, reply } = context;
  let options = 0;
  let first = 2;
  for (; first < args.count; first++) {
    const option = optionAt(args, first);
    if (option === 0) break;
    options |= option;
  }
  const words = args.count - first;
  if (words === 0 || words % STRIDE !== 0 || (options & (NX | XX)) === (NX | XX)) {
    reply.error(SYNTAX);
    return;
  }
  for (let i = first; i < args.count; i += STRIDE) {
    if (!parsePosition(context, i, position)) return;
  }
  addMembers(context, TRIPLES, options, first);
}

export const geoadd: CommandDefinition = {
  name: 'geoadd',
  summary: 'Adds members with positions to a sorted set',
  since: '3.2.0',
  group: 'geo',
  complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
  arity: -5,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'condition',
      type: 'oneof',
      since: '6.2.0',
      flags: ['optional'],
      arguments: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
      ],
    },
    { name: 'change', type: 'pure-token', token: 'CH', since: '6.2.0', flags: ['optional'] },
    {
      name: 'longitude_latitude_member',
      type: 'block',
      flags: ['multiple'],
      arguments: [
        { name: 'longitude', type: 'double' },
        { name: 'latitude', type: 'double' },
        { name: 'member', type: 'string' },
      ],
    },
  ],
  history: [['6.2.0', 'Added the `CH`, `NX` and `XX` options.']],
  elements: { by: 'hash', first: 2, step: STRIDE, element: 2, skip: ['NX', 'XX', 'CH'] },
  run,
};
