/** CLIENT: the container of its subcommands, and CLIENT HELP. */

import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';

export const client: ContainerDefinition = {
  name: 'client',
  summary: 'Commands about client connections',
  since: '2.4.0',
  group: 'connection',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
  keepsCaching: true,
};

export const clientHelp: CommandDefinition = {
  name: 'client|help',
  summary: 'Lists the subcommands',
  since: '5.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'client'),
};
