/**
 * What a command declares about itself. One definition in one file is all there is to a command:
 * the registry, COMMAND, COMMAND DOCS, docs/commands.md, locking, ACL and replication read it.
 *
 * Names and meanings follow https://redis.io/docs/latest/commands/command/ and
 * https://redis.io/docs/latest/develop/reference/key-specs/.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import type { EffectElements } from '../../keyspace/effect-elements.js';
import type { Context } from './context.js';
import type { KeyFlag, KeyPlaces } from './key-flags.js';

export type CommandGroup =
  | 'string'
  | 'bitmap'
  | 'generic'
  | 'transactions'
  | 'connection'
  | 'server'
  | 'cluster'
  | 'list'
  | 'hash'
  | 'set'
  | 'sorted-set'
  | 'stream'
  | 'pubsub'
  | 'scripting'
  | 'geo'
  | 'hyperloglog';

/** The flags COMMAND INFO shows, in Redis's spelling. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'asking'
  | 'fast'
  | 'no_auth'
  | 'may_replicate'
  | 'no_mandatory_keys'
  | 'no_async_loading'
  | 'no_multi'
  | 'movablekeys'
  | 'allow_busy';

/** ACL categories, without the '@', in the order in which Redis lists them. */
export const ACL_CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;

/** Those that follow from group and flags need not be listed in a definition. */
export type AclCategory = (typeof ACL_CATEGORIES)[number];

export interface KeySpecification {
  readonly flags: readonly KeyFlag[];
  /** With 'variable_flags': what this command vector does to its keys, as bits (`keyFlagBits`). */
  readonly flagsOf?: (args: ArgumentVector) => number;
  readonly notes?: string;
  /** An empty argument in this place is no key (MIGRATE). */
  readonly skipsEmpty?: boolean;
  /**
   * Where the keys begin: at an argument index (0 is the command's name), or after a keyword. Where
   * COMMAND INFO can only say 'unknown', `addTo` finds those that a command vector has.
   */
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly startFrom: number }
    | { readonly addTo: (args: ArgumentVector, flags: number, into: KeyPlaces) => void };
  /**
   * How they go on. `last` is relative to the first key (-1: to the last argument, -2: to the last
   * but one), `limit` stops at a fraction of the remaining arguments (0 and 1: no limit).
   * With `keyCountIndex` a count precedes the keys; indexes are relative to the beginning.
   */
  readonly find:
    | { readonly last: number; readonly step: number; readonly limit: number }
    | {
        readonly keyCountIndex: number;
        readonly firstKey: number;
        readonly step: number;
      }
    | { readonly isUnknown: true };
}

/** Arguments that are channels, or patterns of channels: a user needs rights for them. */
export interface ChannelSpecification {
  readonly first: number;
  /** 'all': the last argument. */
  readonly last: number | 'all';
  readonly arePatterns: boolean;
}

/** One argument in COMMAND DOCS' notation. */
export interface ArgumentSpecification {
  readonly name: string;
  readonly type:
    | 'string'
    | 'integer'
    | 'double'
    | 'key'
    | 'pattern'
    | 'unix-time'
    | 'pure-token'
    | 'oneof'
    | 'block';
  readonly keySpecIndex?: number;
  readonly token?: string;
  readonly summary?: string;
  readonly since?: string;
  readonly deprecatedSince?: string;
  readonly flags?: readonly ('optional' | 'multiple' | 'multiple_token')[];
  readonly arguments?: readonly ArgumentSpecification[];
}

/**
 * Which shards the dispatcher locks around `run`.
 * keys: those of the keys (the default); all: every shard (FLUSHALL, SWAPDB);
 * none: the command locks by itself with `context.withShard` if it looks at keys at all.
 */
export type LockScope = 'keys' | 'all' | 'none';

/**
 * What the effects of a write are about. key: each is about one key (the default); keyless: about
 * whole databases (FLUSHALL, SWAPDB). The keyspace makes them (keyspace/mutation.ts).
 */
export type EffectKind = 'key' | 'keyless';

