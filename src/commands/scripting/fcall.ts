/** FCALL and FCALL_RO: call a function of a library. */
import type { CommandDefinition } from '../contract/definition.js';
import { scriptCommand } from './lib/definitions.js';

const complexity = 'Depends on the function that is executed.';

export const fcall: CommandDefinition = scriptCommand({
  name: 'fcall',
  summary: 'Calls a function',
  since: '7.0.0',
  complexity,
  runsScript: 'function',
  first: 'function',
  isReadOnly: false,
  hasNotes: true,
  run: ({ server }) => server.functions.call(false),
});

export const fcallReadOnly: CommandDefinition = scriptCommand({
  name: 'fcall_ro',
  summary: 'Calls a function that may not write',
  since: '7.0.0',
  complexity,
  runsScript: 'function',
  first: 'function',
  isReadOnly: true,
  hasNotes: true,
  run: ({ server }) => server.functions.call(true),
});
