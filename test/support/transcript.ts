/**
 * Exchanges of raw bytes: what a server sends back, to the byte, and whether it then closes the
 * connection. For malformed input, and for whatever a decoder would hide.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOf, concatenate } from './bytes.js';

export interface Transcript {
  /** Everything received, as latin1. */
  readonly received: string;
  /** How it ended: the server closed, or nothing more came. */
  readonly ending: 'closed' | 'open';
}

export interface ExchangeOptions {
  /** Bytes per write; all at once by default. */
  readonly pieceBytes?: number;
  /** End our half after writing. */
  readonly halfClose?: boolean;
  /** The bytes end the connection: no marker follows them. */
  readonly closes?: boolean;
  /** Quiet for so long means that nothing more comes. */
  readonly quiet_ms?: number;
}

const endMarker = 'end-of-transcript';
/** For what ends by its marker, or by closing, however busy the machine is: a bound of failures only. */
export const UNTIL_ITS_END_MS = 30_000;

/**
 * Sends the bytes, then (unless the connection ends) an ECHO that marks the end; a server that still
 * waits for more of a command swallows it, so quietness ends the exchange as well.
 */
export async function exchange(
  port: number,
  bytes: string,
  options: ExchangeOptions = {},
): Promise<Transcript> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const parts: Buffer[] = [];
  let closed = false;
  let last = Date.now();
  socket.on('data', (chunk) => {
    parts.push(chunk);
    last = Date.now();
  });
  socket.on('error', () => {
    closed = true;
  });
  socket.on('close', () => {
    closed = true;
  });
  // The server's own end counts as closing, ours (half-close) does not.
  socket.on('end', () => {
    closed = true;
  });
  const all = Buffer.from(bytes, 'latin1');
  const step = options.pieceBytes ?? all.length;
  for (let i = 0; i < all.length && !closed; i += step) {
    socket.write(bytesOf(all.subarray(i, i + step)));
    if (step < all.length) await sleep(0);
  }
  if (options.halfClose === true) socket.end();
  else if (options.closes !== true)
    socket.write(`*2\r\n$4\r\nECHO\r\n$${endMarker.length}\r\n${endMarker}\r\n`);
  // Writing in pieces takes its time: quietness counts from its end.
  last = Date.now();
  const quiet_ms = options.quiet_ms ?? 300;
  while (!closed && Date.now() - last < quiet_ms) {
    await sleep(2);
    if (tail(parts).includes(endMarker)) break;
  }
  socket.destroy();
  const received = concatenate(parts).toString('latin1');
  return { received, ending: closed ? 'closed' : 'open' };
}

function tail(parts: readonly Buffer[]): string {
  const recent = concatenate(parts.slice(-2));
  return recent.subarray(Math.max(0, recent.length - 64)).toString('latin1');
}
