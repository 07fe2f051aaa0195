/** EVALSHA and EVALSHA_RO: run a script that the server knows by its SHA1. */
import type { CommandDefinition } from '../contract/definition.js';
import { scriptCommand } from './lib/definitions.js';

const complexity = 'Depends on the script that is executed.';

export const evaluateSha: CommandDefinition = scriptCommand({
  name: 'evalsha',
  summary: 'Runs a cached Lua script',
  since: '2.6.0',
  complexity,
  runsScript: 'sha',
  first: 'sha1',
  isReadOnly: false,
  hasNotes: false,
  run: ({ server }) => server.scripts.evaluateSha(false),
});

export const evaluateShaReadOnly: CommandDefinition = scriptCommand({
  name: 'evalsha_ro',
  summary: 'Runs a cached Lua script that may not write',
  since: '7.0.0',
  complexity,
  runsScript: 'sha',
  first: 'sha1',
  isReadOnly: true,
  hasNotes: false,
  run: ({ server }) => server.scripts.evaluateSha(true),
});
