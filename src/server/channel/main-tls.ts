/**
 * Between the main thread and the TLS threads. A TLS thread has an event loop, and takes messages as
 * they come.
 */

/** How long a client may take for its handshake, where `timeout` is not shorter. */
export const HANDSHAKE_MS = 30_000;
/** Handshakes under way in a thread: more clients are turned away. A handshake holds some 50 KiB. */
export const HANDSHAKES_MAX = 1000;
/** How long a client may take to receive the last bytes, once its connection is over. */
export const LINGER_MS = 5000;

export interface TlsThreadData {
  readonly thread: number;
  readonly configBuffer: SharedArrayBuffer;
  /** Of this process, for keys of session tickets. */
  readonly secret: Uint8Array;
  /** Whether other threads listen on the same port. */
  readonly reusePort: boolean;
}

export type MainToTls =
  /** Listen on the tls-port of now, and on no other: answered by 'listening' or 'failed'. */
  { readonly kind: 'listen' };

export type TlsToMain =
  | { readonly kind: 'listening' }
  /** It does not listen, and says why. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'log'; readonly line: string }
  /** The inner end of a pair (platform/ffi/socket-pair.ts), for some I/O thread. */
  | { readonly kind: 'client'; readonly descriptor: number };
