/**
 * Connections that change threads, as the network layer sees them:
 *
 *   old thread   giveAway ─▶ transport.detach ─▶ (serves what still arrives) ─▶ detached ─▶ TakeOver
 *   new thread   adopt(descriptor, session, input) ─▶ transport.adopt ─▶ accepted ─▶ serves `input`
 *
 * What was received and not yet run travels along as bytes, so a client may be in the middle of a
 * command. If it is no longer quiet when its transport has detached it (it waits for something,
 * say), the same transport adopts it again, and it continues there.
 */
import { toBinary } from '../base/region.js';
import type { Connection } from './connection.js';
import type { NetSession } from './runner.js';

/** The slot of a connection that is on its way. */
export const NOWHERE = -1;
/** A connection with more unserved input than this stays where it is. */
const INPUT_BYTES_MAX = 64 * 1024;

/**
 * Takes over a detached connection with its unserved input (one char per byte). False when the
 * new owner refuses it: the connection stays.
 */
export type TakeOver = (descriptor: number, input: string) => boolean;

/** Whether nothing ties a connection to its thread as far as the network layer knows. */
export function isQuiet<S extends NetSession>(connection: Connection<S>): boolean {
  const { session, partial, pending } = connection;
  if (connection.closed || connection.inputEnded) return false;
  if (session.suspended || session.closeAfterReply) return false;
  if (!(pending?.isEmpty ?? true) || connection.held > 0) return false;
  return (partial?.directLeft ?? 0) === 0 && connection.inputBytes <= INPUT_BYTES_MAX;
}

/**
 * What has been received and not run: the command under assembly, then whole commands that wait.
 */
export function unservedInput<S extends NetSession>(connection: Connection<S>): string {
  const { partial, backlog } = connection;
  const begun = partial === null ? '' : toBinary(partial.region, 0, partial.used);
  return backlog === null ? begun : begun + toBinary(backlog.region, backlog.start, backlog.length);
}

export interface Arrival<S extends NetSession> {
  readonly connection: Connection<S>;
  readonly input: string;
}

/** Connections that the transport was asked to adopt, by descriptor. */
export class Arrivals<S extends NetSession> {
  private readonly expected = new Map<number, Arrival<S>>();

  get isEmpty(): boolean {
    return this.expected.size === 0;
  }

  add(descriptor: number, connection: Connection<S>, input: string): void {
    connection.slot = NOWHERE;
    connection.session.connection = NOWHERE;
    this.expected.set(descriptor, { connection, input });
  }

  take(descriptor: number): Arrival<S> | undefined {
    const arrival = this.expected.get(descriptor);
    if (arrival !== undefined) this.expected.delete(descriptor);
    return arrival;
  }

  /** The connection of a session that has not arrived yet. */
  find(session: S): Connection<S> | undefined {
    for (const { connection } of this.expected.values()) {
      if (connection.session === session) return connection;
    }
    return undefined;
  }
}
