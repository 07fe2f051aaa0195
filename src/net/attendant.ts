/**
 * Serves the clients of a thread while a script that it runs goes on for too long: from inside the
 * script, every few milliseconds. The transport makes a turn within the turn that is under way
 * (`Transport.attend`), and hands what happens to this handler instead of the frontend.
 *
 *   frontend.received ─▶ EVAL ─▶ script ─▶ tick ─▶ transport.attend ─▶ Attendant.received
 *                                                                        ├▶ BUSY, SCRIPT KILL ...
 *                                                                        └▶ inbox: after the script
 *
 * All that the running command uses is in use here too, so this has a parser and a reply of its own,
 * and its replies go to the connections' own queues, never to the arena. Clients that are in the
 * midst of something (the script's own; a command half received; one that waits) get nothing before
 * the script's end: what they send is kept in an inbox, and served then, in order.
 */
import { newRegion, withRoom } from '../base/owned-region.js';
import type { Region } from '../base/region.js';
import type { CloseReason, Transport, TransportHandler } from '../platform/transport.js';
import { type Arguments, COMMAND, INCOMPLETE, RequestParser } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { QUERY_BYTES_MAX, UNAUTHENTICATED_QUERY_BYTES_MAX } from './client-input.js';
import type { ClientOutput } from './client-output.js';
import type { Connection } from './connection.js';
import type { FrontendPolicy } from './policy.js';
import type { NetSession } from './runner.js';

const REPLY_BYTES = 4096;
/** A client with more input than this that is no whole command waits for the script's end. */
const ANSWERED_BYTES_MAX = 64 * 1024;

/** From this turn on, output that waits in the connections' queues is sent. */
const FIRST_START = 2;

/** Runs or refuses a command of a client; always writes its reply. */
export type Answer<S extends NetSession> = (session: S, args: Arguments, reply: Reply) => void;

export interface AttendantParts<S extends NetSession> {
  readonly transport: Transport;
  readonly connections: ReadonlyMap<number, Connection<S>>;
  readonly output: ClientOutput<S>;
  readonly policy: FrontendPolicy<S>;
  readonly createRegion: (bytes: number) => Region;
  /** The script's client. */
  readonly served: () => Connection<S> | null;
  readonly offered: (descriptor: number) => boolean;
  /** A client has come. @returns input that it had sent to another thread */
  readonly accepted: (slot: number) => string;
  readonly closed: (connection: Connection<S>) => void;
  readonly owes: (slot: number) => boolean;
  readonly close: (connection: Connection<S>) => void;
}

/** What a client sent that is served after the script. */
interface Inbox {
  /** Bytes that were received straight into their place, before the others. */
  intoBytes: number;
  readonly chunks: Buffer[];
  bytes: number;
}

export class Attendant<S extends NetSession> implements TransportHandler {
  /** Some clients have an inbox: what they send goes there. */
  isHolding = false;
  private readonly inboxes = new Map<Connection<S>, Inbox>();
  /** Clients that have left, and whose commands or waits are in use. */
  private readonly left: Connection<S>[] = [];
  private readonly parser = new RequestParser();
  private readonly reply: Reply;
  private answer: Answer<S> = () => {};
  /** Of the frontend's turn. */
  private nowMs = 0;
  /** How often it has attended for this script. */
  private steps = 0;

  constructor(private readonly parts: AttendantParts<S>) {
    this.reply = ownReply(REPLY_BYTES);
  }

  /** A turn for the other clients, from inside a script. @param isFirst of this script */
  attend(answer: Answer<S>, nowMs: number, isFirst: boolean): void {
    this.answer = answer;
    this.nowMs = nowMs;
    this.steps = isFirst ? 0 : this.steps + 1;
    this.parts.transport.attend(this, this.steps > FIRST_START);
  }

  // The transport's callbacks.

  offered(descriptor: number): boolean {
    return this.parts.offered(descriptor);
  }

  accepted(slot: number): void {
    const { parts } = this;
    try {
      const input = parts.accepted(slot);
      if (input !== '') this.keep(parts.connections.get(slot)!, Buffer.from(input, 'latin1'));
    } catch (error) {
      parts.policy.failed('accepting a client', error);
      const connection = parts.connections.get(slot);
      if (connection === undefined) parts.transport.close(slot);
      else parts.close(connection);
    }
  }

  received(slot: number, region: Region, offset: number, length: number): void {
    const connection = this.parts.connections.get(slot);
    if (connection === undefined) return;
    this.parts.policy.traffic.receivedBytes += length;
    try {
      this.take(connection, region, offset, length);
    } catch (error) {
      this.parts.policy.failed(`attending ${connection.session.address}`, error);
      this.parser.reset();
      this.end(connection);
    }
  }

  /** Ends a connection; the script's own after the script. */
  private end(connection: Connection<S>): void {
    this.inboxes.delete(connection);
    if (connection === this.parts.served()) connection.session.closeAfterReply = true;
    else this.parts.close(connection);
  }

  receivedInto(slot: number, length: number): void {
    const connection = this.parts.connections.get(slot);
    if (connection === undefined) return;
    this.parts.policy.traffic.receivedBytes += length;
    this.inboxOf(connection).intoBytes += length;
  }

  unsent(slot: number, region: Region, offset: number, length: number): void {
    const connection = this.parts.connections.get(slot);
    if (connection !== undefined) this.parts.output.unsent(connection, region, offset, length);
  }

  drained(slot: number): void {
    const connection = this.parts.connections.get(slot);
    if (connection !== undefined) this.parts.output.drained(connection);
  }

