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
import {
  CHANNEL,
  type NameKind,
  PATTERN,
  type PubSubPort,
  SHARD_CHANNEL,
} from '../../commands/contract/pubsub-port.js';
import { matchesPattern } from '../../commands/contract/pattern.js';
import { NAMES_END } from '../../keyspace/name-tables.js';
import type { Arguments } from '../../protocol/parser.js';
import type { Reply } from '../../protocol/reply.js';
import type { ClientSession } from '../session.js';
import { ClientSubscriptions } from './client-subscriptions.js';
import { Delivery, type PushOutput } from './delivery.js';
import { ENTRY_BYTES, type SubscriptionDirectory } from './directory.js';
import { ByteRange, OutgoingMessage } from './message.js';
import { PatternCopy } from './pattern-copy.js';
import { SubscriberLists } from './subscriber-lists.js';

/** The kinds of names, and of subscriptions that `leave` ends. */
const KINDS: readonly NameKind[] = [CHANNEL, PATTERN, SHARD_CHANNEL];
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
    if (session.subscriptions?.of(kind).has(name)) return true;
    if (!this.join(session, kind, args.region, offset, length)) return false;
    session.subscriptions ??= new ClientSubscriptions();
    session.subscriptions.of(kind).add(name);
    session.outputClass = OUTPUT_PUBSUB;
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
    session.subscriptions = null;
    session.outputClass = OUTPUT_NORMAL;
  }

  subscriptionsOf(kind: NameKind): number {
    return this.parts.command.session.subscriptions?.familyCount(kind) ?? 0;
  }

  get isSubscribed(): boolean {
    return this.parts.command.session.subscriptions !== null;
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
    const { directory, thread } = this.parts;
    const { message, patterns } = this;
    message.begin(kind);
    // Who subscribes later has a later version; who has left before is in no list any more.
    directory.lock();
    try {
      this.addName(kind, channel);
      if (kind === CHANNEL) {
        if (!patterns.isCurrent) patterns.renew();
        patterns.match(channel, message);
      }
      if (message.lists === 0) return 0;
      message.end(channel, payload);
      this.sendToOthers();
    } finally {
      directory.unlock();
    }
    if (message.threads[thread] !== 0) this.delivery.deliver(message.region, 0);
    return message.subscribers;
  }

  private addName(kind: NameKind, { region, offset, length }: ByteRange): void {
    const { directory } = this.parts;
    if (!directory.find(kind, region, offset, length)) return;
    const { names } = directory;
    const end = names.valueOffset + names.valueLength;
    for (let at = names.valueOffset; at < end; at += ENTRY_BYTES) {
      this.message.addList(names.region, at);
    }
  }

  private sendToOthers(): void {
    const { thread, send } = this.parts;
    const { threads, region, length } = this.message;
    for (let other = 0; other < threads.length; other++) {
      if (threads[other] !== 0 && other !== thread) send(other, region, length);
    }
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
