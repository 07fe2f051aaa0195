/**
 * Users without rights on some keys, and every command there is: nothing of these keys is read or
 * written, whichever way a command comes. Values hold a mark that no reply may hold.
 */
import assert from 'node:assert/strict';
import type { CommandDefinition } from '../../../src/commands/contract/definition.js';
import { commandModules } from '../../../src/commands/index.generated.js';
import { definitionsOf } from '../../../src/engine/definitions.js';
import type { RawClient } from '../../support/client.js';
import type { Random } from '../../support/random.js';
import { isError, isList, type Reply, showReply, textOf } from '../../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../../support/server.js';
import { RandomCommand } from '../random-command.js';
import type { ServerRun, ServerTarget } from '../server-fuzz.js';

const MARK = 'S3CR3T';
const PASSWORD = 'password-of-the-administrator';
const COMMANDS_AT_ONCE = 40;
/** A client that has not logged in may send 10 arguments, those of EVAL among them. */
const STRANGERS_WORDS_MAX = 6;
const KINDS = ['string', 'list', 'set', 'hash', 'zset', 'stream', 'geo', 'hll', 'none'];
const LIBRARY =
  '#!lua name=probe\n' +
  "redis.register_function('probe', function(keys, args) return redis.pcall(unpack(args)) end)";
const SCRIPT = 'return redis.pcall(unpack(ARGV))';

/** What changes the connection or the fixture itself; all others are tried. */
const LEFT_OUT = new Set([
  ...['auth', 'hello', 'reset', 'quit', 'select', 'multi', 'exec', 'discard', 'client|reply'],
  ...['subscribe', 'psubscribe', 'ssubscribe', 'unsubscribe', 'punsubscribe', 'sunsubscribe'],
  ...['function|flush', 'function|delete', 'function|restore'],
]);
/** Administrators' commands would let a user give itself all rights, or end the server. */
const RULES = ['~m:*', '&m:*', '+@all', '-@admin', '-@dangerous', '+sort', '+sort_ro', '+keys'];
const MORE = ['+restore', '+migrate', '+info', '+role', '+object'];

const definitions = definitionsOf(commandModules).filter(
  (one): one is CommandDefinition => 'run' in one && !LEFT_OUT.has(one.name),
);

function keysOf(prefix: string): string[] {
  return KINDS.map((kind) => `${prefix}:${kind}`);
}

function filling(prefix: string, text: string): string[][] {
  const [string, list, set, hash, zset, stream, geo, hll] = keysOf(prefix) as string[];
  return [
    ['SET', string!, text],
    ['RPUSH', list!, text, `${text}2`],
    ['SADD', set!, text, `${text}2`],
    ['HSET', hash!, text, text, 'weight_1', text],
    ['ZADD', zset!, '1', text, '2', `${text}2`],
    ['XADD', stream!, '1-1', text, text],
    ['XGROUP', 'CREATE', stream!, 'group', '0'],
    ['GEOADD', geo!, '1', '1', text],
    ['PFADD', hll!, text],
  ];
}

type Way = 'direct' | 'transaction' | 'script' | 'function';
const WAYS: readonly Way[] = ['direct', 'direct', 'transaction', 'script', 'function'];

class Intruder implements ServerRun {
  private before: readonly string[] = [];

  private constructor(
    private readonly server: Server,
    private readonly admin: RawClient,
  ) {}

  static async start(): Promise<Intruder> {
    const server = await startDarter(testsDarter ? { threads: 2 } : {});
    const admin = await server.client();
    for (const words of [
      ...filling('s', MARK),
      ['ACL', 'SETUSER', 'some', 'on', '>p', ...RULES, ...MORE],
      ['ACL', 'SETUSER', 'nothing', 'on', '>p', '~*', '&*'],
      ['FUNCTION', 'LOAD', LIBRARY],
      ['CONFIG', 'SET', 'requirepass', PASSWORD],
    ]) {
      assert.ok(!isError(await admin.command(...words)), words.join(' '));
    }
    const made = new Intruder(server, admin);
    made.before = await made.secrets();
    return made;
  }

