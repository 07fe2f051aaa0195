/**
 * This thread's clients that wait for keys, from `block` to the reply:
 *
 *   block ──▶ waiting ──┬─ MESSAGE_SERVED: another thread, or this one, has run the command
 *                       ├─ MESSAGE_TRY: this thread runs it, with the locks of all its keys
 *                       ├─ the time is up, CLIENT UNBLOCK, a change of role
 *                       └─ the client has gone
 *
 * All but the first claim the wait first (memory/claims.ts). Who finds it claimed already does
 * nothing: the message is on its way. A client that goes after it was claimed has been served: what
 * was taken for it is lost, as it is with a connection that breaks behind a reply.
 *
 * A wait has a ticket in the shard of each of its keys (keyspace/tickets.ts). They are removed under
 * the shards' locks; where one is taken, later, by `background`. An old ticket claims nothing.
 */

import { DONE, SUSPENDED } from '../base/outcome.js';
import type { Region } from '../base/region.js';
import type { BlockRequest, Context } from '../commands/contract/context.js';
import { WORD_WAITING } from '../keyspace/shard-words.js';
import {
  addTicket,
  findTicket,
  hasOwnTicket,
  setTicketTold,
  TICKET_TOLD,
  type TicketContent,
  ticketArguments,
  ticketField,
} from '../keyspace/tickets.js';
import { CLAIM_SLOTS } from '../memory/claims.js';
import type { ControlBlock, SharedWord } from '../memory/control.js';
import type { ErrorReply } from '../protocol/errors.js';
import * as errors from '../protocol/errors.js';
import { Arguments } from '../protocol/parser.js';
import { BLOCKED_CLIENTS, BLOCKED_WITH_TIMEOUT } from './counters.js';
import { type Dated, Deadlines } from './deadlines.js';
import type { Dispatcher } from './dispatch.js';
import { MESSAGE_SERVED, MESSAGE_TRY } from './message-kinds.js';
import { SERVED_HEADER_BYTES, type Serving, type ServingParts } from './serving.js';
import type { ClientSession } from './session.js';
import type { Cancellation } from './suspension.js';

export interface WaitsParts extends ServingParts {
  readonly thread: number;
  readonly dispatcher: Dispatcher;
  readonly serving: Serving;
  readonly control: ControlBlock;
  /**
   * The client's command is answered with these bytes, and its input served again: it is suspended
   * until then.
   */
  readonly answer: (session: ClientSession, region: Region, offset: number, length: number) => void;
  /** The same with what is written when it is the client's turn; it may go on waiting. */
  readonly resumed: (session: ClientSession, write: (context: Context) => void) => void;
}

class Wait implements Dated {
  sequence = 0;
  /** Null when the client has gone or nobody waits. */
  session: ClientSession | null = null;
  deadlineMs = 0;
  heapIndex = -1;
  /** Of the tickets: shard and offset in turns. */
  readonly tickets: number[] = [];
  readonly cancel: (reason: Cancellation) => void;

  constructor(
    readonly slot: number,
    cancelled: (wait: Wait, reason: Cancellation) => void,
  ) {
    this.cancel = (reason) => cancelled(this, reason);
  }
}

export class Waits {
  private readonly waits: Wait[] = [];
  private readonly free: Wait[] = [];
  private readonly deadlines = new Deadlines<Wait>();
  /** Tickets whose shard was taken when they were to be removed: shard and offset in turns. */
  private left: number[] = [];
  /** Waits whose command this thread tries. */
  private tries: Wait[] = [];
  /** The one whose command is being tried. */
  private tried: Wait | null = null;
  /** The hash epoch of all tickets. */
  private epoch = 0;
  private readonly args = new Arguments();
  private readonly content: { -readonly [Key in keyof TicketContent]: TicketContent[Key] };
  private readonly blocked: SharedWord;
  private readonly blockedWithTimeout: SharedWord;

  constructor(private readonly parts: WaitsParts) {
    const { mailbox, control, thread } = parts;
    this.epoch = parts.dispatcher.shards.keyHash.epoch;
    this.blocked = control.word(BLOCKED_CLIENTS);
    this.blockedWithTimeout = control.word(BLOCKED_WITH_TIMEOUT);
    this.content = {
      ...{
        args: this.args,
        firstKey: 0,
        endKey: 0,
        countIndex: 0,
        key: 0,
        h1: 0,
        h2: 0,
        paired: 0,
      },
      ...{ database: 0, thread, slot: 0, sequence: 0, command: 0, protocol: 2, client: 0 },
    };
    mailbox.handles(MESSAGE_SERVED, (region, offset, length) => {
      this.served(region, offset, length);
    });
    mailbox.handles(MESSAGE_TRY, ({ view }, offset) => {
      const wait = this.find(view.getInt32(offset, true), view.getInt32(offset + 4, true));
      if (wait !== null) this.tries.push(wait);
    });
  }

  // --- the beginning of a wait -------------------------------------------------------------------

