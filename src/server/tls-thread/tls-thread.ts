/**
 * A TLS thread: a Worker that accepts on tls-port, does the handshakes and decrypts. A client that has
 * come through gets a pair of sockets (platform/ffi/socket-pair.ts); an I/O thread serves the other end
 * like any connection. So nothing on the data path of I/O threads knows of TLS, and computing a
 * handshake holds up no command.
 *
 *   accepted ──handshake──▶ bridged ──▶ closed
 *       │ too many, too slow, no certificate, not TLS
 *       └──▶ closed
 *
 * Certificates and rules are looked at again after each change of the configuration, before the next
 * handshake. Wrong ones are logged, and the former stay in force.
 */
import { createServer, type Server, Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Log, type LogLevel } from '../../base/log.js';
import { openListener } from '../../platform/ffi/socket.js';
import { createSocketPair } from '../../platform/ffi/socket-pair.js';
import type { WorkerStart } from '../../platform/ffi/worker-loading.js';
import { watchHeap } from '../../platform/thread-heap.js';
import {
  HANDSHAKE_MS,
  HANDSHAKES_MAX,
  type MainToTls,
  type TlsThreadData,
  type TlsToMain,
} from '../channel/main-tls.js';
import { Config } from '../config/config.js';
import { notConfiguredText, readServerOptions, ticketKeys } from '../config/tls.js';
import { bridge } from './bridge.js';

class TlsThread {
  private readonly config: Config;
  private readonly log: Log;
  private readonly listeners: Server[] = [];
  private server: TlsServer | null = null;
  /** The options in force, as text. */
  private inForce = '';
  private isStale = true;
  /** What was wrong with the configuration last. */
  private fault = '';
  /** All that were accepted. */
  private connections = 0;
  /** Those of them whose handshake is under way, by the names of both ends; the oldest first. */
  private readonly handshakes = new Map<string, Socket>();

  constructor(
    private readonly data: TlsThreadData,
    private readonly main: MessagePort,
  ) {
    this.config = Config.attach(data.configBuffer);
    this.log = new Log((line) => this.post({ kind: 'log', line }));
    this.config.changed = () => {
      this.isStale = true;
    };
    main.on('message', (message: MainToTls) => {
      if (message.kind === 'listen') void this.listen();
    });
  }

  private post(message: TlsToMain): void {
    this.main.postMessage(message);
  }

  /** Stops listening, and begins on the port of now. */
  private async listen(): Promise<void> {
    for (const listener of this.listeners.splice(0)) listener.close();
    try {
      if (this.renew() === null) throw new Error(notConfiguredText(this.fault));
      if (this.config.number('tls-port') !== 0) await this.bindAll();
      this.post({ kind: 'listening' });
    } catch (error) {
      this.post({ kind: 'failed', reason: messageOf(error) });
    }
  }

  private async bindAll(): Promise<void> {
    for (const word of this.config.words('bind')) {
      // '-address' may be missing on this machine.
      const optional = word.startsWith('-');
      try {
        await this.bind(optional ? word.slice(1) : word);
      } catch (error) {
        if (!optional) throw error;
      }
    }
  }

  private async bind(host: string): Promise<void> {
    const { config, data } = this;
    const backlog = config.number('tcp-backlog');
    const address = { host, port: config.number('tls-port'), backlog, reusePort: data.reusePort };
    const { descriptor } = await openListener(address, config.number('tcp-keepalive'));
    const listener = createServer({ noDelay: true }, (socket) => this.accept(socket));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ fd: descriptor, backlog }, resolve);
    });
    listener.on('error', (error) =>
      this.log.warning(`Accepting client connection: ${error.message}`),
    );
    this.listeners.push(listener);
  }

  /** Takes over what the configuration says now. @returns null while there is nothing in force */
  private renew(): TlsServer | null {
    this.config.refresh();
    if (!this.isStale) return this.server;
    this.isStale = false;
    this.log.level = this.config.value('loglevel') as LogLevel;
    try {
      const options = readServerOptions((name) => this.config.value(name));
      const handshakeMs = this.handshakeMs();
      const text = JSON.stringify({ options, handshakeMs });
      if (text === this.inForce) return this.server;
      this.server = this.createServer(options, handshakeMs);
      this.inForce = text;
    } catch (error) {
      this.fault = messageOf(error);
      this.log.warning(this.fault);
    }
    return this.server;
  }

  /** Redis's `timeout` counts from the connection on, so a shorter one ends handshakes as well. */
  private handshakeMs(): number {
    const timeoutMs = this.config.number('timeout') * 1000;
    return timeoutMs === 0 ? HANDSHAKE_MS : Math.min(timeoutMs, HANDSHAKE_MS);
  }

  private createServer(
    options: ReturnType<typeof readServerOptions>,
    handshakeTimeout: number,
  ): TlsServer {
    const server = createTlsServer({
      ...options,
      ca: options.ca === undefined ? undefined : [...options.ca],
      ticketKeys: ticketKeys(options, this.data.secret),
      handshakeTimeout,
    });
    server.on('secureConnection', (client) => this.takeClient(client));
    server.on('tlsClientError', (error, client) => {
      this.log.verbose(`Error accepting a client connection: ${error.message}`);
      client.destroy();
    });
    return server;
  }

  private accept(socket: Socket): void {
    const server = this.renew();
    const isFull = this.connections >= this.config.number('maxclients');
    // Breaks off while the handshake has not begun are nobody's news.
    socket.on('error', () => socket.destroy());
    if (server === null || isFull) {
      socket.destroy();
      return;
    }
    const keepAliveSeconds = this.config.number('tcp-keepalive');
    if (keepAliveSeconds > 0) socket.setKeepAlive(true, keepAliveSeconds * 1000);
    const { handshakes } = this;
    // Who begins now is more likely to go on than who stopped half way.
    if (handshakes.size >= HANDSHAKES_MAX) handshakes.values().next().value?.destroy();
    const ends = endsOf(socket);
    handshakes.set(ends, socket);
    this.connections++;
    socket.once('close', () => {
      this.connections--;
      if (handshakes.get(ends) === socket) handshakes.delete(ends);
    });
    server.emit('connection', socket);
  }

  /** Its handshake is over. */
  private takeClient(client: TLSSocket): void {
    this.handshakes.delete(endsOf(client));
    // With tls-auth-clients optional, no certificate is as good as a right one, a wrong one is not.
    const isWrong = client.authorizationError != null && hasCertificate(client);
    if (isWrong) this.log.verbose('Error accepting a client connection: wrong certificate');
    const peer = nameOf(client.remoteAddress, client.remotePort);
    const local = nameOf(client.localAddress, client.localPort);
    if (isWrong || peer === '') {
      client.destroy();
      return;
    }
    // Whoever ends its side during the handshake is gone; from here on it gets its last replies first.
    client.allowHalfOpen = true;
    try {
      const { outer, inner } = createSocketPair(peer, local);
      const plain = new Socket({ fd: outer, allowHalfOpen: true });
      bridge(client, plain, outer);
      this.post({ kind: 'client', descriptor: inner });
    } catch (error) {
      this.log.warning(`Accepting client connection: ${messageOf(error)}`);
      client.destroy();
    }
  }
}

function hasCertificate(client: TLSSocket): boolean {
  return Object.keys(client.getPeerCertificate() ?? {}).length > 0;
}

function endsOf(socket: Socket): string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

function nameOf(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

watchHeap();
new TlsThread((workerData as WorkerStart<TlsThreadData>).data, parentPort!);
