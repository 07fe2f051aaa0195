/**
 * Serving clients that wait for keys (BLPOP and the like), on the thread that changed a key, before
 * its shards are unlocked:
 *
 *   a command or transaction is over, `keys.ready` has keys with tickets
 *     └▶ for each key, for each ticket in order, while the key has what it waits for:
 *          claim the wait ──▶ run the ticket's command on this key ──▶ message with the reply ──▶ owner
 *            │ lost: another thread ended it        │
 *            ▼ next ticket                          └ may change keys that others wait for: again
 *
 * The command runs as inside a transaction, so its reply and effects are its own. A command on a
 * second key (a move) borrows the lock of that shard without waiting for it. When that is taken, the
 * owner is told to try by itself; its ticket keeps its place, and nobody behind it is served.
 */
import { newRegion } from '../base/owned-region.js';
import { KeyPlaces } from '../commands/contract/key-flags.js';
import { WORD_WAITING } from '../keyspace/shard-words.js';
import {
  argumentEquals,
  findTicket,
  nextTicket,
  removeTicket,
  setTicketTold,
  TICKET_COMMAND,
  TICKET_DATABASE,
  TICKET_PROTOCOL,
  TICKET_SEQUENCE,
  TICKET_SLOT,
  TICKET_THREAD,
  TICKET_TOLD,
  ticketArguments,
  ticketClient,
  ticketField,
  ticketKey,
} from '../keyspace/tickets.js';
import type { Claims } from '../memory/claims.js';
import type { SharedWord } from '../memory/control.js';
import type { Mailbox } from '../memory/mailbox.js';
import type { Space } from '../memory/space.js';
import { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import type { Dispatcher } from './dispatch.js';
import { findKeys } from './key-places.js';
import { MESSAGE_SERVED, MESSAGE_TRY } from './message-kinds.js';
import type { RegisteredCommand } from './registry.js';
import { ClientSession } from './session.js';

const REPLY_BYTES = 4096;
const KEPT_BYTES = 1 << 20;
const MINUS = 0x2d;
const UNDERSCORE = 0x5f;

/** Whether the command found nothing: `*-1`, `$-1` or `_`. An error is an answer. */
function isNull({ region, start }: Reply): boolean {
  const first = region.bytes[start]!;
  return first === UNDERSCORE || (first !== MINUS && region.bytes[start + 1] === MINUS);
}

/** MESSAGE_SERVED: slot, sequence, shard and offset of the ticket that was freed; then the reply. */
export const SERVED_HEADER_BYTES = 16;

/** What all threads that serve need of the process. */
export interface ServingParts {
  readonly claims: Claims;
  readonly mailbox: Mailbox;
  /** BLOCKING_KEYS */
  readonly blockingKeys: SharedWord;
}

export class Serving {
  private readonly args = new Arguments();
  private readonly places = new KeyPlaces();
  private reply = new Reply(newRegion(REPLY_BYTES));
  /** Of the client that is served. */
  clientId = 0;
  /** Stands for it. */
  private readonly client = new ClientSession(0, -1, '', '', 0, () => true);

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly parts: ServingParts,
  ) {}

  /** Serves who waits for the keys noted. Their shards are locked. */
  serve(): void {
    const { keys, shards } = this.dispatcher;
    const { ready } = keys;
    try {
      for (let i = 0; i < ready.count; i++) {
        if (shards.isLocked(ready.shard[i]!)) this.serveKey(i);
      }
    } finally {
      ready.clear();
      keys.forget();
    }
  }

  private serveKey(index: number): void {
    const { ready } = this.dispatcher.keys;
    const space = this.dispatcher.shards.spaces[ready.shard[index]!]!;
    if (space.words[WORD_WAITING] === 0) return;
    let ticket = findTicket(space, ready.h1[index]!, ready.h2[index]!, ready.database[index]!);
    while (ticket !== 0) {
      const next = nextTicket(space, ticket);
      ticketArguments(space, ticket, this.args);
      if (this.isFor(index, ticket, space)) {
        const command = this.commandOf(space, ticket);
        const isWanted = command.seesRemoval || this.typeFound(space, ticket) === command.waitsFor;
        if (isWanted && !this.serveTicket(ready.shard[index]!, ticket, command)) return;
      }
      ticket = next;
    }
  }

  /** Whether the ticket's key is this one, not another with the same hash. */
  private isFor(index: number, ticket: number, space: Space): boolean {
    const { ready } = this.dispatcher.keys;
    const key = ticketKey(space, ticket);
    const { region } = ready;
    return argumentEquals(this.args, key, region, ready.offset[index]!, ready.length[index]!);
  }

  /** Type of the value that the ticket's key has, '' for none. */
  private typeFound(space: Space, ticket: number): string {
    const { keys } = this.dispatcher;
    const { args } = this;
    const key = ticketKey(space, ticket);
    const database = ticketField(space, ticket, TICKET_DATABASE);
    const found = keys.seekKey(database, args.region, args.offset[key]!, args.length[key]!);
    return found ? keys.types.of(keys.kind).name : '';
  }

  private commandOf(space: Space, ticket: number): RegisteredCommand {
    return this.dispatcher.registry.all[ticketField(space, ticket, TICKET_COMMAND)]!;
  }

  /** @returns false when nobody behind this ticket may be served now */
  private serveTicket(shard: number, ticket: number, command: RegisteredCommand): boolean {
    const { claims } = this.parts;
    const space = this.dispatcher.shards.spaces[shard]!;
    if (ticketField(space, ticket, TICKET_TOLD) === 1) return false;
    const thread = ticketField(space, ticket, TICKET_THREAD);
    const slot = ticketField(space, ticket, TICKET_SLOT);
    const sequence = ticketField(space, ticket, TICKET_SEQUENCE);
    if (!this.lockKeys(command)) {
      this.tellToTry(space, ticket);
      return false;
    }
    if (!claims.claim(thread, slot, sequence)) return true;
    if (!this.run(space, ticket, command)) {
      claims.reopen(thread, slot, sequence);
      return true;
    }
    this.sendServed(shard, ticket);
    this.forgetTicket(space, ticket);
    return true;
  }

  /** Locks the other shards of the command's keys, if it has several. */
  private lockKeys(command: RegisteredCommand): boolean {
    const { args, places, dispatcher } = this;
    const { shards, locks } = dispatcher;
    if (!findKeys(command.keys, args, places) || places.count === 1) return true;
    for (let i = 0; i < places.count; i++) {
      const index = places.index[i]!;
      const shard = shards.shardOf(args.region, args.offset[index]!, args.length[index]!);
      if (!shards.isLocked(shard) && !locks.borrow(shard)) return false;
    }
    return true;
  }

  /** Runs the ticket's command. @returns whether the client is served, be it with an error */
  private run(space: Space, ticket: number, command: RegisteredCommand): boolean {
    const { client, dispatcher } = this;
    if (this.reply.region.length > KEPT_BYTES) this.reply = new Reply(newRegion(REPLY_BYTES));
    const { reply } = this;
    reply.rewind(0);
    this.clientId = ticketClient(space, ticket);
    client.database = ticketField(space, ticket, TICKET_DATABASE);
    client.protocol = ticketField(space, ticket, TICKET_PROTOCOL) === 3 ? 3 : 2;
    reply.protocol = client.protocol;
    const changes = dispatcher.runServed(client, command, this.args, reply);
    return changes !== 0 || !isNull(reply);
  }

  private sendServed(shard: number, ticket: number): void {
    const { mailbox } = this.parts;
    const { reply } = this;
    const space = this.dispatcher.shards.spaces[shard]!;
    mailbox.begin(MESSAGE_SERVED);
    mailbox.putWord(ticketField(space, ticket, TICKET_SLOT));
    mailbox.putWord(ticketField(space, ticket, TICKET_SEQUENCE));
    mailbox.putWord(shard);
    mailbox.putWord(ticket);
    mailbox.put(reply.region, reply.start, reply.position - reply.start);
    mailbox.sendAlwaysTo(ticketField(space, ticket, TICKET_THREAD));
  }

  private tellToTry(space: Space, ticket: number): void {
    const { mailbox } = this.parts;
    setTicketTold(space, ticket, true);
    mailbox.begin(MESSAGE_TRY);
    mailbox.putWord(ticketField(space, ticket, TICKET_SLOT));
    mailbox.putWord(ticketField(space, ticket, TICKET_SEQUENCE));
    mailbox.sendAlwaysTo(ticketField(space, ticket, TICKET_THREAD));
  }

  /** Frees a ticket. Its shard is locked. */
  forgetTicket(space: Space, ticket: number): void {
    if (removeTicket(space, ticket)) this.parts.blockingKeys.add(-1);
  }
}
