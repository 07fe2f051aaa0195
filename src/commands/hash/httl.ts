/** HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME: when fields expire; HPERSIST: that they do not. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import {
  FIELDS_ARGUMENT,
  FIELDS_NOT_POSITIVE,
  firstFieldAt,
  NO_EXPIRY,
  NO_FIELD,
  outcomes,
  replyForEach,
} from './lib/fields.js';
import { persistFields } from './lib/times.js';
import {
  ABSENT,
  findField,
  hash,
  KEY_ARGUMENT,
  KEY_READ,
  openForRead,
  openForWrite,
  REFUSED,
} from './lib/values.js';

const FIELDS = 2;

function replyTimes(context: Context, unitMs: number, origin: number): void {
  const { args, reply } = context;
  const state = openForRead(context);
  if (state === REFUSED) return;
  const first = firstFieldAt(context, FIELDS, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  const count = args.count - first;
  if (state === ABSENT) {
    replyForEach(reply, count, NO_FIELD);
    return;
  }
  reply.array(count);
  for (let i = first; i < args.count; i++) {
    if (!findField(context, i)) reply.integer(NO_FIELD);
    else if (hash.expiry === 0) reply.integer(NO_EXPIRY);
    // Part of a second counts as one, unlike in TTL.
    else reply.integer(Math.ceil((hash.expiry - origin) / unitMs));
  }
}

function runHpersist(context: Context): void {
  const { args, reply } = context;
  const state = openForWrite(context);
  if (state === REFUSED) return;
  const first = firstFieldAt(context, FIELDS, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  const count = args.count - first;
  if (state === ABSENT) {
    replyForEach(reply, count, NO_FIELD);
    return;
  }
  outcomes.begin(count);
  persistFields(context, first);
  outcomes.reply(reply, count);
  outcomes.release();
}

const ARGUMENTS = [KEY_ARGUMENT, FIELDS_ARGUMENT];
const COMPLEXITY = 'O(N) where N is the number of specified fields';

const SHARED = {
  since: '7.4.0',
  group: 'hash',
  complexity: COMPLEXITY,
  arity: -5,
  flags: ['readonly', 'fast'],
  keys: KEY_READ,
  arguments: ARGUMENTS,
} as const satisfies Partial<CommandDefinition>;

export const httl: CommandDefinition = {
  ...SHARED,
  name: 'httl',
  summary: 'Tells in how many seconds fields of a hash expire',
  tips: ['nondeterministic_output'],
  run: (context) => replyTimes(context, 1000, context.now),
};

export const hpttl: CommandDefinition = {
  ...SHARED,
  name: 'hpttl',
  summary: 'Tells in how many milliseconds fields of a hash expire',
  tips: ['nondeterministic_output'],
  run: (context) => replyTimes(context, 1, context.now),
};

export const hexpiretime: CommandDefinition = {
  ...SHARED,
  name: 'hexpiretime',
  summary: 'Tells at which time in seconds fields of a hash expire',
  run: (context) => replyTimes(context, 1000, 0),
};

export const hpexpiretime: CommandDefinition = {
  ...SHARED,
  name: 'hpexpiretime',
  summary: 'Tells at which time in milliseconds fields of a hash expire',
  run: (context) => replyTimes(context, 1, 0),
};

export const hpersist: CommandDefinition = {
  name: 'hpersist',
  summary: 'Lets fields of a hash no longer expire',
  since: '7.4.0',
  group: 'hash',
  complexity: COMPLEXITY,
  arity: -5,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: ARGUMENTS,
  elements: { by: 'hash', first: 2, step: 1, element: 0, keyword: 'FIELDS' },
  run: runHpersist,
};
