/**
 * Carries bytes between a client's decrypted stream and the end of a pair of sockets whose other end an
 * I/O thread serves. Each direction stops reading while the other side does not take what was read, so
 * a connection holds no more than the streams' high-water marks.
 *
 *   client ends its side    ─▶ the I/O thread sees the end, and still answers what came before
 *   I/O thread closes       ─▶ what it sent goes out, then the client is closed, at the latest after
 *                              LINGER_MS
 *   either breaks           ─▶ the other is closed at once
 */
import type { Socket } from 'node:net';
import { LINGER_MS } from '../channel/main-tls.js';

export function bridge(client: Socket, plain: Socket): void {
  carry(client, plain);
  carry(plain, client);
  client.on('end', () => plain.end());
  client.on('error', () => plain.destroy());
  client.on('close', () => plain.destroy());
  plain.on('error', () => client.destroy());
  plain.on('end', () => plain.end());
  plain.on('close', () => finish(client));
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
