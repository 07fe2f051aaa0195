/** COMMAND GETKEYS and GETKEYSANDFLAGS: which arguments of a command are keys. */

import { prefixBinary } from '../../base/region.js';
import { ErrorReply } from '../../protocol/errors.js';
import { Arguments } from '../../protocol/parser.js';
import type { CommandEntry, Context } from '../contract/context.js';
import { type CommandDefinition, isContainerDefinition } from '../contract/definition.js';
import { KeyPlaces, keyFlagNames } from '../contract/key-flags.js';

const INVALID_COMMAND = new ErrorReply('ERR Invalid command specified');
const NO_KEYS = new ErrorReply('ERR The command has no key arguments');
const INVALID_COUNT = new ErrorReply('ERR Invalid number of arguments specified for command');
const INVALID_ARGUMENTS = new ErrorReply('ERR Invalid arguments specified for command');

/** The command vector that is asked about: the arguments behind the subcommand. */
const inner = new Arguments();
const places = new KeyPlaces();

/** Names of commands are short: what is longer is none. */
const NAME_BYTES_MAX = 64;

function lookup({ registry }: Context): CommandEntry | undefined {
  const entry = registry.lookup(nameAt(0));
  if (entry === undefined || entry.subcommands.size === 0 || inner.count < 2) return entry;
  return entry.subcommands.get(nameAt(1));
}

function nameAt(index: number): string {
  const { region, offset, length } = inner;
  return prefixBinary(region, offset[index]!, length[index]!, NAME_BYTES_MAX).toLowerCase();
}

/** Whether keys may begin wherever they should. PFMERGE needs no sources, but here Redis asks for one. */
function hasAllKeys({ keys }: CommandDefinition): boolean {
  return (keys ?? []).every(({ begin }) => !('index' in begin) || begin.index < inner.count);
}

/** Fills `places` with the keys of `inner`. False: an error was written. */
function findInnerKeys(context: Context): boolean {
  const { args, reply, registry } = context;
  inner.region = args.region;
  inner.count = 0;
  for (let i = 2; i < args.count; i++) inner.push(args.offset[i]!, args.length[i]!);
  const entry = lookup(context);
  if (entry === undefined) {
    reply.error(INVALID_COMMAND);
    return false;
  }
  const { definition } = entry;
  if (isContainerDefinition(definition) || (definition.keys ?? []).length === 0) {
    reply.error(NO_KEYS);
    return false;
  }
  const { arity } = definition;
  if (arity >= 0 ? inner.count !== arity : inner.count < -arity) {
    reply.error(INVALID_COUNT);
    return false;
  }
  const isWellFormed = hasAllKeys(definition) && registry.findKeys(entry, inner, places);
  if (isWellFormed && places.count > 0) return true;
  if (isWellFormed && definition.flags.includes('no_mandatory_keys')) return true;
  reply.error(INVALID_ARGUMENTS);
  return false;
}

function replyKey(context: Context, place: number): void {
  const index = places.index[place]!;
  context.reply.bulk(inner.region, inner.offset[index]!, inner.length[index]!);
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
    if (!findInnerKeys(context)) return;
    context.reply.array(places.count);
    for (let i = 0; i < places.count; i++) replyKey(context, i);
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
    if (!findInnerKeys(context)) return;
    reply.array(places.count);
    for (let i = 0; i < places.count; i++) {
      reply.array(2);
      replyKey(context, i);
      const flags = keyFlagNames(places.flags[i]!);
      reply.set(flags.length);
      for (const flag of flags) reply.simple(flag);
    }
  },
};
