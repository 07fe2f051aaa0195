/** ZADD and ZINCRBY: members with scores, new ones and those that are there. */
import { parseDouble } from '../../protocol/doubles.js';
import {
  NOT_FLOAT,
  SYNTAX,
  ZADD_GT_LT_NX,
  ZADD_INCR_PAIR,
  ZADD_NX_XX,
} from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { addMembers, CH, GT, INCR, LT, NX, XX } from './lib/add.js';

const PAIRS = { stride: 2, scoreAt: checkedScore };

/** The first scores of the command under way, which were read to be checked; those behind are read again. */
const checked = new Float64Array(64);
let firstChecked = 0;

function optionAt(args: Arguments, index: number): number {
  switch (args.length[index]) {
    case 2:
      if (argumentIs(args, index, 'NX')) return NX;
      if (argumentIs(args, index, 'XX')) return XX;
      if (argumentIs(args, index, 'GT')) return GT;
      if (argumentIs(args, index, 'LT')) return LT;
      return argumentIs(args, index, 'CH') ? CH : 0;
    case 4:
      return argumentIs(args, index, 'INCR') ? INCR : 0;
    default:
      return 0;
  }
}

function runZadd(context: Context): void {
  const { args, reply } = context;
  let options = 0;
  let first = 2;
  for (; first < args.count; first++) {
    const option = optionAt(args, first);
    if (option === 0) break;
    options |= option;
  }
  const words = args.count - first;
  if (words === 0 || words % 2 !== 0) {
    reply.error(SYNTAX);
    return;
  }
  if ((options & NX) !== 0 && (options & XX) !== 0) {
    reply.error(ZADD_NX_XX);
    return;
  }
  const comparisons = options & (NX | GT | LT);
  if ((comparisons & (GT | LT)) !== 0 && (comparisons & (comparisons - 1)) !== 0) {
    reply.error(ZADD_GT_LT_NX);
    return;
  }
  if ((options & INCR) !== 0 && words > 2) {
    reply.error(ZADD_INCR_PAIR);
    return;
  }
  addAll(context, options, first);
}

/** Redis reads the options of ZADD here too: what looks like one leaves half a pair. */
function runZincrby(context: Context): void {
  if (optionAt(context.args, 2) !== 0) context.reply.error(SYNTAX);
  else addAll(context, INCR, 2);
}

function addAll(context: Context, options: number, first: number): void {
  if (areScores(context, first)) addMembers(context, PAIRS, options, first);
}

/** Whether all scores are numbers; if not, the error is answered. */
function areScores({ args, reply }: Context, first: number): boolean {
  firstChecked = first;
  for (let i = first; i < args.count; i += 2) {
    const score = scoreOf(args, i);
    if (Number.isNaN(score)) {
      reply.error(NOT_FLOAT);
      return false;
    }
    const place = (i - first) >> 1;
    if (place < checked.length) checked[place] = score;
  }
  return true;
}

function checkedScore(args: Arguments, index: number): number {
  const place = (index - firstChecked) >> 1;
  return place < checked.length ? checked[place]! : scoreOf(args, index);
}

function scoreOf(args: Arguments, index: number): number {
  return parseDouble(args.region, args.offset[index]!, args.length[index]!);
}

export const zadd: CommandDefinition = {
  name: 'zadd',
  summary: 'Adds members to a sorted set, or gives them new scores',
  since: '1.2.0',
  group: 'sorted-set',
  complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
  arity: -4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'condition',
      type: 'oneof',
      since: '3.0.2',
      flags: ['optional'],
      arguments: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
      ],
    },
    {
      name: 'comparison',
      type: 'oneof',
      since: '6.2.0',
      flags: ['optional'],
      arguments: [
        { name: 'gt', type: 'pure-token', token: 'GT' },
        { name: 'lt', type: 'pure-token', token: 'LT' },
      ],
    },
    { name: 'change', type: 'pure-token', token: 'CH', since: '3.0.2', flags: ['optional'] },
    { name: 'increment', type: 'pure-token', token: 'INCR', since: '3.0.2', flags: ['optional'] },
    {
      name: 'score_member',
      type: 'block',
      flags: ['multiple'],
      arguments: [
        { name: 'score', type: 'double' },
        { name: 'member', type: 'string' },
      ],
    },
  ],
  history: [
    ['2.4.0', 'Accepts multiple elements.'],
    ['3.0.2', 'Added the `XX`, `NX`, `CH` and `INCR` options.'],
    ['6.2.0', 'Added the `GT` and `LT` options.'],
  ],
  elements: {
    by: 'hash',
    first: 2,
    step: 2,
    element: 1,
    skip: ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'],
  },
  run: runZadd,
};

export const zincrby: CommandDefinition = {
  name: 'zincrby',
  summary: 'Adds to the score of a member of a sorted set',
  since: '1.2.0',
  group: 'sorted-set',
  complexity: 'O(log(N)) where N is the number of elements in the sorted set.',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'increment', type: 'integer' },
    { name: 'member', type: 'string' },
  ],
  elements: { by: 'hash', first: 2, step: 2, element: 1 },
  run: runZincrby,
};
