/**
 * Publishing, as any thread can do it: also one that serves no clients. The directory tells the lists
 * of all threads that have subscribers, and each of these threads gets the message once.
 */
import type { Region } from '../../base/region.js';
import { CHANNEL, type NameKind, PATTERN } from '../../commands/contract/pubsub-port.js';
import { ENTRY_BYTES, type SubscriptionDirectory } from './directory.js';
import { type ByteRange, OutgoingMessage } from './message.js';
import { PatternCopy } from './pattern-copy.js';

export interface PublisherParts {
  /** This thread's number. Only those below `threads` have subscribers. */
  readonly thread: number;
  readonly threads: number;
  readonly directory: SubscriptionDirectory;
  /** Sends a message to another thread, which calls `receive` of its PubSub. */
  readonly send: (thread: number, region: Region, length: number) => void;
  /** Delivers a message to this thread's own subscribers. */
  readonly deliver: (region: Region) => void;
}

export class Publisher {
  private readonly patterns: PatternCopy;
  private readonly message: OutgoingMessage;

  constructor(private readonly parts: PublisherParts) {
    this.patterns = new PatternCopy(parts.directory);
    this.message = new OutgoingMessage(parts.threads);
  }

  /** Whether anybody may be subscribed to a channel of a kind. Without a lock. */
  hasListeners(kind: NameKind): boolean {
    const { directory } = this.parts;
    return directory.count(kind) !== 0 || (kind === CHANNEL && directory.count(PATTERN) !== 0);
  }

  /** Sends a message to all subscribers. @returns how many there are */
  send(kind: NameKind, channel: ByteRange, payload: ByteRange): number {
    if (!this.hasListeners(kind)) return 0;
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
    if (thread < message.threads.length && message.threads[thread] !== 0) {
      this.parts.deliver(message.bytes.region);
    }
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
    const { threads, bytes } = this.message;
    for (let other = 0; other < threads.length; other++) {
      if (threads[other] !== 0 && other !== thread) send(other, bytes.region, bytes.used);
    }
  }
}
