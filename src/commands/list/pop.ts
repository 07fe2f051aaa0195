/** LPOP and RPOP: elements from an end of a list. */
import { OUT_OF_RANGE_POSITIVE, wrongArity } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { pop, replyFrom } from './lib/pop.js';
import { isList, KEY, LEFT, list, RIGHT } from './lib/values.js';

const ARITY_ERRORS = [wrongArity('lpop'), wrongArity('rpop')];

function run(context: Context, end: number): void {
  const { args, keys, reply } = context;
  if (args.count > 2) {
    runWithCount(context, end);
    return;
  }
  if (!keys.seek(args, 1)) {
    reply.nullBulk();
    return;
  }
  if (!isList(context)) return;
  replyFrom(context, end, 1);
  pop(context, end, 1);
}

function runWithCount(context: Context, end: number): void {
  const { args, keys, reply } = context;
  if (args.count > 3) {
    reply.error(ARITY_ERRORS[end]!);
    return;
  }
  const wished = parseIndex(args.region, args.offset[2]!, args.length[2]!);
  if (!(wished >= 0 && wished < Number.MAX_SAFE_INTEGER + 1)) {
    reply.error(OUT_OF_RANGE_POSITIVE);
    return;
  }
  if (!keys.seek(args, 1)) {
    reply.nullArray();
    return;
  }
  if (!isList(context)) return;
  list.open(keys);
  const count = Math.min(wished, list.count);
  reply.array(count);
  if (count === 0) return;
  replyFrom(context, end, count);
  pop(context, end, count);
}

const SHARED = {
  since: '1.0.0',
  group: 'list',
  complexity: 'O(N) where N is the number of elements returned',
  shortArguments: 2,
  arity: -2,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete')],
  arguments: [KEY, { name: 'count', type: 'integer', since: '6.2.0', flags: ['optional'] }],
  history: [['6.2.0', 'Added the `count` argument.']],
} as const satisfies Partial<CommandDefinition>;

export const lpop: CommandDefinition = {
  ...SHARED,
  name: 'lpop',
  summary: 'Takes elements from the beginning of a list',
  elements: { by: 'pop-head' },
  run: (context) => run(context, LEFT),
};

export const rpop: CommandDefinition = {
  ...SHARED,
  name: 'rpop',
  summary: 'Takes elements from the end of a list',
  elements: { by: 'pop-tail' },
  run: (context) => run(context, RIGHT),
};
