/** COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern] */
import { SYNTAX } from '../../protocol/errors.js';
import { matchGlob } from '../../protocol/glob.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandEntry, Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { regionOf } from './lib/text-region.js';

type Filter = (entry: CommandEntry) => boolean;

/** Null for a syntax error. */
function parseFilter(context: Context): Filter | null {
  const { args } = context;
  if (args.count === 2) return () => true;
  if (args.count !== 5 || !argumentIs(args, 2, 'FILTERBY')) return null;
  // Modules do not exist here: none of the commands comes from one.
  if (argumentIs(args, 3, 'MODULE')) return () => false;
  if (argumentIs(args, 3, 'ACLCAT')) {
    const category = context.text(4).toLowerCase();
    return (entry) => entry.categories.includes(category);
  }
  if (!argumentIs(args, 3, 'PATTERN')) return null;
  const { region, offset, length } = args;
  return ({ fullName }) =>
    matchGlob(region, offset[4]!, length[4]!, regionOf(fullName), 0, fullName.length, true);
}

export const commandList: CommandDefinition = {
  name: 'command|list',
  summary: 'Lists the names of commands',
  since: '7.0.0',
  group: 'server',
  complexity: 'O(N) where N is the total number of Redis commands',
  arity: -2,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  arguments: [
    {
      name: 'filterby',
      type: 'oneof',
      token: 'FILTERBY',
      flags: ['optional'],
      arguments: [
        { name: 'module-name', type: 'string', token: 'MODULE' },
        { name: 'category', type: 'string', token: 'ACLCAT' },
        { name: 'pattern', type: 'pattern', token: 'PATTERN' },
      ],
    },
  ],
  tips: ['nondeterministic_output_order'],
  run(context) {
    const { reply, registry } = context;
    const filter = parseFilter(context);
    if (filter === null) {
      reply.error(SYNTAX);
      return;
    }
    const names: string[] = [];
    for (const entry of registry.commands.values()) {
      for (const one of [entry, ...entry.subcommands.values()]) {
        if (filter(one)) names.push(one.fullName);
      }
    }
    reply.array(names.length);
    for (const name of names) reply.bulkText(name);
  },
};
