/**
 * The arguments FIELDS numfields field [field ...] of the commands about the expiry of fields, and what
 * became of each field. The outcomes of a million fields are a million bytes, given back afterwards.
 */

import type { EffectBuilder } from '../../../keyspace/effects.js';
import { ErrorReply } from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import type { Reply } from '../../../protocol/reply.js';
import { argumentIs } from '../../../protocol/text.js';
import type { Context } from '../../contract/context.js';
import type { ArgumentSpecification } from '../../contract/definition.js';

const FIELDS_MISSING = new ErrorReply(
  'ERR Mandatory argument FIELDS is missing or not at the right position',
);
const FIELDS_MISMATCH = new ErrorReply(
  'ERR The `numfields` parameter must match the number of arguments',
);
export const FIELDS_NOT_POSITIVE = new ErrorReply(
  'ERR Number of fields must be a positive integer',
);
export const FIELDS_NOT_ABOVE_ZERO = new ErrorReply(
  'ERR Parameter `numFields` should be greater than 0',
);

/** What replies say of a field. */
export const NO_FIELD = -2;
export const NO_EXPIRY = -1;
export const REFUSED_BY_CONDITION = 0;
export const DONE = 1;
export const DELETED = 2;

const KEPT_FIELDS = 4096;

export const FIELDS_ARGUMENT: ArgumentSpecification = {
  name: 'fields',
  type: 'block',
  token: 'FIELDS',
  arguments: [
    { name: 'numfields', type: 'integer' },
    { name: 'field', type: 'string', flags: ['multiple'] },
  ],
};

/**
 * Reads FIELDS and the number of fields at argument `index`; the fields are all arguments after it.
 * @param notPositive the error for a number that is none, or below 1
 * @returns the first field's index, or 0 when an error was answered
 */
export function firstFieldAt(
  { args, reply }: Context,
  index: number,
  notPositive: ErrorReply,
): number {
  const first = index + 2;
  if (first > args.count || !argumentIs(args, index, 'FIELDS')) {
    reply.error(FIELDS_MISSING);
    return 0;
  }
  const count = parseIndex(args.region, args.offset[index + 1]!, args.length[index + 1]!);
  if (count >= 1 && count === args.count - first) return first;
  reply.error(count >= 1 ? FIELDS_MISMATCH : notPositive);
  return 0;
}

/** Answers the same for each field. */
export function replyForEach(reply: Reply, count: number, answer: number): void {
  reply.array(count);
  for (let i = 0; i < count; i++) reply.integer(answer);
}

/** What became of each field. One for each thread. */
export class FieldOutcomes {
  private outcomes = new Int8Array(KEPT_FIELDS);
  /** When the field expired before. */
  readonly before = { times: new Float64Array(KEPT_FIELDS) };

  begin(count: number): void {
    if (count <= this.outcomes.length) return;
    this.outcomes = new Int8Array(count);
    this.before.times = new Float64Array(count);
  }

  set(index: number, outcome: number): void {
    this.outcomes[index] = outcome;
  }

  get(index: number): number {
    return this.outcomes[index]!;
  }

  count(count: number, outcome: number): number {
    let found = 0;
    for (let i = 0; i < count; i++) if (this.outcomes[i] === outcome) found++;
    return found;
  }

  /** Appends the fields of one outcome, which are arguments, to an effect. */
  append(effect: EffectBuilder, { args }: Context, first: number, outcome: number): EffectBuilder {
    for (let i = first; i < args.count; i++) {
      if (this.outcomes[i - first] === outcome) effect.argument(args, i);
    }
    return effect;
  }

  reply(reply: Reply, count: number): void {
    reply.array(count);
    for (let i = 0; i < count; i++) reply.integer(this.outcomes[i]!);
  }

  /** Gives memory back that was for many fields. */
  release(): void {
    if (this.outcomes.length <= KEPT_FIELDS) return;
    this.outcomes = new Int8Array(KEPT_FIELDS);
    this.before.times = new Float64Array(KEPT_FIELDS);
  }
}

export const outcomes = new FieldOutcomes();
