/**
 * COMMAND and its subcommands: what the registry knows, in the shape that clients read at start.
 * https://redis.io/docs/latest/commands/command/
 */
import { unknownSubcommand, wrongArity } from '../../protocol/errors.js';
import type { CommandEntry, Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { isContainerDefinition } from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';
import { wordsOf } from '../contract/words.js';
import { replyDocs } from './lib/command-docs.js';
import { replyInfo } from './lib/command-info.js';

function replyInfoOfAll({ reply, registry }: Context): void {
  reply.array(registry.commands.size);
  for (const entry of registry.commands.values()) replyInfo(reply, entry);
}

/** Runs a subcommand: COMMAND alone is a command as well, so that it is no container. */
function runSubcommand(context: Context): void {
  const { args, reply, registry } = context;
  const entry = registry.original(`command|${context.text(1).toLowerCase()}`);
  if (entry === undefined || isContainerDefinition(entry.definition)) {
    reply.error(unknownSubcommand('command', context.text(1)));
    return;
  }
  const { arity, name, run } = entry.definition;
  if (arity >= 0 ? args.count !== arity : args.count < -arity) reply.error(wrongArity(name));
  else run(context);
}

export const command: CommandDefinition = {
  name: 'command',
  summary: 'Tells all that is known about all commands',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(N) where N is the total number of Redis commands',
  arity: -1,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  tips: ['nondeterministic_output_order'],
  run(context) {
    if (context.args.count === 1) replyInfoOfAll(context);
    else runSubcommand(context);
  },
};

export const commandCount: CommandDefinition = {
  name: 'command|count',
  summary: 'Tells how many commands there are',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  run({ reply, registry }) {
    reply.integer(registry.commands.size);
  },
};

export const commandInfo: CommandDefinition = {
  name: 'command|info',
  summary: 'Tells arity, flags, keys and categories of commands',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(N) where N is the number of commands to look up',
  arity: -2,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  arguments: [{ name: 'command-name', type: 'string', flags: ['optional', 'multiple'] }],
  tips: ['nondeterministic_output_order'],
  history: [['7.0.0', 'Without names it tells about all commands.']],
  run(context) {
    const { args, reply, registry } = context;
    if (args.count === 2) {
      replyInfoOfAll(context);
      return;
    }
    reply.array(args.count - 2);
    for (let i = 2; i < args.count; i++) {
      const entry = registry.lookup(context.text(i).toLowerCase());
      if (entry === undefined) reply.nullBulk();
      else replyInfo(reply, entry);
    }
  },
};

export const commandDocs: CommandDefinition = {
  name: 'command|docs',
  summary: 'Tells what commands do and which arguments they take',
  since: '7.0.0',
  group: 'server',
  complexity: 'O(N) where N is the number of commands to look up',
  arity: -2,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  arguments: [{ name: 'command-name', type: 'string', flags: ['optional', 'multiple'] }],
  tips: ['nondeterministic_output_order'],
  run(context) {
    const { args, reply, registry } = context;
    const names = wordsOf(context, 2);
    if (names === null) return;
    const found: CommandEntry[] = [];
    if (args.count === 2) found.push(...registry.commands.values());
    for (const name of names) {
      const entry = registry.lookup(name.toLowerCase());
      if (entry !== undefined) found.push(entry);
    }
    reply.map(found.length);
    for (const entry of found) {
      reply.bulkText(entry.fullName);
      replyDocs(reply, entry);
    }
  },
};

export const commandHelp: CommandDefinition = {
  name: 'command|help',
  summary: 'Lists the subcommands',
  since: '5.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  run: (context) => replyHelp(context, 'command'),
};
