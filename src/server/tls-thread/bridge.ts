/**
 * Carries bytes between a client's decrypted stream and the end of a pair of sockets whose other end an
 * I/O thread serves. Each direction stops reading while the other side does not take what was read, so
 * a connection holds no more than the streams' high-water marks.
 *
 *   client ends its side    ─▶ the I/O thread sees the end, and still answers what came before
 *   I/O thread closes       ─▶ what it sent goes out, then the client is closed, at the latest after
 *                              LINGER_MS
 *   the client breaks       ─▶ the other is closed at once
 */
import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { LINGER_MS } from '../channel/main-tls.js';

const REST_BYTES = 16 * 1024;

/** @param descriptor of `plain` */
export function bridge(client: Socket, plain: Socket, descriptor: number): void {
  keepLastReplies(client, plain, descriptor);
  carry(client, plain);
  carry(plain, client);
  client.on('end', () => plain.end());
  client.on('error', () => plain.destroy());
  client.on('close', () => plain.destroy());
  // It closes then, as when the I/O thread has closed: it has, while the client was still sending.
  plain.on('error', () => {});
  plain.on('end', () => plain.end());
  plain.on('close', () => finish(client));
}

/**
 * The I/O thread has answered and closed while more of the client was on its way there: writing that fails, and Node.js
 * closes the socket with all that was not read from it. That is the reply which says why.
 */
function keepLastReplies(client: Socket, plain: Socket, descriptor: number): void {
  const destroy = plain._destroy.bind(plain);
  plain._destroy = (error, closed) => {
    if (error !== null && !client.destroyed) carryRest(client, plain, descriptor);
    destroy(error, closed);
  };
}

function carryRest(client: Socket, plain: Socket, descriptor: number): void {
  const begun: Buffer | null = plain.read();
  if (begun !== null) client.write(begun);
  try {
    for (;;) {
      const bytes = Buffer.allocUnsafe(REST_BYTES);
      const count = readSync(descriptor, bytes);
      if (count === 0) return;
      client.write(bytes.subarray(0, count));
    }
  } catch {
    // Nothing more is there: how a socket says that depends on what its other end has left unread.
  }
}

function carry(from: Socket, to: Socket): void {
  from.on('data', (bytes: Buffer) => {
    if (!to.write(bytes)) from.pause();
  });
  to.on('drain', () => from.resume());
}

function finish(client: Socket): void {
  if (client.destroyed) return;
  // Nobody reads it any more: what still comes must not hold up the end.
  client.removeAllListeners('data');
  client.resume();
  const timer = setTimeout(() => client.destroy(), LINGER_MS);
  client.once('close', () => clearTimeout(timer));
  client.destroySoon();
}
