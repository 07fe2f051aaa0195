/**
 * For the unit tests of commands: a real keyspace over small real shards, and `run`, which does what
 * the dispatcher does around a command, without threads, locks and sockets.
 *
 * Replies come back as JS values in test-decoder.ts's notation.
 */
import assert from 'node:assert/strict';
import { Region, toBinary } from '../../base/region.js';
import { type AnyDefinition, isContainer, Registry } from '../../engine/registry.js';
import { type EffectSink, VECTOR_HEADER_BYTES } from '../../keyspace/effects.js';
import { EVENT_KEY_MISS, EVENT_NEW } from '../../keyspace/events.js';
import { Keyspace, StoreFullError } from '../../keyspace/keyspace.js';
import { formatShard, Shards } from '../../keyspace/shards.js';
import type { TypeRegistry } from '../../keyspace/types.js';
import { shardFull, wrongArity } from '../../protocol/errors.js';
import { Arguments } from '../../protocol/parser.js';
import { Reply } from '../../protocol/reply.js';
import { HashState } from '../../structures/hash.js';
import type { Context } from './context.js';
import type { CommandDefinition } from './definition.js';
import type { ServerPort } from './server-port.js';
import type { Session } from './session.js';
import { CommandSettings } from './settings.js';
import { type Decoded, ReplyDecoder } from './test-decoder.js';

export type { Decoded } from './test-decoder.js';

export type Word = string | number | bigint;
export interface TesterOptions {
  readonly shards?: number;
  readonly databases?: number;
  readonly shardBytes?: number;
  /** Types of values, when not those of the database. */
  readonly types?: TypeRegistry;
  /** What commands off the data path call; anything not given throws when used. */
  readonly server?: Partial<ServerPort>;
}

/** One key as `dump` shows it. */
export interface DumpedKey {
  readonly kind: number;
  readonly expiry: number;
  readonly value: string;
}

/** With it the keys a, b, c and d lie in different shards of four. */
const HASH_KEY = { key0: 1, key1: 6, spread: 8 };
const SHARD_BYTES = 64 * 1024 * 1024;
export const START_MS = 1_700_000_000_000;

/** Nothing changes a registry, and to make one of all commands takes longer than most tests. */
const registries = new WeakMap<readonly AnyDefinition[], Registry>();

function registryOf(definitions: readonly AnyDefinition[]): Registry {
  const known = registries.get(definitions);
  if (known !== undefined) return known;
  const registry = new Registry(definitions);
  registries.set(definitions, registry);
  return registry;
}

export class CommandTester {
  readonly keys: Keyspace;
  readonly registry: Registry;
  readonly session = testSession();
  /** Effects in the order they were emitted, as 'database COMMAND argument ...'. */
  readonly effects: string[] = [];
  /** The same, ready to be run again: database first. */
  readonly effectVectors: { database: number; words: string[]; keyless: boolean }[] = [];
  /** Keyspace events as 'event key', while `listening`. */
  readonly events: string[] = [];
  /** What `context.now` and `keys.now` say. */
  now = START_MS;
  /** What `context.settings` says. */
  readonly settings = new CommandSettings();
  /** Changes the last command counted. */
  changes = 0;
  private readonly args = new Arguments();
  private readonly hash = new HashState();
  private readonly reply = new Reply(new Region(new SharedArrayBuffer(4096), 0));
  private readonly context: Context;

  constructor(definitions: readonly AnyDefinition[], options: TesterOptions = {}) {
    const databases = options.databases ?? 4;
    const counters = new Int32Array(new SharedArrayBuffer(64));
    const regions: Region[] = [];
    for (let i = 0; i < (options.shards ?? 4); i++) {
      const region = new Region(new SharedArrayBuffer(options.shardBytes ?? SHARD_BYTES), 0);
      formatShard(region, databases, counters, 0, HASH_KEY);
      regions.push(region);
    }
    this.keys = new Keyspace(new Shards(regions, databases, counters, 0, 0), options.types);
    this.keys.effects.sink = this.sink();
    this.registry = registryOf(definitions);
    this.context = this.newContext(options.server ?? {});
  }

