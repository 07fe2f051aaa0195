/** COMMAND GETKEYS and GETKEYSANDFLAGS: which arguments of a command are keys. */
import { ErrorReply } from '../../protocol/errors.js';
import { argumentsBinary } from '../../protocol/text.js';
import type { CommandEntry, Context } from '../contract/context.js';
import { type CommandDefinition, isContainerDefinition } from '../contract/definition.js';

const INVALID_COMMAND = new ErrorReply('ERR Invalid command specified');
const NO_KEYS = new ErrorReply('ERR The command has no key arguments');
const INVALID_COUNT = new ErrorReply('ERR Invalid number of arguments specified for command');
const INVALID_ARGUMENTS = new ErrorReply('ERR Invalid arguments specified for command');

interface FoundKeys {
  readonly words: readonly string[];
  readonly places: readonly { readonly index: number; readonly flags: readonly string[] }[];
}

function lookup({ registry }: Context, words: readonly string[]): CommandEntry | undefined {
  const entry = registry.lookup(words[0]!.toLowerCase());
  if (entry === undefined || entry.subcommands.size === 0) return entry;
  return entry.subcommands.get((words[1] ?? '').toLowerCase()) ?? entry;
}

/** Null: an error was written. */
function findKeys(context: Context): FoundKeys | null {
  const { args, reply, registry } = context;
  const words = argumentsBinary(args, 2);
  const entry = lookup(context, words);
  if (entry === undefined) {
    reply.error(INVALID_COMMAND);
    return null;
  }
  const { definition } = entry;
  if (isContainerDefinition(definition) || (definition.keys ?? []).length === 0) {
    reply.error(NO_KEYS);
    return null;
  }
  const { arity } = definition;
  if (arity >= 0 ? words.length !== arity : words.length < -arity) {
    reply.error(INVALID_COUNT);
    return null;
  }
  const places = registry.keysAndFlags(entry, words);
  if (places === null || places.length === 0) {
    const mayHaveNone = definition.flags.includes('no_mandatory_keys');
    if (mayHaveNone && places !== null) return { words, places };
    reply.error(INVALID_ARGUMENTS);
    return null;
  }
  return { words, places };
}

export const commandGetkeys: CommandDefinition = {
  name: 'command|getkeys',
  summary: 'Picks the keys out of a command',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(N) where N is the number of arguments to the command',
  arity: -4,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  run(context) {
    const found = findKeys(context);
    if (found === null) return;
    context.reply.array(found.places.length);
    for (const { index } of found.places) context.reply.bulkBinary(found.words[index]!);
  },
};

export const commandGetkeysandflags: CommandDefinition = {
  name: 'command|getkeysandflags',
  summary: 'Picks the keys out of a command and tells what it does to them',
  since: '7.0.0',
  group: 'server',
  complexity: 'O(N) where N is the number of arguments to the command',
  arity: -4,
  flags: ['loading', 'stale'],
  categories: ['connection'],
  run(context) {
    const { reply } = context;
    const found = findKeys(context);
    if (found === null) return;
    reply.array(found.places.length);
    for (const { index, flags } of found.places) {
      reply.array(2);
      reply.bulkBinary(found.words[index]!);
      reply.set(flags.length);
      for (const flag of flags) reply.simple(flag);
    }
  },
};
