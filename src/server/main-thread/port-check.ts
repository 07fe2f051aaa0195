/**
 * Whether the ports are free, before anything is made. Listening with SO_REUSEPORT would succeed beside
 * another server of the same user, and share its clients: so each port is tried without it first.
 */
import { createServer } from 'node:net';
import { libc } from '../../platform/ffi/libc.js';
import { closeListener, openListener } from '../../platform/ffi/socket.js';
import { TransportError } from '../../platform/transport.js';
import type { Config } from '../config/config.js';

/** @throws TransportError when another server listens on one of them */
export async function checkPorts(config: Config): Promise<void> {
  for (const name of ['port', 'tls-port'] as const) {
    const port = config.number(name);
    if (port === 0) continue;
    for (const word of config.words('bind')) await checkFree(word.replace(/^-/, ''), port);
  }
}

async function checkFree(host: string, port: number): Promise<void> {
  const code = await tryListen(host, port);
  if (code !== 'EADDRINUSE') return;
  throw new TransportError(
    code,
    `Could not create server TCP listening socket ${host}:${port}: bind: Address already in use`,
  );
}

/** The code of the error that listening brings, or ''. */
async function tryListen(host: string, port: number): Promise<string> {
  // Without node:net, whose first listener costs a start as much as reading its configuration.
  if (libc === undefined) return tryPortably(host, port);
  try {
    closeListener(await openListener({ host, port, backlog: 1 }, 0));
    return '';
  } catch (error) {
    return error instanceof TransportError ? error.code : 'unknown';
  }
}

function tryPortably(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    // A client that connects now is too early: left open, it would delay closing.
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    const address = host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host;
    server.listen({ host: address, port, exclusive: true, ipv6Only: address === '::' }, () =>
      server.close(() => resolve('')),
    );
  });
}
