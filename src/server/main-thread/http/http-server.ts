/**
 * HTTP on metrics-port, for people, probes and Prometheus: a few connections, short requests, on the main
 * thread, which serves no clients. It is off unless metrics-port is set, and listens on loopback unless
 * metrics-bind says otherwise.
 *
 *   request ──▶ route? ──▶ method? ──▶ started? ──▶ body? ──▶ trusted? ──▶ the route's handler
 *                 404        405          503          413        403          500 when it throws
 *
 * It listens before any thread that the routes ask is started: a port in use ends a start before a client
 * is served, and a probe that comes early hears why it has to wait.
 *
 * A connection has one request at a time, so that connections bound the work: Node.js would start
 * everything that a client sends in one go.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import { FailureLog } from '../../../base/failure-log.js';
import type { Log } from '../../../base/log.js';
import { systemErrorText } from '../../../base/system-error.js';
import { answerText, pathOf, type Route, routesFor } from './route.js';
import { whyUntrusted } from './trusted-request.js';

/** Of each address. More are closed at once. */
export const HTTP_CONNECTIONS_MAX = 32;
export const HTTP_HEADER_BYTES_MAX = 8192;
/** Until the headers are there, and all of the request. */
export const HTTP_HEADERS_MS_MAX = 5000;
export const HTTP_REQUEST_MS_MAX = 10_000;
/** Without a byte in either direction. */
export const HTTP_IDLE_MS_MAX = 30_000;
/** How often these times are looked at. */
const CHECK_PERIOD_MS = 1000;
/** An optional address that this machine does not have is left out, as with `bind`. */
const NOT_HERE = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'];

export interface HttpServerParts {
  readonly port: number;
  /** As in `bind`: an address that begins with `-` may be missing; `*` and `::*` mean all. */
  readonly bind: readonly string[];
  readonly routes: readonly Route[];
  /** While it is true no route is asked. */
  readonly isStarting: () => boolean;
  readonly log: Log;
}

export class HttpServer {
  private readonly servers: Server[] = [];
  /** Connections whose request has no whole answer yet, and that answer. */
  private readonly answering = new WeakMap<Socket, ServerResponse>();
  private readonly failures: FailureLog;
  private readonly names: readonly string[];

  constructor(private readonly parts: HttpServerParts) {
    this.failures = new FailureLog((text) => parts.log.warning(text));
    const bound = parts.bind.map((word) => word.replace(/^-/, ''));
    this.names = [hostname(), ...bound].map((name) => name.toLowerCase());
  }

  /** @throws Error for the log when an address cannot be listened on */
  async listen(): Promise<void> {
    for (const word of this.parts.bind) {
      const isOptional = word.startsWith('-');
      const host = isOptional ? word.slice(1) : word;
      const error = await this.listenOn(host);
      if (error === null || (isOptional && NOT_HERE.includes(error.code ?? ''))) continue;
      await this.close();
      const where = `${host}:${this.parts.port}`;
      const why = `Could not create the listening socket of metrics-port ${where}: `;
      // The code is for programs that have a server within them.
      throw Object.assign(new Error(why + systemErrorText(error)), { code: error.code });
    }
    const { port, log } = this.parts;
    if (this.servers.length === 0) log.warning('metrics-port is set, but metrics-bind is empty');
    else log.notice(`HTTP (metrics-port) on ${this.addresses.join(', ')}, port ${port}`);
  }

  private get addresses(): string[] {
    return this.servers.map((server) => (server.address() as { address: string }).address);
  }

  /** Ends all connections, whatever they wait for. */
  async close(): Promise<void> {
    const closed = this.servers.splice(0).map((server) => {
      const done = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      return done;
    });
    await Promise.all(closed);
  }

  private async listenOn(host: string): Promise<NodeJS.ErrnoException | null> {
    const server = createServer(
      {
        maxHeaderSize: HTTP_HEADER_BYTES_MAX,
        headersTimeout: HTTP_HEADERS_MS_MAX,
        requestTimeout: HTTP_REQUEST_MS_MAX,
        keepAliveTimeout: HTTP_IDLE_MS_MAX,
        connectionsCheckingInterval: CHECK_PERIOD_MS,
      },
      (request, response) => void this.serve(request, response),
    );
    server.maxConnections = HTTP_CONNECTIONS_MAX;
    server.timeout = HTTP_IDLE_MS_MAX;
    const address = host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host;
    const options = { host: address, port: this.parts.port, exclusive: true };
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
      server.once('error', resolve);
      server.listen({ ...options, ipv6Only: address === '::' }, () => resolve(null));
    });
    if (error !== null) return error;
    // Too few descriptors: the connection waits, and a later one is accepted.
    server.on('error', (trouble) => this.failures.note('HTTP server', trouble));
    this.servers.push(server);
    return null;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.takesTurn(request.socket, response)) return;
    // Without a listener an error here would end the process.
    response.on('error', (error) => this.failures.note('HTTP connection', error));
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    const route = this.choose(request, response);
    if (route === null) return;
    try {
      await route.handle(request, response);
    } catch (error) {
      this.failures.note(`Exception while answering ${route.method} ${route.path}`, error);
      if (response.headersSent) response.destroy();
      else answerText(response, 500, 'Internal error: the log of the server has it');
    }
  }

  /**
   * A request before the answer to the last one ends the connection: proxies, browsers and Prometheus do
   * not send such. What is written already still goes out.
   */
  private takesTurn(socket: Socket, response: ServerResponse): boolean {
    const current = this.answering.get(socket);
    if (current === undefined) {
      this.answering.set(socket, response);
      response.once('close', () => this.answering.delete(socket));
      return true;
    }
    if (!current.writableEnded) socket.destroy();
    else if (!socket.destroyed && !socket.writableEnded) socket.destroySoon();
    return false;
  }

  /** @returns null when the request is answered already */
  private choose(request: IncomingMessage, response: ServerResponse): Route | null {
    const found = routesFor(this.parts.routes, pathOf(request));
    if (found.length === 0) return this.refuse(response, 404, 'Not found');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = found.find((candidate) => candidate.method === method);
    if (route === undefined) {
      const methods = found.map((candidate) => candidate.method);
      response.setHeader('Allow', methods.includes('GET') ? ['HEAD', ...methods] : methods);
      return this.refuse(response, 405, 'Method not allowed');
    }
    if (this.parts.isStarting()) {
      response.setHeader('Retry-After', '1');
      return this.refuse(response, 503, 'starting');
    }
    if (route.method === 'GET' && hasBody(request)) {
      return this.refuse(response, 413, 'A GET has no body');
    }
    const why = route.isOpen ? null : whyUntrusted(request.headers, route.method, this.names);
    return why === null ? route : this.refuse(response, 403, why);
  }

  /** Whatever else the connection sends is not read. */
  private refuse(response: ServerResponse, status: number, text: string): null {
    response.setHeader('Connection', 'close');
    answerText(response, status, text);
    return null;
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
