/** EVAL and EVAL_RO: run the script that they bring. */
import type { CommandDefinition } from '../contract/definition.js';
import { scriptCommand } from './lib/definitions.js';

const complexity = 'Depends on the script that is executed.';

export const evaluate: CommandDefinition = scriptCommand({
  name: 'eval',
  summary: 'Runs a Lua script',
  since: '2.6.0',
  complexity,
  runsScript: 'source',
  first: 'script',
  isReadOnly: false,
  hasNotes: true,
  run: ({ server }) => server.scripts.evaluate(false),
});

export const evaluateReadOnly: CommandDefinition = scriptCommand({
  name: 'eval_ro',
  summary: 'Runs a Lua script that may not write',
  since: '7.0.0',
  complexity,
  runsScript: 'source',
  first: 'script',
  isReadOnly: true,
  hasNotes: true,
  run: ({ server }) => server.scripts.evaluate(true),
});
