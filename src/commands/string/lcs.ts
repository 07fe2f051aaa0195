/** LCS: the longest common subsequence of two values. */
import type { Region } from '../../base/region.js';
import {
  type ErrorReply,
  LCS_LENGTH_AND_INDEXES,
  LCS_MEMORY,
  LCS_NOT_STRINGS,
  NOT_INTEGER,
  SYNTAX,
} from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import { CELLS_MAX, commonLength, commonRuns } from '../../values/string/common-subsequence.js';
import { isStringKind } from '../../values/string/type.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';

interface Operand {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

interface Options {
  lengthOnly: boolean;
  indexes: boolean;
  withLengths: boolean;
  lengthMin: number;
}

/** The value of a key ('' when it is not there), or null when it is no string. */
function operandAt(context: Context, index: number): Operand | null {
  const { keys } = context;
  const found = keys.seekForRead(context.args, index);
  if (found && !isStringKind(keys.kind)) return null;
  const length = found ? keys.valueLength : 0;
  return { region: keys.region, offset: keys.valueOffset, length };
}

function parseOptions(context: Context): Options | ErrorReply {
  const { args } = context;
  const options: Options = {
    lengthOnly: false,
    indexes: false,
    withLengths: false,
    lengthMin: 0,
  };
  for (let i = 3; i < args.count; i++) {
    if (argumentIs(args, i, 'IDX')) options.indexes = true;
    else if (argumentIs(args, i, 'LEN')) options.lengthOnly = true;
    else if (argumentIs(args, i, 'WITHMATCHLEN')) options.withLengths = true;
    else if (argumentIs(args, i, 'MINMATCHLEN') && i + 1 < args.count) {
      i++;
      options.lengthMin = parseIndex(args.region, args.offset[i]!, args.length[i]!);
      if (Number.isNaN(options.lengthMin)) return NOT_INTEGER;
    } else return SYNTAX;
  }
  return options.indexes && options.lengthOnly ? LCS_LENGTH_AND_INDEXES : options;
}

function run(context: Context): void {
  const { reply } = context;
  const a = operandAt(context, 1);
  const b = operandAt(context, 2);
  if (a === null || b === null) {
    reply.error(LCS_NOT_STRINGS);
    return;
  }
  const options = parseOptions(context);
  if (!('indexes' in options)) {
    reply.error(options);
    return;
  }
  if ((a.length + 1) * (b.length + 1) > CELLS_MAX) {
    reply.error(LCS_MEMORY);
    return;
  }
  if (options.lengthOnly) {
    reply.integer(commonLength(a.region, a.offset, a.length, b.region, b.offset, b.length));
    return;
  }
  const runs = commonRuns(a.region, a.offset, a.length, b.region, b.offset, b.length);
  if (options.indexes) replyIndexes(context, runs, options);
  else replySubsequence(context, a, runs);
}

function lengthOf(runs: readonly number[]): number {
  let length = 0;
  for (let i = 0; i < runs.length; i += 4) length += runs[i + 1]! - runs[i]! + 1;
  return length;
}

function replySubsequence({ reply }: Context, a: Operand, runs: readonly number[]): void {
  reply.beginBulk(lengthOf(runs));
  for (let i = runs.length - 4; i >= 0; i -= 4) {
    reply.raw(a.region, a.offset + runs[i]!, runs[i + 1]! - runs[i]! + 1);
  }
  reply.endBulk();
}

function replyIndexes({ reply }: Context, runs: readonly number[], options: Options): void {
  reply.map(2);
  reply.bulkBinary('matches');
  const mark = reply.mark();
  let count = 0;
  for (let i = 0; i < runs.length; i += 4) {
    const length = runs[i + 1]! - runs[i]! + 1;
    if (length < options.lengthMin) continue;
    count++;
    reply.array(options.withLengths ? 3 : 2);
    for (let pair = 0; pair < 4; pair += 2) {
      reply.array(2);
      reply.integer(runs[i + pair]!);
      reply.integer(runs[i + pair + 1]!);
    }
    if (options.withLengths) reply.integer(length);
  }
  reply.patchArray(mark, count);
  reply.bulkBinary('len');
  reply.integer(lengthOf(runs));
}

export const lcs: CommandDefinition = {
  name: 'lcs',
  summary: 'Finds the longest common subsequence of two strings',
  since: '7.0.0',
  group: 'string',
  complexity: 'O(N*M) where N and M are the lengths of s1 and s2, respectively',
  arity: -3,
  flags: ['readonly'],
  keys: [keysAt(1, 1, 1, 'RO', 'access')],
  arguments: [
    { name: 'key1', type: 'key', keySpecIndex: 0 },
    { name: 'key2', type: 'key', keySpecIndex: 0 },
    { name: 'len', type: 'pure-token', token: 'LEN', flags: ['optional'] },
    { name: 'idx', type: 'pure-token', token: 'IDX', flags: ['optional'] },
    { name: 'len', type: 'integer', token: 'MINMATCHLEN', flags: ['optional'] },
    { name: 'withmatchlen', type: 'pure-token', token: 'WITHMATCHLEN', flags: ['optional'] },
  ],
  run,
};
