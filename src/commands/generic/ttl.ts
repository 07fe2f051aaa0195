/** TTL, PTTL, EXPIRETIME and PEXPIRETIME: when a key expires; -1: never, -2: there is no such key. */
import { millisecondsOf } from '../../base/expiry-time.js';
import type { Reply } from '../../protocol/reply.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';

const NO_KEY = -2;
const NO_EXPIRY = -1;

const KEYS = [keysAt(1, 0, 1, 'RO', 'access')];
const ARGUMENTS: CommandDefinition['arguments'] = [{ name: 'key', type: 'key', keySpecIndex: 0 }];
const HISTORY: CommandDefinition['history'] = [['2.8.0', 'The reply -2.']];

function answer({ args, keys, reply }: Context, unitMs: number, origin: number): void {
  keys.findWithoutUse();
  if (!keys.seekForRead(args, 1)) {
    reply.integer(NO_KEY);
  } else if (keys.expiry === 0) {
    reply.integer(NO_EXPIRY);
  } else {
    answerTime(reply, keys.expiry, unitMs, origin);
  }
}

function answerTime(reply: Reply, expiry: number, unitMs: number, origin: number): void {
  if (expiry < 0) {
    const time = millisecondsOf(expiry) - BigInt(origin);
    reply.bigInteger(unitMs === 1 ? time : (time + 500n) / 1000n);
    return;
  }
  // To the nearest second, as Redis.
  const time = Math.max(0, expiry - origin);
  reply.integer(unitMs === 1 ? time : Math.floor((time + 500) / 1000));
}

export const ttl: CommandDefinition = {
  name: 'ttl',
  summary: 'Tells in how many seconds a key expires',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  history: HISTORY,
  run: (context) => answer(context, 1000, context.now),
};

export const pttl: CommandDefinition = {
  name: 'pttl',
  summary: 'Tells in how many milliseconds a key expires',
  since: '2.6.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: KEYS,
  arguments: ARGUMENTS,
  tips: ['nondeterministic_output'],
  history: HISTORY,
  run: (context) => answer(context, 1, context.now),
};

export const expiretime: CommandDefinition = {
  name: 'expiretime',
  summary: 'Tells when a key expires, in seconds since 1970',
  since: '7.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: KEYS,
  arguments: ARGUMENTS,
  run: (context) => answer(context, 1000, 0),
};

export const pexpiretime: CommandDefinition = {
  name: 'pexpiretime',
  summary: 'Tells when a key expires, in milliseconds since 1970',
  since: '7.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: KEYS,
  arguments: ARGUMENTS,
  run: (context) => answer(context, 1, 0),
};
