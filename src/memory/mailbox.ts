/**
 * Mailboxes: messages between threads as bytes in shared memory. Each pair of a sender and a
 * receiver has a ring of its own (mailbox-layout.ts), so that a message takes no lock, and messages
 * of one sender arrive in order. I/O threads receive; all threads send.
 *
 *   sender     send ──▶ ring ──▶ (once a turn) flush: one atomic for each receiver it wrote to
 *                 └─ no room ──▶ region of its own ──▶ ring, when the receiver has read (outbox.ts)
 *   receiver   receive, once a turn: one load when nothing was announced
 *
 * A receiver that is about to sleep says so in the word that senders add their announcements to:
 * so either it sees the announcement and stays awake, or the sender sees that it sleeps and wakes
 * it. Between two threads that are awake no system call is made.
 *
 * A message belongs to the receiver's handler while this runs. A handler may send. It takes no locks
 * of shards: `receive` is called between commands.
 */
import { ByteQueue } from '../base/byte-queue.js';
import { giveBack, newRegion, openRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import {
  FRAGMENT,
  KIND_MAX,
  LINE_BYTES,
  mailboxBytes,
  RECORD_HEADER_BYTES,
  RING_BYTES,
  RING_HEAD,
  RING_RECORDS,
  RING_STARVED,
  RING_TAIL,
  recordBytes,
  ringOffset,
} from './mailbox-layout.js';
import { Outbox } from './outbox.js';

/** What may wait for one receiver, in the sender's memory, before further messages are refused. */
export const KEPT_BYTES_MAX = 64 * 1024 * 1024;
const COMPOSED_BYTES = 4096;
const COMPOSED_KEPT_BYTES = 1 << 20;
const ASSEMBLY_BYTES = 64 * 1024;
const ASLEEP = 1;
const ANNOUNCEMENT = 2;

export type MessageHandler = (region: Region, offset: number, length: number) => void;

/** The receiving end of one ring. */
class Inbox {
  tail: number;
  /** A message of several records under assembly. */
  assembly: Region | null = null;
  assembled = 0;

  constructor(
    readonly region: Region,
    readonly offset: number,
  ) {
    this.tail = Atomics.load(region.words, (offset + RING_TAIL) >> 2);
  }
}

export interface MailboxParts {
  readonly buffer: SharedArrayBuffer;
  readonly receivers: number;
  readonly senders: number;
  /** This thread's number. Only those below `receivers` receive. */
  readonly thread: number;
  /**
   * Makes a receiver that sleeps return from its wait, and a sender call `flush` again. For numbers
   * that are no receiver's it does nothing: these senders call `flush` until nothing waits.
   */
  readonly wake: (thread: number) => void;
  /** Told of an exception in a handler. The message is over. */
  readonly failed: (error: unknown) => void;
}

export class Mailbox {
  private readonly region: Region;
  private readonly outboxes: Outbox[] = [];
  private readonly inboxes: Inbox[] = [];
  private readonly handlers: (MessageHandler | undefined)[] = [];
  private seen = 0;
  private isAsleep = false;
  private isReceiving = false;
  private hasTouched = false;
  /** The message being composed. */
  private readonly composed = new ByteQueue(COMPOSED_BYTES, COMPOSED_KEPT_BYTES);
  private composedKind = 0;

  constructor(private readonly parts: MailboxParts) {
    const { buffer, receivers, senders, thread } = parts;
    this.region = openRegion(buffer);
    const at = (receiver: number, sender: number) =>
      ringOffset(receivers, senders, receiver, sender);
    for (let receiver = 0; receiver < receivers; receiver++) {
      this.outboxes.push(new Outbox(this.region, at(receiver, thread)));
    }
    if (thread >= receivers) return;
    for (let sender = 0; sender < senders; sender++) {
      this.inboxes.push(new Inbox(this.region, at(thread, sender)));
    }
  }

  static createBuffer(receivers: number, senders: number): SharedArrayBuffer {
    return new SharedArrayBuffer(mailboxBytes(receivers, senders));
  }

  /** How many threads receive. */
  get receivers(): number {
    return this.parts.receivers;
  }

  /** Takes messages of this kind (1 to KIND_MAX). The handler keeps nothing of the bytes. */
  handles(kind: number, handler: MessageHandler): void {
    if (kind < 1 || kind > KIND_MAX) throw new RangeError(`${kind} is no kind of message`);
    if (this.handlers[kind] !== undefined) throw new Error(`two handlers for messages ${kind}`);
    this.handlers[kind] = handler;
  }

  // --- sending ------------------------------------------------------------------------------------

  /**
   * Sends a message of any length; `thread` may be this one. It is on its way after `flush`.
   *
   * @returns false when KEPT_BYTES_MAX wait for the thread already: nothing was sent
   */
  send(thread: number, kind: number, from: Region, offset: number, length: number): boolean {
    const outbox = this.outboxes[thread]!;
    if (outbox.keptBytes > KEPT_BYTES_MAX) return false;
    this.hasTouched = true;
    outbox.send(kind, from, offset, length);
    return true;
  }

  /** The same for a message that must arrive; its sender bounds how many there can be. */
  sendAlways(thread: number, kind: number, from: Region, offset: number, length: number): void {
    this.hasTouched = true;
    this.outboxes[thread]!.send(kind, from, offset, length);
  }

  /** Begins to compose a message, for any number of `sendTo`. */
  begin(kind: number): void {
    this.composedKind = kind;
    this.composed.clear();
  }

  put(from: Region, offset: number, length: number): void {
    this.composed.append(from, offset, length);
  }

  /** Adds 32 bits, little-endian, without alignment. */
  putWord(value: number): void {
    this.composed.appendWord(value);
  }

  /** Adds a double of 64 bits, the same way. */
  putNumber(value: number): void {
    this.composed.appendNumber(value);
  }

  /** Sends the composed message. @returns as `send` */
  sendTo(thread: number): boolean {
    return this.send(thread, this.composedKind, this.composed.region, 0, this.composed.used);
  }

  sendAlwaysTo(thread: number): void {
    this.sendAlways(thread, this.composedKind, this.composed.region, 0, this.composed.used);
  }

  /**
   * Tells receivers of what was sent since the last call, and moves what was kept. An I/O thread
   * calls it at the end of its turn, others when they are done for the moment.
   *
   * @returns whether some messages still wait for room: to be called again soon, or when woken
   */
  flush(): boolean {
    if (!this.hasTouched) return false;
    let waits = false;
    for (let thread = 0; thread < this.outboxes.length; thread++) {
      const outbox = this.outboxes[thread]!;
      outbox.pump();
      if (outbox.keptBytes > 0) waits = true;
      if (!outbox.touched) continue;
      outbox.touched = false;
      this.announce(thread);
    }
    this.hasTouched = waits;
    return waits;
  }

  /** One atomic; a wake-up when the receiver sleeps and nobody else has woken it. */
  private announce(thread: number): void {
    const { words } = this.region;
    const index = (thread * LINE_BYTES) >> 2;
    const found = Atomics.add(words, index, ANNOUNCEMENT);
    if ((found & ASLEEP) === 0) return;
    if ((Atomics.and(words, index, ~ASLEEP) & ASLEEP) !== 0) this.parts.wake(thread);
  }

  // --- receiving -----------------------------------------------------------------------------------

  /** Calls the handlers for all messages that have arrived. Between commands, once a turn. */
  receive(): void {
    const announced = Atomics.load(this.region.words, this.ownIndex) & ~ASLEEP;
    if (announced === this.seen || this.isReceiving) return;
    this.seen = announced;
    this.isReceiving = true;
    for (let sender = 0; sender < this.inboxes.length; sender++) {
      this.receiveFrom(this.inboxes[sender]!, sender);
    }
    this.isReceiving = false;
  }

  /**
   * The receiver is about to wait: from here on senders wake it.
   * @returns false when there is a message already: it must not wait
   */
  maySleep(): boolean {
    const found = Atomics.or(this.region.words, this.ownIndex, ASLEEP);
    this.isAsleep = true;
    if ((found & ~ASLEEP) === this.seen) return true;
    this.awake();
    return false;
  }

  /** It has returned from its wait: nobody needs to wake it. */
  awake(): void {
    if (!this.isAsleep) return;
    this.isAsleep = false;
    Atomics.and(this.region.words, this.ownIndex, ~ASLEEP);
  }

  private get ownIndex(): number {
    return (this.parts.thread * LINE_BYTES) >> 2;
  }

  private receiveFrom(inbox: Inbox, sender: number): void {
    const { words } = inbox.region;
    const head = Atomics.load(words, (inbox.offset + RING_HEAD) >> 2);
    if (head === inbox.tail) return;
    while (inbox.tail !== head) {
      try {
        this.takeUntil(inbox, head);
      } catch (error) {
        this.parts.failed(error);
      }
    }
    // Gives the bytes back to the sender.
    Atomics.store(words, (inbox.offset + RING_TAIL) >> 2, inbox.tail);
    const starved = (inbox.offset + RING_STARVED) >> 2;
    if (Atomics.load(words, starved) === 0) return;
    Atomics.store(words, starved, 0);
    this.parts.wake(sender);
  }

  /** Each record is counted as read before its handler runs: one that throws is not run again. */
  private takeUntil(inbox: Inbox, head: number): void {
    const { region, offset } = inbox;
    while (inbox.tail !== head) {
      const position = inbox.tail & (RING_BYTES - 1);
      const at = offset + RING_RECORDS + position;
      const word = region.words[at >> 2]!;
      if (word === 0) {
        inbox.tail = (inbox.tail + RING_BYTES - position) | 0;
        continue;
      }
      const length = region.words[(at + 4) >> 2]!;
      inbox.tail = (inbox.tail + recordBytes(length)) | 0;
      const isWhole = (word & FRAGMENT) === 0;
      if (isWhole && inbox.assembled === 0) {
        this.handle(word, region, at + RECORD_HEADER_BYTES, length);
      } else {
        this.assemble(inbox, at + RECORD_HEADER_BYTES, length);
        if (isWhole) this.handleAssembled(inbox, word);
      }
    }
  }

  private assemble(inbox: Inbox, at: number, length: number): void {
    const used = inbox.assembled;
    inbox.assembly ??= newRegion(ASSEMBLY_BYTES);
    inbox.assembly = withRoom(inbox.assembly, used, used + length);
    copyBytes(inbox.assembly, used, inbox.region, at, length);
    inbox.assembled = used + length;
  }

  private handleAssembled(inbox: Inbox, kind: number): void {
    const { assembly, assembled } = inbox;
    inbox.assembly = null;
    inbox.assembled = 0;
    try {
      this.handle(kind, assembly!, 0, assembled);
    } finally {
      giveBack(assembly!);
    }
  }

  private handle(kind: number, region: Region, offset: number, length: number): void {
    const handler = this.handlers[kind];
    if (handler === undefined) throw new Error(`no handler for messages of kind ${kind}`);
    handler(region, offset, length);
  }
}
