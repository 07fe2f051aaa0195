/** For tests of the engine: dispatchers over the same shards, as different threads have them. */
import { Region, toBinary } from '../base/region.js';
import type { CommandDefinition } from '../commands/contract/definition.js';
import type { ServerPort } from '../commands/contract/server-port.js';
import { checkShard } from '../keyspace/shard-check.js';
import { WORD_LOCK, WORD_ORDER_LOCK } from '../keyspace/shard-words.js';
import { formatShard, Shards } from '../keyspace/shards.js';
import { TYPES } from '../keyspace/types.js';
import { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { Dispatcher, type DispatcherHooks } from './dispatch.js';
import { Registry } from './registry.js';
import { ClientSession } from './session.js';
import { Transactions } from './transactions.js';

const SHARD_BYTES = 1 << 23;
const DATABASES = 2;
/** With it the keys a and b lie in different shards, as many tests need. */
const HASH_KEY = { key0: 1, key1: 6, spread: 8 };

/** What threads share. */
export interface SharedShards {
  readonly buffers: readonly SharedArrayBuffer[];
  readonly counters: Int32Array;
}

export function createShards(count: number): SharedShards {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const buffers = Array.from({ length: count }, () => {
    const buffer = new SharedArrayBuffer(SHARD_BYTES);
    formatShard(new Region(buffer, 0), DATABASES, counters, 0, HASH_KEY);
    return buffer;
  });
  return { buffers, counters };
}

export function openShards({ buffers, counters }: SharedShards, thread: number): Shards {
  const regions = buffers.map((buffer) => new Region(buffer, 0));
  return new Shards(regions, DATABASES, counters, 0, thread);
}

/** What a full sync begins with, for any hash key: empty shards, and another key. */
export function replaceData(shards: Shards, number: number): void {
  for (let shard = 0; shard < shards.count; shard++) shards.lock(shard);
  for (let shard = 0; shard < shards.count; shard++) {
    for (let database = 0; database < shards.databases; database++) {
      TYPES.clearTable(shards.table(shard, database));
    }
  }
  shards.changeHashKey({ key0: number * 7919, key1: ~number, spread: 1 << (number % 5) });
  for (let shard = 0; shard < shards.count; shard++) shards.unlock(shard);
}

/** Verifies all shards. @returns how many keys database 0 has */
export function checkAll(shards: Shards): number {
  let keys = 0;
  for (let shard = 0; shard < shards.count; shard++) {
    shards.lock(shard);
    checkShard(shards, shard);
    keys += shards.table(shard, 0).size;
    shards.unlock(shard);
  }
  return keys;
}

/** Which shards are locked, and as the last one (shards.count) the lock of the order. */
export function lockedShards(shards: Shards): number[] {
  const locked: number[] = [];
  shards.spaces.forEach(({ region }, shard) => {
    if (region.words[WORD_LOCK] !== 0) locked.push(shard);
  });
  if (shards.spaces[0]!.region.words[WORD_ORDER_LOCK] !== 0) locked.push(shards.count);
  return locked;
}

/** One thread's engine with clients 0, 1, 2 ... */
export class TestEngine {
  readonly shards: Shards;
  readonly dispatcher: Dispatcher;
  readonly sessions: ClientSession[];
  readonly failures: unknown[] = [];
  readonly reply = new Reply(new Region(new SharedArrayBuffer(4096), 0));

  constructor(
    shared: SharedShards,
    thread: number,
    definitions: readonly CommandDefinition[],
    clients = 1,
    hooks: Partial<DispatcherHooks> = {},
  ) {
    this.shards = openShards(shared, thread);
    this.sessions = Array.from(
      { length: clients },
      (_, id) => new ClientSession(id, id, '', '', 0, () => true),
    );
    const registry = new Registry([...definitions]);
    const zeroes = () => new Float64Array(registry.all.length);
    this.dispatcher = new Dispatcher(
      registry,
      this.shards,
      this.reply,
      {
        calls: zeroes(),
        microseconds: zeroes(),
        rejected: zeroes(),
        failed: zeroes(),
        timeEverything: false,
        errorReply() {},
        timed() {},
      },
      {
        failed: (_, error) => this.failures.push(error),
        attacked() {},
        waiting() {},
        resumed() {},
        ...hooks,
      },
      this.sessions[0]!,
    );
    const server: Partial<ServerPort> = { transactions: new Transactions(this.dispatcher) };
    this.dispatcher.server = server as ServerPort;
    this.turn();
  }

  turn(): void {
    this.dispatcher.beginTurn(1_700_000_000_000, 0);
  }

  /** Dispatches a command once. @returns one of base/outcome.ts */
  dispatch(client: number, command: string): number {
    this.reply.rewind(0);
    return this.dispatcher.dispatch(this.sessions[client]!, vector(command.split(' ')));
  }

  /** What the last command answered, as it goes over the wire. */
  get answer(): string {
    const { region, start, length } = this.reply;
    return toBinary(region, start, length);
  }
}

export function vector(words: readonly string[]): Arguments {
  const args = new Arguments();
  const text = words.join('');
  args.region = new Region(new SharedArrayBuffer((text.length + 15) & ~7), 0);
  args.region.bytes.set(Buffer.from(text));
  args.count = 0;
  let offset = 0;
  for (const word of words) {
    args.push(offset, word.length);
    offset += word.length;
  }
  return args;
}