  closed(slot: number, _reason: CloseReason): void {
    const connection = this.parts.connections.get(slot);
    if (connection !== undefined) this.leave(connection);
  }

  owes(slot: number): boolean {
    return this.parts.owes(slot);
  }

  detached(): void {
    throw new Error('a connection changes threads while a script runs');
  }

  woken(): void {
    // The frontend is told after the script.
  }

  /** What the turn before has left over is known first, then this turn's sends go out, then the rest. */
  turn(): number {
    const { output } = this.parts;
    if (this.steps >= FIRST_START) output.startEarly(this.parts.served());
    else if (this.steps > 0) output.sendEarly(this.nowMs);
    return 0;
  }

  // Input.

  private take(connection: Connection<S>, region: Region, offset: number, length: number): void {
    const inbox = this.inboxes.get(connection);
    const begun = inbox?.bytes ?? 0;
    if (!this.mayAnswer(connection) || begun + length > ANSWERED_BYTES_MAX) {
      this.keep(connection, copyOf(region, offset, length));
    } else if (begun === 0) {
      this.serve(connection, region, offset, offset + length);
    } else {
      const whole = this.parts.createRegion(begun + length);
      let at = 0;
      for (const chunk of inbox!.chunks) {
        whole.bytes.set(chunk, at);
        at += chunk.length;
      }
      whole.bytes.set(region.bytes.subarray(offset, offset + length), at);
      this.inboxes.delete(connection);
      this.serve(connection, whole, 0, begun + length);
    }
  }

  private mayAnswer(connection: Connection<S>): boolean {
    const { session, partial, backlog, retrying, inputEnded } = connection;
    if (connection === this.parts.served() || retrying || inputEnded) return false;
    if (partial !== null || (backlog?.length ?? 0) > 0) return false;
    return !session.suspended && !session.closeAfterReply;
  }

  /** Answers the whole commands of a client, and keeps the rest. */
  private serve(connection: Connection<S>, region: Region, offset: number, end: number): void {
    const { parser, reply } = this;
    const { session } = connection;
    reply.rewind(0);
    reply.protocol = session.protocol;
    parser.bulkBytesMax = this.parts.policy.bulkBytesMax;
    let at = offset;
    while (at < end && !session.closeAfterReply && !session.suspended && !connection.closed) {
      parser.authenticated = session.authenticated;
      const status = parser.parse(region, at, end);
      if (status === INCOMPLETE) {
        at = parser.start;
        break;
      }
      if (status === COMMAND) {
        this.answer(session, parser.args, reply);
        at = parser.position;
      } else {
        reply.errorText(`ERR ${parser.error}`);
        session.closeAfterReply = true;
      }
    }
    parser.reset();
    if (connection.closed) return;
    if (at < end && !session.closeAfterReply) this.keep(connection, copyOf(region, at, end - at));
    this.send(connection);
  }

  private send(connection: Connection<S>): void {
    const { reply } = this;
    const { output } = this.parts;
    const { region, start, length } = reply;
    if (length > 0) output.queueEarly(connection, region, start, length, this.nowMs);
    if (connection.session.closeAfterReply) output.closeWhenSent(connection);
  }

  private inboxOf(connection: Connection<S>): Inbox {
    let inbox = this.inboxes.get(connection);
    if (inbox === undefined) {
      inbox = { intoBytes: 0, chunks: [], bytes: 0 };
      this.inboxes.set(connection, inbox);
      this.isHolding = true;
    }
    return inbox;
  }

  private keep(connection: Connection<S>, chunk: Buffer): void {
    const inbox = this.inboxOf(connection);
    inbox.chunks.push(chunk);
    inbox.bytes += chunk.length;
    const { policy } = this.parts;
    const { session } = connection;
    const isKnown = session.authenticated || inbox.bytes <= UNAUTHENTICATED_QUERY_BYTES_MAX;
    if (isKnown && inbox.bytes <= Math.min(policy.queryBytesMax, QUERY_BYTES_MAX)) return;
    policy.queryLimitReached(session, '', 'max query buffer length');
    this.end(connection);
  }

  // Ends.

  /** What a command under way or a wait of the client uses is given back after the script. */
  private leave(connection: Connection<S>): void {
    this.inboxes.delete(connection);
    if (connection === this.parts.served() || connection.session.suspended) {
      connection.closed = true;
      this.left.push(connection);
      this.isHolding = true;
    }
    this.parts.closed(connection);
  }

  /**
   * The script is over, and a turn begins.
   * @param feed serves bytes of a client, after those that were received into their place
   * @param forget gives back what a client had that has left
   */
  release(
    feed: (connection: Connection<S>, intoBytes: number, bytes: Buffer) => void,
    forget: (connection: Connection<S>) => void,
  ): void {
    // One by one: what is served may be another such script, which finds the others held as before.
    for (const [connection, { intoBytes, chunks }] of this.inboxes) {
      this.inboxes.delete(connection);
      if (!connection.closed) feed(connection, intoBytes, Buffer.concat(chunks));
    }
    for (let one = this.left.pop(); one !== undefined; one = this.left.pop()) forget(one);
    this.isHolding = false;
  }
}

/** A reply in a region of its own. */
export function ownReply(bytes: number): Reply {
  return new Reply(newRegion(bytes), (reply, more) => {
    reply.region = withRoom(reply.region, reply.position, reply.position + more);
    reply.limit = reply.region.length;
  });
}

function copyOf(region: Region, offset: number, length: number): Buffer {
  return Buffer.from(region.bytes.subarray(offset, offset + length));
}
