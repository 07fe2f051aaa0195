/**
 * Tickets: which clients wait for a key, in the order in which they came, over all threads. They lie
 * in the key's shard, and all functions run under its lock. Writes look at them only while the shard
 * has some (WORD_WAITING).
 *
 * A page of the shard holds the heads and tails of 512 queues, by the hash of the key; each ticket is
 * a run of pages of its own, of which mostly one is touched:
 *
 *      0  next | previous | h1 | h2           16  database | thread | slot | sequence
 *     32  command | flags | protocol | pages  48  arguments | index of the key | id of the client (f64)
 *     64  length of each argument, then their bytes: the client's command on this key alone
 *
 * Serving a client is running its command as it lies here. The owner is the client's thread; whoever
 * serves the client frees the ticket too, and tells the owner.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { PAGE_BYTES } from '../base/limits.js';
import { copyBytes, equalBytes, type Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { WORD_TICKETS, WORD_WAITING } from './shard-words.js';

const NEXT = 0;
const PREVIOUS = 1;
const H1 = 2;
const H2 = 3;
export const TICKET_DATABASE = 4;
export const TICKET_THREAD = 5;
export const TICKET_SLOT = 6;
export const TICKET_SEQUENCE = 7;
export const TICKET_COMMAND = 8;
/** 1: its thread was told to try by itself; nobody is served before it. */
export const TICKET_TOLD = 9;
export const TICKET_PROTOCOL = 10;
const PAGES = 11;
const COUNT = 12;
const KEY = 13;
const CLIENT_OFFSET = 56;
const HEADER_WORDS = 16;
const QUEUES = 512;

/** What a ticket is made of. The key is `args[key]`; of `args[firstKey, endKey)` only that one is kept. */
export interface TicketContent {
  readonly args: ArgumentVector;
  readonly firstKey: number;
  readonly endKey: number;
  /** Argument with the number of keys, 0 without one. */
  readonly countIndex: number;
  /** Each key's own argument lies so many places behind it, and goes with it; 0 for none. */
  readonly paired: number;
  key: number;
  h1: number;
  h2: number;
  database: number;
  thread: number;
  slot: number;
  sequence: number;
  command: number;
  protocol: number;
  client: number;
}

/** Arguments as `ticketArguments` fills them. */
export interface TicketArguments {
  region: Region;
  count: number;
  push(offset: number, length: number): void;
}

/** Word index of the head of a key's queue; the tail follows. */
function queueOf(space: Space, h1: number): number {
  return (space.words[WORD_TICKETS]! >>> 2) + (h1 & (QUEUES - 1)) * 2;
}

function reserveQueues(space: Space): boolean {
  const { words } = space;
  if (words[WORD_TICKETS] !== 0) return true;
  const run = space.allocate(1);
  if (run === 0) return false;
  space.commit(1);
  words.fill(0, run >>> 2, (run + PAGE_BYTES) >>> 2);
  words[WORD_TICKETS] = run;
  return true;
}

/** Adds a ticket at the end of its queue. @returns its byte offset, 0 when the shard has no room */
export function addTicket(space: Space, content: TicketContent): number {
  const { args, firstKey, endKey, paired } = content;
  const others = endKey - firstKey - 1;
  const count = args.count - others * (paired > 0 ? 2 : 1);
  const keyIndex = firstKey;
  let bytes = HEADER_WORDS * 4 + count * 4;
  for (let i = 0; i < args.count; i++) {
    if (isKept(content, i)) bytes += Math.max(args.length[i]!, 1);
  }
  const pages = Math.ceil(bytes / PAGE_BYTES);
  if (!reserveQueues(space)) return 0;
  const ticket = space.allocate(pages);
  if (ticket === 0) return 0;
  space.commit(pages);
  const { words } = space;
  const at = ticket >>> 2;
  words[at + H1] = content.h1;
  words[at + H2] = content.h2;
  words[at + TICKET_DATABASE] = content.database;
  words[at + TICKET_THREAD] = content.thread;
  words[at + TICKET_SLOT] = content.slot;
  words[at + TICKET_SEQUENCE] = content.sequence;
  words[at + TICKET_COMMAND] = content.command;
  words[at + TICKET_TOLD] = 0;
  words[at + TICKET_PROTOCOL] = content.protocol;
  words[at + PAGES] = pages;
  words[at + COUNT] = count;
  words[at + KEY] = keyIndex;
  space.region.view.setFloat64(ticket + CLIENT_OFFSET, content.client, true);
  writeVector(space, ticket, content);
  append(space, ticket);
  return ticket;
}

/** Whether an argument is none of another key's. */
function isKept({ firstKey, endKey, key, paired }: TicketContent, index: number): boolean {
  if (index >= firstKey && index < endKey) return index === key;
  const of = index - paired;
  return paired === 0 || of < firstKey || of >= endKey || of === key;
}

function writeVector(space: Space, ticket: number, content: TicketContent): void {
  const { region } = space;
  const { args, countIndex } = content;
  let lengthAt = ticket + HEADER_WORDS * 4;
  let at = lengthAt + space.words[(ticket >>> 2) + COUNT]! * 4;
  for (let i = 0; i < args.count; i++) {
    if (!isKept(content, i)) continue;
    let length = args.length[i]!;
    if (countIndex > 0 && i === countIndex) {
      length = 1;
      region.bytes[at] = 0x31;
    } else copyBytes(region, at, args.region, args.offset[i]!, length);
    region.words[lengthAt >>> 2] = length;
    lengthAt += 4;
    at += length;
  }
}

