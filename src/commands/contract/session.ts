import type { ClientTracking } from './tracking-port.js';

/**
 * A client as commands see it. Plain numeric fields that the data path reads; everything rare is in
 * `details`.
 */
export interface Session {
  /** Process-wide, increasing. */
  readonly id: number;
  database: number;
  /** RESP version: 2 or 3. */
  protocol: 2 | 3;
  authenticated: boolean;
  /** The connection ends once the replies written so far have been sent. */
  closeAfterReply: boolean;
  /** CLIENT REPLY: one of the REPLY_ constants. CLIENT REPLY SKIP sets REPLY_SKIP_NEXT. */
  replyMode: number;
  inMulti: boolean;
  /** A queued command was refused: EXEC answers EXECABORT. */
  multiAborted: boolean;
  readonly isReplica: boolean;
  /** Subscribed to channels or patterns. */
  readonly isSubscribed: boolean;
  name: string;
  user: string;
  libraryName: string;
  libraryVersion: string;
  noEvict: boolean;
  noTouch: boolean;
  /** Null when it does not track what it reads. */
  readonly tracking: ClientTracking | null;
  readonly createdMs: number;
  lastInteractionMs: number;
  /** 'address:port' of the peer and of our end. */
  readonly address: string;
  readonly localAddress: string;

  /** RESET: back to the state after accept (except the connection itself). */
  reset(): void;
}

export const REPLY_ON = 0;
export const REPLY_OFF = 1;
/** The command under way gets no reply. */
export const REPLY_SKIP = 2;
/** Nor does the one after it. */
export const REPLY_SKIP_NEXT = 3;