  /** The context's command waits. @returns false when an error was answered instead */
  begin(request: BlockRequest): boolean {
    const { dispatcher } = this.parts;
    if (this.tried !== null) return this.waitOn(this.tried);
    this.endOldEpoch();
    const wait = this.newWait();
    if (wait === null) {
      dispatcher.reply.error(errors.TOO_MANY_BLOCKED);
      return false;
    }
    if (!this.register(wait, request)) return false;
    const { session, now } = dispatcher;
    wait.session = session;
    session.suspended = true;
    session.cancelSuspension = wait.cancel;
    this.blocked.add(1);
    if (request.timeoutMs === 0) return true;
    wait.deadlineMs = now + request.timeoutMs;
    this.deadlines.add(wait);
    this.blockedWithTimeout.add(1);
    return true;
  }

  private newWait(): Wait | null {
    let wait = this.free.pop();
    if (wait === undefined) {
      if (this.waits.length === CLAIM_SLOTS) return null;
      wait = new Wait(this.waits.length, (other, reason) => this.cancelled(other, reason));
      this.waits.push(wait);
    }
    wait.sequence = this.parts.claims.open(this.parts.thread, wait.slot);
    return wait;
  }

  private register(wait: Wait, request: BlockRequest): boolean {
    const { content } = this;
    const { dispatcher } = this.parts;
    const { args, session } = dispatcher;
    content.args = request.args ?? args;
    content.paired = request.paired;
    content.firstKey = request.firstKey;
    content.endKey = request.endKey;
    content.countIndex = request.countIndex;
    content.database = session.database;
    content.slot = wait.slot;
    content.sequence = wait.sequence;
    content.command = session.lastCommand;
    content.protocol = session.protocol;
    content.client = session.id;
    for (let key = request.firstKey; key < request.endKey; key++) {
      if (this.addFor(wait, key)) continue;
      const shard = dispatcher.keys.shard;
      this.claim(wait);
      this.leave(wait);
      throw dispatcher.keys.full(shard);
    }
    return true;
  }

  /** @returns false when the shard has no room */
  private addFor(wait: Wait, key: number): boolean {
    const { content } = this;
    const { dispatcher, blockingKeys } = this.parts;
    const { keys, args } = dispatcher;
    keys.seek(args, key);
    const { shard, space, h1, h2 } = keys;
    content.key = key;
    content.h1 = h1;
    content.h2 = h2;
    if (hasOwnTicket(space, content)) return true;
    const isFirst =
      space.words[WORD_WAITING] === 0 || findTicket(space, h1, h2, content.database) === 0;
    const ticket = addTicket(space, content);
    if (ticket === 0) return false;
    if (isFirst) blockingKeys.add(1);
    wait.tickets.push(shard, ticket);
    return true;
  }

  // --- the ends of a wait ------------------------------------------------------------------------

  private claim(wait: Wait): boolean {
    return this.parts.claims.claim(this.parts.thread, wait.slot, wait.sequence);
  }

  private find(slot: number, sequence: number): Wait | null {
    const wait = this.waits[slot];
    return wait !== undefined && wait.sequence === sequence ? wait : null;
  }

  /** The wait is over: nothing of it is left but tickets whose shards are taken. */
  private end(wait: Wait): ClientSession | null {
    const { session } = wait;
    if (session !== null) {
      wait.session = null;
      // It is suspended until its reply is written: what it sends meanwhile stands behind that.
      session.cancelSuspension = null;
    }
    this.blocked.add(-1);
    if (wait.deadlineMs !== 0) this.blockedWithTimeout.add(-1);
    wait.deadlineMs = 0;
    this.deadlines.remove(wait);
    this.leave(wait);
    return session;
  }

  /** Removes the tickets, now or later, and frees the slot. */
  private leave(wait: Wait): void {
    const { tickets } = wait;
    for (let i = 0; i < tickets.length; i += 2) this.removeTicket(tickets[i]!, tickets[i + 1]!);
    tickets.length = 0;
    this.free.push(wait);
  }

  private removeTicket(shard: number, ticket: number): void {
    const { shards } = this.parts.dispatcher;
    const space = shards.spaces[shard]!;
    if (shards.isLocked(shard)) this.removeToldTicket(shard, ticket);
    else if (!shards.tryLock(shard)) this.left.push(shard, ticket);
    else {
      try {
        if (ticketField(space, ticket, TICKET_TOLD) === 1) this.left.push(shard, ticket);
        else this.parts.serving.forgetTicket(space, ticket);
      } finally {
        shards.unlock(shard);
      }
    }
  }

  private served(region: Region, offset: number, length: number): void {
    const { view } = region;
    const wait = this.find(view.getInt32(offset, true), view.getInt32(offset + 4, true));
    if (wait === null) return;
    dropTicket(wait, view.getInt32(offset + 8, true), view.getInt32(offset + 12, true));
    const session = this.end(wait);
    if (session === null) return;
    const at = offset + SERVED_HEADER_BYTES;
    this.parts.answer(session, region, at, length - SERVED_HEADER_BYTES);
  }

