/**
 * READONLY, READWRITE and ASKING: what clients of a cluster say on their connections. There is no
 * cluster here, and they say so; they exist for the rules of users that name them.
 */
import type { CommandDefinition } from '../contract/definition.js';
import { answerDisabled } from './lib/answer-disabled.js';

const SHARED = {
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(1)',
  arity: 1,
  categories: ['connection'],
  locks: 'none',
  run: answerDisabled,
} as const satisfies Partial<CommandDefinition>;

export const readonly: CommandDefinition = {
  ...SHARED,
  name: 'readonly',
  summary: 'Lets a connection read from a replica of a cluster',
  flags: ['loading', 'stale', 'fast'],
};

export const readwrite: CommandDefinition = {
  ...SHARED,
  name: 'readwrite',
  summary: 'Ends what READONLY has begun',
  flags: ['loading', 'stale', 'fast'],
};

export const asking: CommandDefinition = {
  ...SHARED,
  name: 'asking',
  summary: 'Announces a command that follows an ASK redirection',
  flags: ['fast'],
};
