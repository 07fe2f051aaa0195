/** ZADD and ZINCRBY: members with scores, new ones and those that are there. */
import { EVENT_ZADD, EVENT_ZINCR } from '../../keyspace/events.js';
import { parseDouble } from '../../protocol/doubles.js';
import {
  NOT_FLOAT,
  SCORE_NAN,
  SYNTAX,
  ZADD_GT_LT_NX,
  ZADD_INCR_PAIR,
  ZADD_NX_XX,
} from '../../protocol/errors.js';
import type { Arguments } from '../../protocol/parser.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { edit, openEdit, refuse, writeEdit } from './lib/write.js';

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const CH = 16;
const INCR = 32;

/** What became of a command's members. */
const outcome = {
  added: 0,
  updated: 0,
  /** Score of the last member, and whether it was added or has it now. */
  score: Number.NaN,
  isProcessed: false,
  isNan: false,
};

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

function addAll(context: Context, options: number, first: number): void {
  const { args, keys, reply } = context;
  if (!areScores(context, first)) return;
  const found = keys.seek(args, 1);
  if (!openEdit(context, found)) return;
  const pairs = (args.count - first) >> 1;
  if (pairs > 1 && !edit.prepareSeveral(pairs, memberBytes(args, first + 1))) refuse(context);
  outcome.added = 0;
  outcome.updated = 0;
  for (let i = first; i < args.count; i += 2) {
    addOne(context, options, scoreOf(args, i), i + 1);
    if (!outcome.isNan) continue;
    reply.error(SCORE_NAN);
    return;
  }
  commit(context, options, found);
  replyOutcome(context, options);
}

/** Whether all scores are numbers; if not, the error is answered. */
function areScores({ args, reply }: Context, first: number): boolean {
  for (let i = first; i < args.count; i += 2) {
    if (!Number.isNaN(scoreOf(args, i))) continue;
    reply.error(NOT_FLOAT);
    return false;
  }
  return true;
}

function scoreOf(args: Arguments, index: number): number {
  return parseDouble(args.region, args.offset[index]!, args.length[index]!);
}

function memberBytes(args: Arguments, first: number): number {
  let bytes = 0;
  for (let i = first; i < args.count; i += 2) bytes += args.length[i]!;
  return bytes;
}

/** Adds or updates the member that is argument `index`, as the options say. */
function addOne(context: Context, options: number, given: number, index: number): void {
  const { args } = context;
  outcome.isProcessed = false;
  outcome.isNan = false;
  if (!edit.find(args.region, args.offset[index]!, args.length[index]!)) {
    if ((options & XX) !== 0) return;
    if (!edit.add(given)) refuse(context);
    outcome.score = given;
    outcome.isProcessed = true;
    outcome.added++;
    return;
  }
  if ((options & NX) !== 0) return;
  const before = edit.score;
  const score = (options & INCR) !== 0 ? before + given : given;
  outcome.isNan = Number.isNaN(score);
  if (outcome.isNan) return;
  if ((options & LT) !== 0 && score >= before) return;
  if ((options & GT) !== 0 && score <= before) return;
  outcome.score = score;
  outcome.isProcessed = true;
  if (score === before) return;
  if (!edit.update(score)) refuse(context);
  outcome.updated++;
}

function commit(context: Context, options: number, found: boolean): void {
  if (outcome.added + outcome.updated === 0) {
    edit.discard();
    return;
  }
  const { args, keys } = context;
  writeEdit(context, found);
  keys.commit((options & INCR) !== 0 ? EVENT_ZINCR : EVENT_ZADD, args);
}

function replyOutcome({ reply }: Context, options: number): void {
  const { added, updated, score, isProcessed } = outcome;
  if ((options & INCR) === 0) reply.integer((options & CH) !== 0 ? added + updated : added);
  else if (isProcessed) reply.double(score);
  else reply.nullBulk();
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
  run: (context) => addAll(context, INCR, 2),
};
