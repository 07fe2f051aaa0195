/**
 * Publish and subscribe, as one thread takes part in it.
 *
 *     SUBSCRIBE   the client joins a list of this thread (subscriber-lists.ts), and the directory that
 *                 all threads share counts it (directory.ts)
 *     PUBLISH     the directory tells the number of subscribers and the lists of all threads
 *                   ├─ lists of this thread: delivered at once (delivery.ts)
 *                   └─ lists of others: one message to each thread, which delivers it
 *
 * A client that has subscriptions stays with its thread.
 */
import { newRegion } from '../../base/owned-region.js';
import { copyBytes, type Region, toBinary } from '../../base/region.js';
import { matchesPattern } from '../../commands/contract/pattern.js';
import {
  CHANNEL,
  MONITOR,
  type NameKind,
  PATTERN,
  type PubSubPort,
  SHARD_CHANNEL,
} from '../../commands/contract/pubsub-port.js';
import { NAMES_END } from '../../keyspace/name-tables.js';
import type { Arguments } from '../../protocol/parser.js';
import type { Reply } from '../../protocol/reply.js';
import type { ClientSession } from '../session.js';
import { ClientSubscriptions } from './client-subscriptions.js';
import { Delivery, type PushOutput } from './delivery.js';
import type { SubscriptionDirectory } from './directory.js';
import { ByteRange } from './message.js';
import { Publisher } from './publisher.js';
import { SubscriberLists } from './subscriber-lists.js';

/** The kinds of names, and of subscriptions that `leave` ends. */
const KINDS: readonly NameKind[] = [CHANNEL, PATTERN, SHARD_CHANNEL, MONITOR];
/** Parts of the directory that PUBSUB CHANNELS looks at under one lock. */
const SCANNED_AT_ONCE = 64;
/** Classes of client-output-buffer-limit, as net/runner.ts has them. */
const OUTPUT_NORMAL = 0;
const OUTPUT_PUBSUB = 1;

export interface PubSubParts {
  readonly thread: number;
  readonly threads: number;
  readonly directory: SubscriptionDirectory;
  readonly output: PushOutput;
  /** The command under way, and the thread's reply. */
  readonly command: { readonly session: ClientSession; readonly args: Arguments };
  readonly reply: Reply;
  /** Sends a message to another thread, which calls `receive`. */
  readonly send: (thread: number, region: Region, length: number) => void;
  /** Passes a message on to the replicas. */
  readonly replicate: (kind: NameKind, channel: ByteRange, payload: ByteRange) => void;
  /** A client of this thread uses MONITOR from now on. */
  readonly monitored: () => void;
  /** Keyspace events that wait for their command to end. */
  readonly events: { readonly isPending: boolean; flush(): void };
}

export class PubSub implements PubSubPort {
  private readonly lists = new SubscriberLists();
  readonly publisher: Publisher;
  private readonly delivery: Delivery;
  private readonly channel: ByteRange;
  private readonly payload: ByteRange;
  /** An empty name. */
  private readonly nothing = newRegion(1);
  /** Of the latest subscription of this thread; wraps around. */
  private version = 0;

  constructor(private readonly parts: PubSubParts) {
    const { thread, threads, directory, output, command, reply, send } = parts;
    const delivery = new Delivery(thread, this.lists, output, command, reply);
    this.delivery = delivery;
    const deliver = (message: Region) => delivery.deliver(message, 0);
    this.publisher = new Publisher({ thread, threads, directory, send, deliver });
    this.channel = new ByteRange(command.args.region);
    this.payload = new ByteRange(command.args.region);
  }

  // --- subscribing --------------------------------------------------------------------------------

  subscribe(kind: NameKind, index: number): boolean {
    const { args, session } = this.parts.command;
    const offset = args.offset[index]!;
    const length = args.length[index]!;
    const name = toBinary(args.region, offset, length);
    if (session.subscriptions?.of(kind).has(name)) return true;
    if (!this.join(session, kind, args.region, offset, length)) return false;
    session.subscriptions ??= new ClientSubscriptions();
    session.subscriptions.of(kind).add(name);
    session.outputClass = OUTPUT_PUBSUB;
    return true;
  }

  watchCommands(): boolean {
    const { session } = this.parts.command;
    if (session.isMonitor) return false;
    if (!this.join(session, MONITOR, this.nothing, 0, 0)) throw new Error('no room for a monitor');
    session.subscriptions ??= new ClientSubscriptions();
    session.subscriptions.of(MONITOR).add('');
    this.parts.monitored();
    return true;
  }