  /** The values that nobody may change. */
  private async secrets(): Promise<string[]> {
    const keys = keysOf('s');
    const dumps = await this.admin.pipeline([
      ...keys.map((key) => ['DUMP', key]),
      ...keys.map((key) => ['PTTL', key]),
    ]);
    return dumps.map(textOf);
  }

  async run(random: Random): Promise<void> {
    await this.admin.pipeline(filling('m', 'mine'));
    const client = await this.server.client();
    const who = random.pick(['some', 'some', 'some', 'nothing', 'stranger'] as const);
    if (who !== 'stranger') await client.text('AUTH', who, 'p');
    const commands = Array.from({ length: COMMANDS_AT_ONCE }, () => makeCommand(random));
    for (const words of commands) {
      if (who === 'stranger' && words.length > STRANGERS_WORDS_MAX) continue;
      const way = random.pick(WAYS);
      const reply = await send(client, way, words, random);
      const shown = () => `${who}, ${way}: ${JSON.stringify(words)}: ${showReply(reply)}`;
      assert.ok(!holdsMark(reply), shown());
      if (who !== 'some') assert.ok(isError(reply), shown());
      else if (await this.touches(words)) assert.ok(isDenied(reply, way), shown());
    }
    assert.ok(!client.pushes.some(holdsMark), 'a push message');
    await client.close();
    assert.deepEqual(await this.secrets(), this.before, JSON.stringify(commands));
  }

  /** Whether the server itself says that the command is about a key that is not the user's. */
  private async touches(words: readonly string[]): Promise<boolean> {
    const reply = await this.admin.command('COMMAND', 'GETKEYS', ...words);
    return isList(reply) && reply.items.some((key) => textOf(key).startsWith('s:'));
  }

  async check(): Promise<void> {
    const denied = await this.admin.command('ACL', 'LOG', '1');
    assert.ok(isList(denied) && denied.items.length > 0, 'nothing was denied: the test is no good');
  }

  async stop(): Promise<void> {
    await this.admin.close();
    await this.server.stop();
  }
}

function makeCommand(random: Random): string[] {
  const keys = [...keysOf('s'), ...keysOf('s'), ...keysOf('m')];
  const strings = [
    'a',
    '1',
    '*',
    'group',
    'm:*',
    's:*',
    'mine',
    '0-0',
    '>',
    '-',
    '+',
    '[a',
    'nosort',
  ];
  const words = {
    key: () => random.pick(keys),
    string: (name: string) => (name === 'script' ? SCRIPT : random.pick([...strings, ...keys])),
    pattern: () => random.pick(['s:*', '*', 'm:*', 's:hash->weight_*', 's:*->*', '#']),
  };
  const { name, arguments: specifications } = random.pick(definitions);
  return new RandomCommand(random, words).make(name, specifications ?? []);
}

/** @returns the reply of the command itself */
async function send(
  client: RawClient,
  way: Way,
  words: readonly string[],
  random: Random,
): Promise<Reply> {
  if (way === 'direct') return client.command(...words);
  if (way === 'transaction') {
    const replies = await client.pipeline([['MULTI'], words, ['EXEC'], ['DISCARD']]);
    const [, queued, executed] = replies as [Reply, Reply, Reply, Reply];
    if (isError(queued)) return queued;
    return isList(executed) ? (executed.items[0] ?? queued) : executed;
  }
  const called = way === 'script' ? ['EVAL', SCRIPT] : ['FCALL', 'probe'];
  // Declared or not: keys are looked at where they are used.
  const keys = random.chance(0.3) ? ['1', 'm:string'] : ['0'];
  return client.command(...called, ...keys, ...words);
}

function holdsMark(reply: Reply): boolean {
  return isList(reply) ? reply.items.some(holdsMark) : reply.text.includes(MARK);
}

/** Refused for its rights, or wrong in itself: not run. */
function isDenied(reply: Reply, way: Way): boolean {
  if (!isError(reply)) return false;
  return way === 'direct' ? /^(?:NOPERM|ERR) /.test(reply.text) : true;
}

export const target: ServerTarget = {
  name: 'no-way-in',
  summary:
    'Every command, sent as it is, in a transaction, a script and a function, by users without the ' +
    'right and by clients without a user, reads nothing and writes nothing of keys that are not theirs.',
  testInputs: 6,
  missing: darterMissing,
  start: () => Intruder.start(),
};
