/** SAVE: writes a snapshot. The client waits; others are served meanwhile. */
import type { CommandDefinition } from '../contract/definition.js';

export const save: CommandDefinition = {
  name: 'save',
  summary: 'Writes a snapshot of the data to disk, and answers when it is there',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(N) where N is the total number of keys in all databases',
  arity: 1,
  flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
  locks: 'none',
  run(context) {
    const suspension = context.suspend(() => {});
    context.server.persistence.save((write) => suspension.resume(write));
  },
};