  private cancelled(wait: Wait, reason: Cancellation): void {
    if (reason === 'closed') {
      if (this.claim(wait)) this.end(wait);
      else wait.session = null;
      return;
    }
    this.endWith(wait, reason === 'unblock' ? null : errors.UNBLOCKED, false);
  }

  /** Answers an error or null, unless the client is being served. */
  private endWith(wait: Wait, error: ErrorReply | null, closes: boolean): void {
    if (!this.claim(wait)) return;
    const session = this.end(wait);
    if (session === null) return;
    this.parts.resumed(session, ({ reply }) => {
      session.suspended = false;
      if (closes) session.closeAfterReply = true;
      if (error === null) reply.nullArray();
      else this.parts.dispatcher.answerLater(session, () => reply.error(error));
    });
  }

  /** This server begins to be a replica, of another primary: nobody waits any longer, as in Redis. */
  endAll(): void {
    for (const wait of this.waits) {
      if (wait.session !== null) this.endWith(wait, errors.UNBLOCKED_ROLE, true);
    }
  }

  /**
   * A full sync has brought another hash key: the tickets lie in shards that are no longer those of
   * their keys. Only a writable replica can have any.
   */
  private endOldEpoch(): void {
    const { epoch } = this.parts.dispatcher.shards.keyHash;
    if (this.epoch === epoch) return;
    this.epoch = epoch;
    this.endAll();
  }

  // --- trying a command on its client's thread -----------------------------------------------------

  /** The command being tried still finds nothing: it keeps its place, and others may serve it. */
  private waitOn(wait: Wait): boolean {
    const [shard, ticket] = wait.tickets;
    setTicketTold(this.parts.dispatcher.shards.spaces[shard!]!, ticket!, false);
    return true;
  }

  private tryAll(): void {
    const { tries } = this;
    this.tries = [];
    for (const wait of tries) {
      const { session, sequence } = wait;
      if (session === null) continue;
      this.parts.resumed(session, () => {
        if (wait.session === session && wait.sequence === sequence) this.tryOne(wait);
      });
    }
  }

  private tryOne(wait: Wait): void {
    const { dispatcher } = this.parts;
    const [shard, ticket] = wait.tickets;
    ticketArguments(dispatcher.shards.spaces[shard!]!, ticket!, this.args);
    this.tried = wait;
    try {
      const status = dispatcher.dispatchAgain(wait.session!, this.args);
      if (status !== DONE && status !== SUSPENDED) this.tries.push(wait);
    } finally {
      this.tried = null;
    }
  }

  /** Whether a command under way is one that is tried. */
  get isTrying(): boolean {
    return this.tried !== null;
  }

  /** The command of a client has run, its shards are locked. When it was one that is tried, it is over. */
  afterCommand(isSuspended: boolean): void {
    const wait = this.tried;
    if (wait === null || isSuspended) return;
    this.tried = null;
    if (!this.claim(wait)) return;
    const session = this.end(wait);
    if (session !== null) session.suspended = false;
  }

  // --- turns -------------------------------------------------------------------------------------

  /** Outside of commands, once a turn. @returns milliseconds until it wants another turn */
  background(nowMs: number): number {
    this.endOldEpoch();
    if (this.left.length > 0) this.removeLeft();
    for (;;) {
      const { first } = this.deadlines;
      if (first === undefined || first.deadlineMs > nowMs) break;
      this.deadlines.remove(first);
      this.endWith(first, null, false);
    }
    if (this.tries.length > 0) {
      this.tryAll();
      return 1;
    }
    if (this.left.length > 0) return 1;
    const { first } = this.deadlines;
    return first === undefined ? Number.POSITIVE_INFINITY : first.deadlineMs - nowMs;
  }

  private removeLeft(): void {
    const { left } = this;
    this.left = [];
    for (let i = 0; i < left.length; i += 2) {
      const shard = left[i]!;
      const ticket = left[i + 1]!;
      if (
        !this.parts.dispatcher.withShardIfFree(shard, () => this.removeToldTicket(shard, ticket))
      ) {
        this.left.push(shard, ticket);
      }
    }
  }

  /** Those behind a ticket whose client was told to try are to be served now. */
  private removeToldTicket(shard: number, ticket: number): void {
    const { dispatcher, serving } = this.parts;
    const space = dispatcher.shards.spaces[shard]!;
    if (ticketField(space, ticket, TICKET_TOLD) === 1) dispatcher.keys.noteTicket(shard, ticket);
    serving.forgetTicket(space, ticket);
  }
}

/** Forgets a ticket that was freed by who served the client. */
function dropTicket(wait: Wait, shard: number, ticket: number): void {
  const { tickets } = wait;
  for (let i = 0; i < tickets.length; i += 2) {
    if (tickets[i] !== shard || tickets[i + 1] !== ticket) continue;
    tickets.splice(i, 2);
    return;
  }
}
