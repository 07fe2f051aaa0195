/** What commands of scripts and those of functions declare alike. */
import {
  type ArgumentSpecification,
  type CommandDefinition,
  countedKeys,
  type KeySpecification,
} from '../../contract/definition.js';

function argumentsBehind(first: string): readonly ArgumentSpecification[] {
  return [
    { name: first, type: 'string' },
    { name: 'numkeys', type: 'integer' },
    { name: 'key', type: 'key', keySpecIndex: 0, flags: ['optional', 'multiple'] },
    { name: 'arg', type: 'string', flags: ['optional', 'multiple'] },
  ];
}

interface ScriptCommand {
  readonly name: string;
  readonly summary: string;
  readonly since: string;
  readonly complexity: string;
  readonly runsScript: 'source' | 'sha' | 'function';
  /** As COMMAND DOCS calls argument 1. */
  readonly first: string;
  readonly isReadOnly: boolean;
  /** COMMAND INFO says why it names these flags of the keys. */
  readonly hasNotes: boolean;
  readonly run: CommandDefinition['run'];
}

function keysOf({ isReadOnly, hasNotes }: ScriptCommand): KeySpecification {
  const keys = isReadOnly
    ? countedKeys(2, 'RO', 'access')
    : countedKeys(2, 'RW', 'access', 'update');
  if (!hasNotes) return keys;
  const worst = isReadOnly ? 'RO and ACCESS' : 'RW and UPDATE';
  const notes = `We cannot tell how the keys will be used so we assume the worst, ${worst}`;
  return { ...keys, notes };
}

export function scriptCommand(command: ScriptCommand): CommandDefinition {
  const { name, summary, since, complexity, runsScript, first, isReadOnly, run } = command;
  return {
    name,
    summary,
    since,
    group: 'scripting',
    complexity,
    arity: -3,
    flags: isReadOnly
      ? ['readonly', 'noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys']
      : ['noscript', 'stale', 'skip_monitor', 'may_replicate', 'no_mandatory_keys', 'movablekeys'],
    keys: [keysOf(command)],
    arguments: argumentsBehind(first),
    runsScript,
    run,
  };
}

/** How the cache of scripts, or the libraries, are to be emptied. */
export const FLUSH_MODE: ArgumentSpecification = {
  name: 'async',
  type: 'oneof',
  flags: ['optional'],
  arguments: [
    { name: 'async', type: 'pure-token', token: 'ASYNC' },
    { name: 'sync', type: 'pure-token', token: 'SYNC' },
  ],
};

/** SCRIPT KILL and FUNCTION KILL. */
export const KILL = {
  group: 'scripting',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'allow_busy'],
  tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
} as const satisfies Partial<CommandDefinition>;