  private join(
    session: ClientSession,
    kind: NameKind,
    region: Region,
    offset: number,
    length: number,
  ): boolean {
    const { directory } = this.parts;
    const version = (this.version + 1) | 0;
    directory.lock();
    let number = 0;
    try {
      number = directory.add(kind, region, offset, length, version, () =>
        this.lists.add(kind === PATTERN ? copyOf(region, offset, length) : null),
      );
    } finally {
      directory.unlock();
    }
    if (number < 0) return false;
    this.version = version;
    const list = this.lists.at(number)!;
    list.sessions.push(session);
    list.since.push(version);
    return true;
  }

  unsubscribe(kind: NameKind, index: number): void {
    const { args, session } = this.parts.command;
    const name = toBinary(args.region, args.offset[index]!, args.length[index]!);
    if (session.subscriptions?.of(kind).has(name)) this.part(session, kind, name);
  }

  unsubscribeAll(kind: NameKind, ended: (name: string) => void): void {
    const { session } = this.parts.command;
    for (const name of session.subscriptions?.of(kind) ?? []) {
      this.part(session, kind, name);
      ended(name);
    }
  }

  leave(): void {
    this.release(this.parts.command.session);
  }

  /** Ends all subscriptions of a client, who is gone. */
  release(session: ClientSession): void {
    const { subscriptions } = session;
    if (subscriptions === null) return;
    for (const kind of KINDS) {
      for (const name of subscriptions.of(kind)) this.part(session, kind, name);
    }
  }

  private part(session: ClientSession, kind: NameKind, name: string): void {
    const { directory } = this.parts;
    const bytes = bytesOf(name);
    directory.lock();
    let number = 0;
    try {
      number = directory.remove(kind, bytes, 0, name.length);
    } finally {
      directory.unlock();
    }
    this.lists.leave(number, session);
    const { subscriptions } = session;
    subscriptions!.of(kind).delete(name);
    if (subscriptions!.count > 0) return;
    session.outputClass = OUTPUT_NORMAL;
    if (!subscriptions!.isMonitor) session.subscriptions = null;
  }

  subscriptionsOf(kind: NameKind): number {
    return this.parts.command.session.subscriptions?.familyCount(kind) ?? 0;
  }

  // --- publishing ---------------------------------------------------------------------------------

  publish(kind: NameKind): number {
    const { command, replicate, events } = this.parts;
    const { region, offset, length } = command.args;
    // What the commands before it in a transaction have told comes first.
    if (events.isPending) events.flush();
    this.channel.set(region, offset[1]!, length[1]!);
    this.payload.set(region, offset[2]!, length[2]!);
    const subscribers = this.publisher.send(kind, this.channel, this.payload);
    replicate(kind, this.channel, this.payload);
    return subscribers;
  }

  /** A message of another thread (message.ts) for subscribers of this one. */
  receive(region: Region, offset: number): void {
    this.delivery.deliver(region, offset);
  }

  // --- asking -------------------------------------------------------------------------------------

  subscribers(kind: NameKind, index: number): number {
    const { args } = this.parts.command;
    const { directory } = this.parts;
    return directory.subscribers(kind, args.region, args.offset[index]!, args.length[index]!);
  }

  names(kind: NameKind): number {
    return this.parts.directory.count(kind);
  }

  list(kind: NameKind, index: number): Iterable<string> {
    const { directory, command } = this.parts;
    const { args } = command;
    const found = new Set<string>();
    const { names } = directory;
    const take = (): void => {
      const { region, nameOffset, nameLength } = names;
      if (index === 0 || matchesPattern(args, index, region, nameOffset, nameLength)) {
        found.add(toBinary(region, nameOffset, nameLength));
      }
    };
    for (let position = 0; position < NAMES_END && this.names(kind) > 0; ) {
      directory.lock();
      try {
        for (let i = 0; i < SCANNED_AT_ONCE && position < NAMES_END; i++) {
          position = names.scan(kind, position, take);
        }
      } finally {
        directory.unlock();
      }
    }
    return found;
  }
}

function copyOf(region: Region, offset: number, length: number): ByteRange {
  const copy = new ByteRange(newRegion(length));
  copyBytes(copy.region, 0, region, offset, length);
  copy.length = length;
  return copy;
}

function bytesOf(name: string): Region {
  const region = newRegion(name.length);
  for (let i = 0; i < name.length; i++) region.bytes[i] = name.charCodeAt(i);
  return region;
}