/**
 * What a command does between MULTI and EXEC instead of being queued. control: it runs at once;
 * execute: it runs the queue, so that it needs the queue's locks and may be refused for its sake.
 */
export type TransactionRole = 'control' | 'execute';

/** A call of more arguments is timed, whichever command it is: it may take its time for each. */
export const SHORT_ARGUMENTS_MAX = 32;

export interface CommandDefinition {
  /** Lower case; a subcommand is written 'config|get'. */
  readonly name: string;
  /** One sentence of our own, without a final full stop needed by COMMAND DOCS. */
  readonly summary: string;
  readonly since: string;
  readonly group: CommandGroup;
  readonly complexity: string;
  /**
   * Calls of at most so many arguments, the name included, are short whatever the complexity says: the
   * clock would cost more than many of them.
   */
  readonly shortArguments?: number;
  /** Exact number of arguments with the name, or minus the least number. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly categories?: readonly AclCategory[];
  readonly keys?: readonly KeySpecification[];
  /** PUBLISH, SUBSCRIBE and the like; not what ends a subscription, which everybody may. */
  readonly channels?: ChannelSpecification;
  readonly arguments?: readonly ArgumentSpecification[];
  readonly tips?: readonly string[];
  readonly history?: readonly (readonly [version: string, change: string])[];
  readonly deprecatedSince?: string;
  readonly replacedBy?: string;
  readonly docFlags?: readonly ('deprecated' | 'syscmd')[];
  readonly locks?: LockScope;
  /** For locks: 'keys': whether a command vector reads keys that nobody can tell beforehand. */
  readonly readsAnyKey?: (args: ArgumentVector) => boolean;
  /**
   * It runs a script, and argument 1 is this of it: its keys are locked first, and others as the script
   * comes to them.
   */
  readonly runsScript?: 'source' | 'sha' | 'function';
  readonly effect?: EffectKind;
  /** As an effect, on a collection: which elements it is about. */
  readonly elements?: EffectElements;
  readonly transaction?: TransactionRole;
  /** For commands that block: the type of values that they wait for, as TYPE names it. */
  readonly waitsFor?: string;
  /** It is also told when the key goes, or gets a value of another type. */
  readonly seesRemoval?: boolean;
  /** It waits for other threads: how long it takes is no event for the latency monitor. */
  readonly unmonitored?: boolean;
  /** Whether an argument is a password, which is never shown. */
  readonly isSecret?: (args: ArgumentVector, index: number) => boolean;
  /** Served while data is loaded although its flags, which are Redis's, do not say so. */
  readonly whileLoading?: boolean;
  /** RESP2 clients may send it while they are subscribed to channels. */
  readonly whileSubscribed?: boolean;
  /** Answers with the error, as writes do, when the data cannot be saved. */
  readonly tellsSaveFailure?: boolean;
  /**
   * Runs with the shards locked, arity checked. Writes exactly one reply (or suspends). Validate
   * first, then allocate, then change: after an error reply nothing may have changed.
   */
  readonly run: (context: Context) => void;
}

/** A command that only has subcommands: CONFIG, CLIENT, OBJECT ... */
export interface ContainerDefinition {
  readonly name: string;
  readonly summary: string;
  readonly since: string;
  readonly group: CommandGroup;
  readonly complexity: string;
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly categories?: readonly AclCategory[];
  readonly container: true;
  /** CLIENT CACHING, which is for the next command, is not for one of these. */
  readonly keepsCaching?: boolean;
}

export function isContainerDefinition(
  definition: CommandDefinition | ContainerDefinition,
): definition is ContainerDefinition {
  return 'container' in definition;
}

/** Shorthand for the commonest key specification: keys from `first` to `last` in steps. */
export function keysAt(
  first: number,
  last: number,
  step: number,
  ...flags: readonly KeyFlag[]
): KeySpecification {
  return { flags, begin: { index: first }, find: { last, step, limit: 0 } };
}

/** Shorthand for keys behind their number, which is argument `at`. */
export function countedKeys(at: number, ...flags: readonly KeyFlag[]): KeySpecification {
  return { flags, begin: { index: at }, find: { keyCountIndex: 0, firstKey: 1, step: 1 } };
}