  /** Runs a command and decodes its reply. Checks that it wrote exactly one. */
  run(...words: Word[]): Decoded {
    const raw = this.runRaw(...words);
    const decoder = new ReplyDecoder(raw);
    const decoded = decoder.next();
    assert.equal(decoder.position, raw.length, `one reply: ${JSON.stringify(raw.slice(0, 200))}`);
    return decoded;
  }

  /** The reply as it goes to the client. */
  runRaw(...words: Word[]): string {
    this.setArguments(words);
    this.reply.rewind(0);
    this.reply.protocol = this.session.protocol === 3 ? 3 : 2;
    this.keys.now = this.now;
    this.keys.database = this.session.database;
    this.keys.forget();
    this.call(words.map((word) => String(word)));
    this.changes = this.keys.changes;
    return toBinary(this.reply.region, this.reply.start, this.reply.length);
  }

  /** From now on `events` fills, but for keys that are created or missed. */
  listen(): void {
    this.keys.listener = (event, _database, region, offset, length) => {
      if (event === EVENT_NEW || event === EVENT_KEY_MISS) return;
      this.events.push(`${event.name} ${toBinary(region, offset, length)}`);
    };
  }

  takeEvents(): string[] {
    return this.events.splice(0);
  }

  takeEffects(): string[] {
    this.effectVectors.length = 0;
    return this.effects.splice(0);
  }

