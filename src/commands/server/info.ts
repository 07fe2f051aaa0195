/** INFO [section ...] */
import type { CommandDefinition } from '../contract/definition.js';
import { wordsOf } from '../contract/words.js';

export const info: CommandDefinition = {
  name: 'info',
  summary: 'Tells about the server: its state and its statistics',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: -1,
  flags: ['loading', 'stale'],
  categories: ['dangerous'],
  arguments: [{ name: 'section', type: 'string', flags: ['optional', 'multiple'] }],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  history: [['7.0.0', 'Several sections may be named.']],
  locks: 'none',
  run(context) {
    const sections = wordsOf(context, 1);
    if (sections === null) return;
    context.reply.verbatim('txt', context.server.information.text(sections, context));
  },
};
