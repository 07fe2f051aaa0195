/**
 * Tells the threads which keys of their clients' caches have changed (keyspace/invalidations.ts). Each
 * thread that writes has one: I/O threads, and flow threads that follow a primary. No lock is held.
 *
 *     MESSAGE_INVALIDATED   f64 client that changed it | u32 items | items (tracked-keys.ts) | key
 *     MESSAGE_BROADCAST     a batch, as invalidations.ts has it
 *     MESSAGE_FORGOTTEN     nothing
 *
 * A mailbox that is too full for a message gets MESSAGE_FORGOTTEN at the end of the turn: its clients
 * drop their caches, so that none keeps a value that is not true.
 */
import type { Region } from '../../base/region.js';
import { type Invalidations, PENDING_HEADER_BYTES } from '../../keyspace/invalidations.js';
import { ITEM_BYTES, itemThread } from '../../keyspace/tracked-keys.js';
import type { SharedWord } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import { MESSAGE_BROADCAST, MESSAGE_FORGOTTEN, MESSAGE_INVALIDATED } from '../message-kinds.js';

/** Keys with a prefix that has clients are told at the end of a turn, or when they are so many bytes. */
const BATCHED_BYTES_MAX = 1 << 20;

/** The clients of this thread. */
export interface LocalCaches {
  invalidate(
    author: number,
    region: Region,
    items: number,
    count: number,
    key: number,
    length: number,
  ): void;
  broadcastOwn(region: Region, length: number): void;
  forget(): void;
}

export interface InvalidationParts {
  readonly thread: number;
  readonly invalidations: Invalidations;
  readonly mailbox: Mailbox;
  /** TRACKING_CLIENTS */
  readonly clients: SharedWord;
  /** Null on a thread without clients. */
  readonly local: LocalCaches | null;
}

export class InvalidationSender {
  /** By thread: it has missed a message. */
  private readonly hasMissed: boolean[];

  constructor(private readonly parts: InvalidationParts) {
    this.hasMissed = new Array<boolean>(parts.mailbox.receivers).fill(false);
  }

  /** After a command: tells of tracked keys. */
  flush(): void {
    const { invalidations } = this.parts;
    const { pending } = invalidations;
    for (let at = 0; at < pending.used; ) at = this.tell(pending.region, at);
    invalidations.clearPending();
    if (invalidations.batchedBytes > BATCHED_BYTES_MAX) this.flushBatches();
  }

  /** @returns where the next record begins */
  private tell(region: Region, at: number): number {
    const { thread, local } = this.parts;
    const author = region.view.getFloat64(at, true);
    const bytes = region.view.getInt32(at + 8, true);
    if (bytes === 0) {
      this.forget();
      return at + PENDING_HEADER_BYTES;
    }
    const length = region.view.getInt32(at + 12, true);
    const items = at + PENDING_HEADER_BYTES;
    const key = items + bytes;
    local?.invalidate(author, region, items, bytes / ITEM_BYTES, key, length);
    for (let other = 0; other < this.hasMissed.length; other++) {
      if (other !== thread) this.tellThread(other, author, region, items, key, length);
    }
    return key + length;
  }

  private tellThread(
    thread: number,
    author: number,
    region: Region,
    items: number,
    key: number,
    length: number,
  ): void {
    let count = 0;
    for (let at = items; at < key; at += ITEM_BYTES) {
      if (itemThread(region, at) === thread) count++;
    }
    if (count === 0) return;
    const { mailbox } = this.parts;
    mailbox.begin(MESSAGE_INVALIDATED);
    mailbox.putNumber(author);
    mailbox.putWord(count);
    for (let at = items; at < key; at += ITEM_BYTES) {
      if (itemThread(region, at) === thread) mailbox.put(region, at, ITEM_BYTES);
    }
    mailbox.put(region, key, length);
    if (!mailbox.sendTo(thread)) this.hasMissed[thread] = true;
  }

  private forget(): void {
    const { thread, local, clients } = this.parts;
    if (clients.load() === 0) return;
    local?.forget();
    for (let other = 0; other < this.hasMissed.length; other++) {
      if (other !== thread) this.sendForgotten(other);
    }
  }

  private sendForgotten(thread: number): void {
    const { mailbox } = this.parts;
    mailbox.begin(MESSAGE_FORGOTTEN);
    mailbox.sendAlwaysTo(thread);
  }

  /** At the end of a turn: tells of keys with prefixes, and makes up for messages without room. */
  endTurn(): void {
    if (this.parts.invalidations.isPending) this.flush();
    if (this.parts.invalidations.batchedBytes > 0) this.flushBatches();
    for (let other = 0; other < this.hasMissed.length; other++) {
      if (!this.hasMissed[other]) continue;
      this.hasMissed[other] = false;
      this.sendForgotten(other);
    }
  }

  private flushBatches(): void {
    const { thread, local, mailbox, invalidations } = this.parts;
    const { batches } = invalidations;
    invalidations.batchedBytes = 0;
    for (let other = 0; other < batches.length; other++) {
      const batch = batches[other];
      if (batch === undefined || batch.used === 0) continue;
      if (other === thread && local !== null) local.broadcastOwn(batch.region, batch.used);
      else if (!mailbox.send(other, MESSAGE_BROADCAST, batch.region, 0, batch.used)) {
        this.hasMissed[other] = true;
      }
      batch.clear();
    }
  }
}