  /** Every key of every database with all that is stored about it, in a fixed order. */
  dump(): Map<string, DumpedKey> {
    const found = new Map<string, DumpedKey>();
    const shards = this.keys.shards;
    for (let shard = 0; shard < shards.count; shard++) {
      for (let database = 0; database < shards.databases; database++) {
        const table = shards.table(shard, database);
        for (let position = 0; position < 2 ** 32; ) {
          position = table.scan(position);
          for (let i = 0; i < table.scanCount; i++) {
            table.decode(table.scanOffsets[i]!);
            const { kind, expiry } = table;
            const key = toBinary(table.region, table.keyOffset, table.keyLength);
            const value = toBinary(table.region, table.valueOffset, table.valueLength);
            found.set(`${database} ${key}`, { kind, expiry, value });
          }
        }
      }
    }
    return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Checks every invariant of every table. */
  check(): void {
    const shards = this.keys.shards;
    for (let shard = 0; shard < shards.count; shard++) {
      for (let database = 0; database < shards.databases; database++) {
        shards.table(shard, database).check();
      }
    }
  }

  private call(words: string[]): void {
    const command = this.find(words);
    const { arity } = command;
    if (arity >= 0 ? words.length !== arity : words.length < -arity) {
      this.reply.error(wrongArity(command.name));
      return;
    }
    this.keys.beginCommand(command.flags.includes('write'));
    try {
      command.run(this.context);
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      assert.equal(this.keys.changes, 0, 'what found no room has changed nothing');
      this.reply.rewind(0);
      this.reply.errorText(shardFull(error.shard, error.shards, error.shardBytes));
    }
    if (this.keys.changes > 0) this.keys.settle();
  }

  private find(words: string[]): CommandDefinition {
    let command = this.registry.lookup(words[0]!.toLowerCase());
    if (command !== undefined && isContainer(command.definition)) {
      command = command.subcommands.get((words[1] ?? '').toLowerCase());
    }
    assert.ok(command !== undefined && !isContainer(command.definition), `command ${words[0]}`);
    return command.definition;
  }

  private setArguments(words: readonly Word[]): void {
    const texts = words.map(String);
    const bytes = texts.reduce((sum, text) => sum + text.length, 0);
    const region = new Region(new SharedArrayBuffer((bytes + 15) & ~7), 0);
    this.args.region = region;
    this.args.count = 0;
    let offset = 0;
    for (const text of texts) {
      for (let i = 0; i < text.length; i++) region.bytes[offset + i] = text.charCodeAt(i);
      this.args.push(offset, text.length);
      offset += text.length;
    }
  }

  private sink(): EffectSink {
    return {
      append: ({ shard, database, region, offset, length, h1, keyless }) => {
        const words = decodeVector(region, offset, length);
        const command = this.registry.lookup(words[0]!.toLowerCase());
        const hasSubcommand = command !== undefined && command.subcommands.size > 0;
        if (!keyless) this.assertHome(shard, h1, words[hasSubcommand ? 2 : 1]!);
        this.effects.push(`${database} ${words.join(' ')}`);
        this.effectVectors.push({ database, words, keyless });
      },
    };
  }

  /** An effect says where its key lies: in which shard, and where in the order of hashes. */
  private assertHome(shard: number, h1: number, name: string): void {
    const { shards } = this.keys;
    const key = new Region(new SharedArrayBuffer((name.length + 15) & ~7), 0);
    for (let i = 0; i < name.length; i++) key.bytes[i] = name.charCodeAt(i);
    const shardHash = shards.keyHash.hash(this.hash, key, 0, name.length);
    assert.equal(shard, shardHash & (shards.count - 1), `the shard of ${name}`);
    assert.equal(h1, this.hash.h1, `the hash of ${name}`);
  }

  private withShard(shard: number, work: () => void): void {
    this.keys.shards.lock(shard);
    try {
      work();
    } finally {
      this.keys.shards.unlock(shard);
    }
  }

  private newContext(server: Partial<ServerPort>): Context {
    const tester = this;
    return {
      args: this.args,
      reply: this.reply,
      session: this.session,
      keys: this.keys,
      settings: this.settings,
      registry: this.registry,
      inTransaction: false,
      inScript: false,
      isServed: false,
      block: () => assert.fail('this test has no clients that wait'),
      server: new Proxy(server as ServerPort, {
        get(target, name) {
          const port = Reflect.get(target, name) as unknown;
          assert.ok(port !== undefined, `the test gives no server.${String(name)}`);
          return port;
        },
      }),
      get now() {
        return tester.now;
      },
      text: (index) =>
        toBinary(this.args.region, this.args.offset[index]!, this.args.length[index]!),
      mayReadEveryKey: () => true,
      withShard: (shard, work) => this.withShard(shard, work),
      changeLater: (shard, work) => this.withShard(shard, work),
      runInside: () => assert.fail('commands inside others are not for unit tests'),
      // What is waited for is there before the command returns.
      suspend: () => ({ resume: (write) => write(this.context) }),
    };
  }
}

/** A client that has just connected, but for `changes`. */
export function testSession(changes: Partial<Session> = {}): Session {
  return {
    id: 1,
    database: 0,
    protocol: 2,
    authenticated: true,
    closeAfterReply: false,
    replyMode: 0,
    inMulti: false,
    multiAborted: false,
    isReplica: false,
    isSubscribed: false,
    name: '',
    user: 'default',
    libraryName: '',
    libraryVersion: '',
    noEvict: false,
    noTouch: false,
    tracking: null,
    createdMs: START_MS,
    lastInteractionMs: START_MS,
    address: '127.0.0.1:1',
    localAddress: '127.0.0.1:2',
    reset() {},
    ...changes,
  };
}

/** An effect's vector (keyspace/effects.ts) as words. */
function decodeVector(region: Region, offset: number, length: number): string[] {
  const words: string[] = [];
  const count = region.view.getUint32(offset, true);
  let at = offset + VECTOR_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const bytes = region.view.getUint32(at, true);
    words.push(toBinary(region, at + 4, bytes));
    at += 4 + bytes;
  }
  assert.equal(at, offset + length, 'an effect is exactly its words');
  return words;
}
