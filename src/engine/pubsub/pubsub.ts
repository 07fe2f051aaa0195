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
import { type Region, toBinary } from '../../base/region.js';
import type { ArgumentVector } from '../../base/arguments.js';
import {
  CHANNEL,
  type NameKind,
  PATTERN,
  type PubSubPort,
  SHARD_CHANNEL,
} from '../../commands/contract/pubsub-port.js';
import { NAMES_END } from '../../keyspace/name-tables.js';
import { matchGlob } from '../../protocol/glob.js';
import type { Reply } from '../../protocol/reply.js';
import type { ClientSession } from '../session.js';
import { ClientSubscriptions } from './client-subscriptions.js';
import { Delivery, type PushOutput } from './delivery.js';
import { ENTRY_BYTES, ENTRY_SUBSCRIBERS, type SubscriptionDirectory } from './directory.js';
import { ByteRange, OutgoingMessage } from './message.js';
import { PatternCopy } from './pattern-copy.js';
import { SubscriberLists } from './subscriber-lists.js';

/** The kinds of names, and of subscriptions that `leave` ends. */
const KINDS: readonly NameKind[] = [CHANNEL, PATTERN, SHARD_CHANNEL];
/** How often PUBLISH matches without the lock while the patterns change, before it does so under it. */
const UNLOCKED_TRIES = 2;

export interface PubSubParts {
  readonly thread: number;
  readonly threads: number;
  readonly directory: SubscriptionDirectory;
  readonly output: PushOutput;
  /** The command under way, and the thread's reply. */
  readonly command: { readonly session: ClientSession; readonly args: ArgumentVector };
  readonly reply: Reply;
  /** Sends a message to another thread, which calls `receive`. */
  readonly send: (thread: number, region: Region, length: number) => void;
}

export class PubSub implements PubSubPort {
  private readonly lists = new SubscriberLists();
  private readonly patterns: PatternCopy;
  private readonly delivery: Delivery;
  private readonly message: OutgoingMessage;
  private readonly channel: ByteRange;
  private readonly payload: ByteRange;
  /** Of the latest subscription of this thread; wraps around. */
  private version = 0;

  constructor(private readonly parts: PubSubParts) {
    const { thread, threads, directory, output, command, reply } = parts;
    this.patterns = new PatternCopy(directory);
    this.delivery = new Delivery(thread, this.lists, output, command, reply);
    this.message = new OutgoingMessage(threads);
    this.channel = new ByteRange(this.message.region);
    this.payload = new ByteRange(this.message.region);
  }

  // --- subscribing --------------------------------------------------------------------------------

  subscribe(kind: NameKind, index: number): boolean {
    const { args, session } = this.parts.command;
    const offset = args.offset[index]!;
    const length = args.length[index]!;
    const name = toBinary(args.region, offset, length);
    session.subscriptions ??= new ClientSubscriptions();
    const names = session.subscriptions.of(kind);
    if (names.has(name)) return true;
    if (!this.join(session, kind, args.region, offset, length)) return false;
    names.add(name);
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
    session.subscriptions = null;
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
    session.subscriptions!.of(kind).delete(name);
  }

  subscriptionsOf(kind: NameKind): number {
    return this.parts.command.session.subscriptions?.familyCount(kind) ?? 0;
  }

  get isSubscribed(): boolean {
    return this.parts.command.session.isSubscribed;
  }

  // --- publishing ---------------------------------------------------------------------------------

  publish(kind: NameKind): number {
    const { directory, command } = this.parts;
    if (directory.count(kind) === 0 && (kind !== CHANNEL || directory.count(PATTERN) === 0)) {
      return 0;
    }
    const { region, offset, length } = command.args;
    this.channel.set(region, offset[1]!, length[1]!);
    this.payload.set(region, offset[2]!, length[2]!);
    return this.send(kind, this.channel, this.payload);
  }

  /** Sends a message to all subscribers. @returns how many there are */
  send(kind: NameKind, channel: ByteRange, payload: ByteRange): number {
    const { directory } = this.parts;
    const { message } = this;
    for (let tries = 0; ; tries++) {
      const mayWait = tries >= UNLOCKED_TRIES;
      if (kind === CHANNEL && !mayWait) this.renewPatterns();
      directory.lock();
      try {
        if (kind === CHANNEL && !this.patterns.isCurrent) {
          if (!mayWait) continue;
          this.patterns.renew();
        }
        this.address(kind, channel);
        if (message.lists === 0) return 0;
        message.end(channel, payload);
        // Under the lock: who subscribes later has a later version, who leaves has left before.
        this.sendToThreads();
        break;
      } finally {
        directory.unlock();
      }
    }
    if (message.threads[this.parts.thread] !== 0) this.delivery.deliver(message.region, 0);
    return message.subscribers;
  }
}