function append(space: Space, ticket: number): void {
  const { words } = space;
  const at = ticket >>> 2;
  const queue = queueOf(space, words[at + H1]!);
  const tail = words[queue + 1]!;
  words[at + NEXT] = 0;
  words[at + PREVIOUS] = tail;
  if (tail === 0) words[queue] = ticket;
  else words[(tail >>> 2) + NEXT] = ticket;
  words[queue + 1] = ticket;
  words[WORD_WAITING]! += 1;
}

/** Takes a ticket out of its queue and frees it. @returns whether it was the last for its key */
export function removeTicket(space: Space, ticket: number): boolean {
  const { words } = space;
  const at = ticket >>> 2;
  const queue = queueOf(space, words[at + H1]!);
  const next = words[at + NEXT]!;
  const previous = words[at + PREVIOUS]!;
  if (previous === 0) words[queue] = next;
  else words[(previous >>> 2) + NEXT] = next;
  if (next === 0) words[queue + 1] = previous;
  else words[(next >>> 2) + PREVIOUS] = previous;
  words[WORD_WAITING]! -= 1;
  const pages = words[at + PAGES]!;
  const first = words[queue]!;
  const isLast =
    matching(space, first, words[at + H1]!, words[at + H2]!, words[at + TICKET_DATABASE]!) === 0;
  space.free(ticket, pages);
  space.commit(-pages);
  return isLast;
}

/** A field of a ticket: one of the TICKET_ constants. */
export function ticketField(space: Space, ticket: number, field: number): number {
  return space.words[(ticket >>> 2) + field]!;
}

/** Id of the client that waits. */
export function ticketClient(space: Space, ticket: number): number {
  return space.region.view.getFloat64(ticket + CLIENT_OFFSET, true);
}

export function setTicketTold(space: Space, ticket: number, told: boolean): void {
  space.words[(ticket >>> 2) + TICKET_TOLD] = told ? 1 : 0;
}

/** The first ticket with this hash of a key, or 0. The shard has some. */
export function findTicket(space: Space, h1: number, h2: number, database: number): number {
  return matching(space, space.words[queueOf(space, h1)]!, h1, h2, database);
}

/** The next ticket for the same key, or 0. */
export function nextTicket(space: Space, ticket: number): number {
  const { words } = space;
  const at = ticket >>> 2;
  const database = words[at + TICKET_DATABASE]!;
  return matching(space, words[at + NEXT]!, words[at + H1]!, words[at + H2]!, database);
}

function matching(space: Space, first: number, h1: number, h2: number, database: number): number {
  const { words } = space;
  let ticket = first;
  while (ticket !== 0) {
    const at = ticket >>> 2;
    const isSame = words[at + H1] === h1 && words[at + H2] === h2;
    if (isSame && words[at + TICKET_DATABASE] === database) return ticket;
    ticket = words[at + NEXT]!;
  }
  return 0;
}

/** Whether the wait that registers now has a ticket for this key already. */
export function hasOwnTicket(space: Space, content: TicketContent): boolean {
  const { words } = space;
  if (words[WORD_WAITING] === 0) return false;
  let ticket = words[queueOf(space, content.h1) + 1]!;
  while (ticket !== 0) {
    const at = ticket >>> 2;
    // Its tickets were added last, under the lock that is held.
    const isOwn =
      words[at + TICKET_THREAD] === content.thread &&
      words[at + TICKET_SLOT] === content.slot &&
      words[at + TICKET_SEQUENCE] === content.sequence;
    if (!isOwn) return false;
    if (words[at + H1] === content.h1 && words[at + H2] === content.h2) return true;
    ticket = words[at + PREVIOUS]!;
  }
  return false;
}

/** Has the client's command on this key alone in `args`, over the shard's memory. */
export function ticketArguments(space: Space, ticket: number, args: TicketArguments): void {
  const { words } = space;
  const count = words[(ticket >>> 2) + COUNT]!;
  args.region = space.region;
  args.count = 0;
  const lengths = (ticket >>> 2) + HEADER_WORDS;
  let at = (lengths + count) * 4;
  for (let i = 0; i < count; i++) {
    const length = words[lengths + i]!;
    args.push(at, length);
    at += length;
  }
}

/** Which of the ticket's arguments is the key. */
export function ticketKey(space: Space, ticket: number): number {
  return space.words[(ticket >>> 2) + KEY]!;
}

/** Calls `visit` for the tickets of a database. */
export function visitTickets(
  space: Space,
  database: number,
  visit: (ticket: number) => void,
): void {
  const { words } = space;
  if (words[WORD_WAITING] === 0) return;
  for (let i = 0; i < QUEUES; i++) {
    let ticket = words[queueOf(space, i)]!;
    for (; ticket !== 0; ticket = words[(ticket >>> 2) + NEXT]!) {
      if (words[(ticket >>> 2) + TICKET_DATABASE] === database) visit(ticket);
    }
  }
}

/** Whether argument `index` has the same bytes as the key given. */
export function argumentEquals(
  args: ArgumentVector,
  index: number,
  region: Region,
  offset: number,
  length: number,
): boolean {
  if (args.length[index] !== length) return false;
  return equalBytes(args.region, args.offset[index]!, region, offset, length);
}
