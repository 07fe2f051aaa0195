/** The suite's side of the line protocol: a server thread to steer, and clients to talk to it. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ffiUnavailableReason } from '../ffi/libc.js';
import { uringUnavailableReason } from '../ffi/uring-probe.js';
import type { ListenAddress, TransportName } from '../transport.js';
import { wakeTransport } from '../wake.js';
import type { Counters, Detached } from './line-server.js';
import type { Order, ThreadOptions } from './transport-thread.js';

export interface Message {
  readonly waker?: number;
  readonly listening?: number;
  readonly failed?: string;
  readonly counters?: Counters;
  readonly offered?: number;
  readonly detached?: Detached;
  readonly stopped?: boolean;
}

/** TypeScript 7 and @types/node 20 disagree about Buffer's `slice().buffer`, nothing more. */
export function asBytes(buffer: Buffer): Uint8Array {
  return buffer as unknown as Uint8Array;
}

function joined(chunks: readonly Buffer[]): Buffer {
  return Buffer.concat(chunks as unknown as Uint8Array[]);
}

/** Bounds failures: on a busy machine a thread waits seconds for its turn. */
const LIMIT_MS = 30_000;

/** Rejects when `promise` takes longer than a test should wait. */
export function within<T>(promise: Promise<T>, what: string, limitMs = LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took over ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A transport in a worker thread. */
export class ServerThread {
  private static readonly alive = new Set<ServerThread>();
  waker = 0;
  onOffered: (descriptor: number) => void = () => {};
  onDetached: (state: Detached) => void = () => {};
  private readonly messages: Message[] = [];
  private readonly waiting: ((message: Message) => void)[] = [];
  private running = false;

  private constructor(
    private readonly worker: Worker,
    private readonly port: MessagePort,
  ) {
    port.on('message', (message: Message) => {
      if (message.offered !== undefined) {
        this.onOffered(message.offered);
        return;
      }
      if (message.detached !== undefined) {
        this.onDetached(message.detached);
        return;
      }
      const waiter = this.waiting.shift();
      if (waiter) waiter(message);
      else this.messages.push(message);
    });
    worker.on('error', (error) => {
      throw error;
    });
  }

  static async start(
    name: TransportName,
    options: Partial<ThreadOptions> = {},
  ): Promise<ServerThread> {
    const { port1, port2 } = new MessageChannel();
    const workerData: ThreadOptions = {
      name,
      port: port2,
      waitMs: options.waitMs ?? -1,
      handOver: options.handOver ?? false,
      uringSizes: options.uringSizes,
    };
    const worker = new Worker(new URL('./transport-thread.js', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    const thread = new ServerThread(worker, port1);
    ServerThread.alive.add(thread);
    thread.waker = (await thread.next('start')).waker!;
    return thread;
  }

  private next(what: string): Promise<Message> {
    const message = this.messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return within(new Promise((resolve) => this.waiting.push(resolve)), what);
  }

  /** Before `run`. @returns the port, or the error code */
  async listen(address: Partial<ListenAddress>): Promise<number | string> {
    this.port.postMessage({ order: 'listen', address: { backlog: 511, ...address } });
    const first = await this.next('listen');
    const second = await this.next('listen');
    const message = first.counters === undefined ? first : second;
    return message.listening ?? message.failed ?? '';
  }

  run(): void {
    this.running = true;
    this.port.postMessage({ order: 'run' });
  }

  async order(order: Order): Promise<Counters> {
    this.port.postMessage(order);
    if (this.running) wakeTransport(this.waker);
    return (await this.next(order.order)).counters!;
  }

  counters(): Promise<Counters> {
    return this.order({ order: 'counters' });
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.worker.once('exit', resolve));
    if (!this.running) await this.worker.terminate();
    else await this.order({ order: 'stop' });
    await within(exited, 'stop');
    this.port.close();
    ServerThread.alive.delete(this);
  }

  /** What failed tests left behind. A thread that blocks notices its end when it is woken. */
  static async stopAll(): Promise<void> {
    Client.destroyAll();
    for (const thread of ServerThread.alive) {
      const ended = thread.worker.terminate();
      wakeTransport(thread.waker);
      await ended;
      thread.port.close();
    }
  }
}

/** A client that collects what it reads. */
export class Client {
  private static readonly alive = new Set<Client>();
  private chunks: Buffer[] = [];
  private bytes = 0;
  private notify: () => void = () => {};
  ended = false;
  error: NodeJS.ErrnoException | undefined;

  private constructor(readonly socket: Socket) {
    Client.alive.add(this);
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.bytes += chunk.length;
      this.notify();
    });
    socket.on('end', () => {
      this.ended = true;
      this.notify();
    });
    socket.on('error', (error) => {
      this.error = error;
      this.notify();
    });
    socket.on('close', () => {
      Client.alive.delete(this);
      this.ended = true;
      this.notify();
    });
  }

  static async connect(to: number | string | NetConnectOpts): Promise<Client> {
    const options =
      typeof to === 'object'
        ? to
        : typeof to === 'string'
          ? { path: to, allowHalfOpen: true }
          : { port: to, host: '127.0.0.1', allowHalfOpen: true };
    const socket = connect(options);
    socket.setNoDelay(true);
    await within(
      new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject)),
      'connect',
    );
    return new Client(socket);
  }

  /** The next `length` bytes. */
  async read(length: number): Promise<Buffer> {
    await this.until(() => this.bytes >= length || this.ended, `reading ${length} bytes`);
    const all = joined(this.chunks);
    if (all.length < length) throw new Error(`ended after ${all.length} of ${length} bytes`);
    this.chunks = [all.subarray(length)];
    this.bytes = all.length - length;
    return all.subarray(0, length);
  }

  async line(): Promise<string> {
    const has = () => this.chunks.some((chunk) => chunk.includes(10));
    await this.until(() => has() || this.ended, 'reading a line');
    const all = joined(this.chunks);
    const end = all.indexOf(10);
    if (end < 0) throw new Error(`ended without a line, after '${all}'`);
    await this.read(end + 1);
    return all.toString('latin1', 0, end);
  }

  /** Everything until the server ends the connection. */
  async rest(): Promise<Buffer> {
    await this.until(() => this.ended, 'the end');
    const all = joined(this.chunks);
    this.chunks = [];
    this.bytes = 0;
    return all;
  }

  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\n`);
    return this.line();
  }

  destroy(): void {
    this.socket.destroy();
  }

  static destroyAll(): void {
    for (const client of Client.alive) client.destroy();
  }

  private async until(condition: () => boolean, what: string): Promise<void> {
    while (!condition()) {
      await within(
        new Promise<void>((resolve) => {
          this.notify = resolve;
        }),
        what,
      );
    }
  }
}

/** A running server thread that listens on a port of the loopback interface. */
export async function serve(
  name: TransportName,
  options: Partial<ThreadOptions> = {},
): Promise<{ thread: ServerThread; port: number }> {
  const thread = await ServerThread.start(name, options);
  const port = await thread.listen({ host: '127.0.0.1', port: 0 });
  if (typeof port !== 'number') throw new Error(`listen: ${port}`);
  thread.run();
  return { thread, port };
}

export async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  const until = Date.now() + LIMIT_MS;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await sleep(5);
  }
}

/** Why this system lacks the transport, or false: for the `skip` of tests. */
export function unavailable(name: TransportName): string | false {
  if (name === 'uring') return uringUnavailableReason() || false;
  if (name === 'epoll') return ffiUnavailableReason() || false;
  return false;
}
