/** The layer table of the project: what each folder of src/ may import. Change it here, with a reason. */

/** From the lowest to the highest: a folder may only name folders before it. */
export const LAYERS: readonly (readonly [folder: string, imports: readonly string[]])[] = [
  ['base', []],
  ['platform', ['base']],
  ['memory', ['base', 'platform']],
  ['structures', ['base', 'memory']],
  ['values', ['base', 'memory', 'structures']],
  ['keyspace', ['base', 'platform', 'memory', 'structures', 'values']],
  ['protocol', ['base']],
  // Lua as a language: it knows no command and no key. Its host gives it both.
  ['scripting', ['base']],
  // Pure logic over bytes and the store: DUMP and RESTORE are commands on one key.
  ['persistence/rdb', ['base', 'memory', 'structures', 'values', 'keyspace', 'protocol']],
  ['commands/contract', ['base', 'memory', 'values', 'keyspace', 'protocol']],
  ['commands', ['base', 'values', 'keyspace', 'protocol', 'persistence/rdb', 'commands/contract']],
  // Memory for locks and mailboxes: it decides who holds which shard.
  // It is the host of scripts.
  [
    'engine',
    ['base', 'memory', 'values', 'keyspace', 'protocol', 'scripting', 'commands/contract'],
  ],
  ['journal', ['base', 'memory']],
  [
    'persistence',
    ['base', 'platform', 'memory', 'structures', 'values', 'keyspace', 'protocol', 'journal'],
  ],
  // Frames travel as they are, so it sees tables and keyspace; sockets stay outside.
  [
    'replication',
    // persistence/rdb: what a Redis gets that follows.
    [
      ...['base', 'memory', 'structures', 'keyspace', 'protocol', 'journal', 'persistence'],
      'persistence/rdb',
    ],
  ],
  ['net', ['base', 'platform', 'memory', 'protocol']],
];

/** Wires everything, so it may import everything below; nothing may import it. */
export const TOP_LAYER = 'server';

/**
 * Within server/ a folder says which thread its code belongs to. The threads meet in channel/, which
 * holds every message between them, and never import each other.
 */
export const SERVER_LAYERS: readonly (readonly [folder: string, imports: readonly string[]])[] = [
  ['server/config', []],
  ['server/channel', []],
  ['server/info', ['server/channel']],
  // A client of other servers, in a process of its own.
  ['server/compare', []],
  ['server/io-thread', ['server/config', 'server/channel', 'server/info']],
  ['server/flow-thread', ['server/config', 'server/channel']],
  ['server/tls-thread', ['server/config', 'server/channel']],
  ['server/main-thread', ['server/config', 'server/channel', 'server/info']],
  // The thread of a program that has a server within its process.
  ['server/embedding', ['server/channel']],
];

/** Files above 600 lines, each with the reason why it is not split. */
export const LARGE_FILES: Readonly<Record<string, string>> = {};

/**
 * Who may import `src/values/<type>/type.ts` or `kinds.ts`, which name the kinds of a type: the type's own files
 * and commands. Everybody else asks the registry, src/keyspace/types.ts.
 */
export const TYPE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  // Positions are scores of sorted sets.
  'sorted-set': ['src/values/sorted-set/', 'src/commands/sorted-set/', 'src/commands/geo/'],
  hash: ['src/values/hash/', 'src/commands/hash/'],
  list: ['src/values/list/', 'src/commands/list/'],
  // Sets are sources of unions of sorted sets.
  set: ['src/values/set/', 'src/commands/set/', 'src/commands/sorted-set/lib/set-source.ts'],
  // HyperLogLogs are strings.
  string: [
    'src/values/string/',
    'src/commands/string/',
    'src/commands/bitmap/',
    'src/commands/hyperloglog/',
    // A type made for tests begins as a copy of this one.
    'src/keyspace/testing-bag.ts',
  ],
};

/** Files of commands that build an effect of their own (Mutation.custom), each with the reason. */
export const CUSTOM_EFFECTS: Readonly<Record<string, string>> = {
  'src/commands/generic/restore.ts': 'a RESTORE that replaces, with an absolute time',
  'src/commands/stream/lib/group.ts': 'a read or a claim made the consumer: XGROUP CREATECONSUMER',
  'src/commands/stream/lib/trim.ts':
    'how much ~ removes depends on blocks: the first id that is left',
  'src/commands/stream/xadd.ts': 'the id is chosen, and trimming is an effect of its own',
  'src/commands/stream/xgroup.ts': 'the id of $ is written out',
  'src/commands/hash/lib/store.ts':
    'the outcome of HINCRBYFLOAT, and of commands on fields that have expired: HSET, HSETEX',
  'src/commands/hash/lib/times.ts':
    'times are absolute, conditions are decided, and fields whose time is past are removed',
  'src/commands/hash/hsetex.ts': 'the time is absolute and the condition decided: HSETEX, HSET',
  'src/commands/hyperloglog/pfcount.ts':
    'PFCOUNT is no write that a replica would replay; it changed eight bytes: SETRANGE',
  'src/commands/list/lib/move.ts': 'LMOVE, also within one list, is a push and a pop',
  'src/commands/list/ltrim.ts': 'LTRIM is a pop at each end, which a list shipped in parts follows',
  'src/commands/list/lib/pop.ts':
    'LMPOP and LMOVE choose the key, waiting clients have no vector: a pop',
  'src/commands/set/smove.ts': 'SMOVE has two keys: a member leaves one, SREM, and joins one, SADD',
  'src/commands/set/spop.ts': 'SPOP chooses by chance: SREM of the members chosen',
  'src/commands/sorted-set/lib/add.ts': 'a listpack has no -0: the scores as they were stored',
  'src/commands/sorted-set/lib/remove-ranks.ts':
    'ranks are no ranks of a set that is shipped in part: ZREM of the members, if they are few',
};
