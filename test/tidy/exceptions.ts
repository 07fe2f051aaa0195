/**
 * What the rules of usage.ts and prose.ts let pass, each with its reason. A rule complains about an
 * exception that is no longer needed.
 */

/**
 * Files, folders (ending in a slash) and single names (`file.ts#name`) of src/ whose
 * exports and methods only tests use so far.
 */
export const TEST_ONLY: Readonly<Record<string, string>> = {
  'src/memory/space.ts#reservedOffset': 'no subject reserves pages of its shards yet',
  'src/memory/space-layout.ts': 'figures of its drawing, which a test derives again',
  'src/protocol/errors.ts': 'the one table of error texts, compared with Redis; more commands come',
  'src/server/compare/main.ts#compareServers': 'bin/darter calls it',
  'src/server/embedding/darter.ts#start': "the package's public interface: programs call it",
  'src/server/main-thread/main.ts#main': 'bin/darter calls it',
  'src/structures/packed/': 'the commands of collections are not there yet',
};

/** Command names in code of no command: the names (`*`: any), and why the file has them. */
export const COMMAND_NAMES: Readonly<Record<string, readonly [names: string, reason: string]>> = {
  'src/base/log.ts': ['debug', 'a level of the log'],
  'src/engine/acl/acl-log.ts': ['auth command multi', "what ACL LOG's entries say, as in Redis"],
  'src/engine/acl/describe.ts': ['client', 'who reads the description'],
  'src/engine/acl/user-file.ts': ['reset', 'a rule of ACL SETUSER'],
  'src/engine/acl/user.ts': ['reset', 'a rule of ACL SETUSER'],
  'src/engine/categories.ts': ['pubsub readonly set', 'ACL categories, and the flag of one'],
  'src/engine/definitions.ts': ['object', 'what typeof answers'],
  'src/engine/registry.ts': ['readonly', 'a flag of commands'],
  'src/engine/scripts/function-calls.ts': ['function', 'a kind of what runs'],
  'src/engine/scripts/functions.ts': ['append', 'a policy of FUNCTION RESTORE'],
  'src/engine/scripts/library.ts': ['function', 'what typeof answers'],
  'src/engine/scripts/lua-to-reply.ts': ['set', 'a type of replies'],
  'src/engine/scripts/reply-to-lua.ts': ['set', 'a type of replies'],
  'src/engine/scripts/runner.ts': ['script', 'a kind of what runs'],
  'src/engine/scripts/script-run.ts': ['function script', 'the kinds of what runs'],
  'src/engine/scripts/scripts.ts': ['function script', 'the kinds of what runs'],
  'src/values/native-parts.ts': ['darter', 'the effect that brings a part of a value'],
  'src/keyspace/effect-verbs.ts': [
    'flushdb persist swapdb',
    'the verbs of effects that no value of its own emits',
  ],
  'src/keyspace/events.ts': ['*', 'names of keyspace events, as clients subscribe to them'],
  'src/keyspace/types.ts': ['set', 'the name of a type, as TYPE answers it'],
  'src/platform/portable/net.ts': ['object', 'what typeof answers'],
  'src/replication/redis/command-encoder.ts': [
    'exec function multi select',
    'the commands around effects in the stream for a Redis',
  ],
  'src/replication/redis/handshake.ts': [
    'auth darter ping psync replconf sync wait',
    'the dialogue with a primary, and its steps',
  ],
  'src/replication/redis/replica-input.ts': ['replconf', 'what a replica says on its link'],
  'src/replication/redis/link-state.ts': ['sync', 'a step of the link'],
  'src/replication/replica/replica-state.ts': ['sync', 'a step of the link'],
  'src/replication/roles/take-over.ts': ['asking', 'a state of a takeover'],
  'src/values/hash/type.ts': [
    'hdel hpexpireat hset',
    'the commands that rebuild a hash, and that remove expired fields',
  ],
  'src/values/list/effects.ts': ['rpush', 'the commands that rebuild a list'],
  'src/values/rebuilding.ts': ['del pexpireat', 'the commands around the elements of a collection'],
  'src/values/set/type.ts': ['sadd set', 'the commands that rebuild a set; its name'],
  'src/values/sorted-set/native-parts.ts': [
    'zadd zrem',
    'the commands beside parts of a sorted set',
  ],
  'src/values/sorted-set/type.ts': ['zadd', 'the commands that rebuild a sorted set'],
  'src/values/stream/effects.ts': [
    'time xadd xclaim xdel xgroup xsetid xtrim',
    'the commands that rebuild a stream, and an option of one',
  ],
  'src/values/string/type.ts': ['set', 'the command that rebuilds a string'],
};
