/**
 * A raw client over node:net: it sends exactly the bytes it is told to and gives replies back
 * type-exact. Arguments are latin1 strings (one character, one byte) or Buffers.
 */
import { connect, type Socket } from 'node:net';
import { bytesOf, concatenate } from './bytes.js';
import { isError, type Reply, ReplyDecoder, showReply, textOf } from './reply.js';

export type Argument = string | Buffer;

export interface ClientOptions {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly timeout_ms?: number;
}

/** Bounds failures only: a busy machine takes ten times as long as a quiet one. */
const REPLY_TIMEOUT_MS = 120_000;
const END_TIMEOUT_MS = 120_000;

interface Waiter {
  readonly count: number;
  readonly replies: Reply[];
  readonly resolve: (replies: Reply[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** No (more) replies: the connection ended, or nothing came in time. */
export class ConnectionLost extends Error {
  /** What had come of the replies that were waited for. */
  readonly replies: readonly Reply[];

  constructor(message: string, replies: readonly Reply[] = []) {
    super(message);
    this.replies = replies;
  }
}

export class RawClient {
  readonly socket: Socket;
  /** Push messages, in order of arrival. */
  readonly pushes: Reply[] = [];
  /** Replies nobody waited for (protocol errors, usually). */
  readonly unexpected: Reply[] = [];
  readonly #decoder = new ReplyDecoder();
  readonly #waiters: Waiter[] = [];
  readonly #timeout_ms: number;
  readonly #ended: Promise<void>;
  #lost: Error | undefined;

  constructor(socket: Socket, timeout_ms: number) {
    this.socket = socket;
    this.#timeout_ms = timeout_ms;
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', (error) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.#fail(new ConnectionLost('the server closed the connection'));
        resolve();
      });
    });
  }

  static connect(options: ClientOptions): Promise<RawClient> {
    const target =
      options.path === undefined
        ? { host: options.host ?? '127.0.0.1', port: options.port ?? 6379, noDelay: true }
        : { path: options.path };
    return new Promise((resolve, reject) => {
      const socket = connect(target);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket, options.timeout_ms ?? REPLY_TIMEOUT_MS));
      });
    });
  }

  get closed(): boolean {
    return this.#lost !== undefined;
  }

  /** Resolves when the connection has ended, whoever ended it; fails when it does not in good time. */
  async ended(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`the connection is still there after ${END_TIMEOUT_MS} ms`);
      timer = setTimeout(() => reject(error), END_TIMEOUT_MS);
    });
    try {
      await Promise.race([this.#ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Bytes as they are. */
  write(bytes: Argument): void {
    if (this.#lost === undefined) {
      this.socket.write(bytesOf(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes));
    }
  }

  /** Waits for the next replies, whatever asked for them. */
  replies(count: number): Promise<Reply[]> {
    if (count === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const got = `${waiter.replies.length} of ${count}`;
        this.#fail(new Error(`no reply within ${this.#timeout_ms} ms (${got} came)`));
        this.socket.destroy();
      }, this.#timeout_ms);
      const waiter: Waiter = { count, replies: [], resolve, reject, timer };
      if (this.#lost !== undefined && this.unexpected.length === 0) {
        clearTimeout(timer);
        reject(this.#lost);
        return;
      }
      this.#waiters.push(waiter);
      for (const reply of this.unexpected.splice(0)) this.#deliver(reply);
      if (this.#lost !== undefined) this.#fail(this.#lost);
    });
  }

  async command(...args: Argument[]): Promise<Reply> {
    this.write(encode(args));
    return (await this.replies(1))[0] as Reply;
  }

  /** The text of a reply that must not be an error. */
  async text(...args: Argument[]): Promise<string> {
    const reply = await this.command(...args);
    if (isError(reply)) throw new Error(`${String(args[0])}: ${showReply(reply)}`);
    return textOf(reply);
  }

  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]> {
    this.write(encodeAll(commands));
    return this.replies(commands.length);
  }

  async close(): Promise<void> {
    this.socket.destroy();
    await this.#ended;
  }

  #received(chunk: Buffer): void {
    this.#decoder.push(chunk);
    try {
      for (let reply = this.#decoder.next(); reply !== undefined; reply = this.#decoder.next()) {
        if (reply.type === 'push') this.pushes.push(reply);
        else this.#deliver(reply);
      }
    } catch (error) {
      this.#fail(error as Error);
      this.socket.destroy();
    }
  }

  #deliver(reply: Reply): void {
    const waiter = this.#waiters[0];
    if (waiter === undefined) {
      this.unexpected.push(reply);
      return;
    }
    waiter.replies.push(reply);
    if (waiter.replies.length === waiter.count) {
      this.#waiters.shift();
      clearTimeout(waiter.timer);
      waiter.resolve(waiter.replies);
    }
  }

  #fail(error: Error): void {
    this.#lost ??= error;
    for (const waiter of this.#waiters.splice(0)) {
      clearTimeout(waiter.timer);
      waiter.reject(new ConnectionLost(this.#lost.message, waiter.replies));
    }
  }
}

/** A command as RESP: the wire form as a Buffer. */
export function encode(args: readonly Argument[]): Buffer {
  return encodeAll([args]);
}

export function encodeAll(commands: readonly (readonly Argument[])[]): Buffer {
  const parts: Buffer[] = [];
  let text = '';
  for (const args of commands) {
    text += `*${args.length}\r\n`;
    for (const argument of args) {
      if (typeof argument === 'string') {
        text += `$${argument.length}\r\n${argument}\r\n`;
      } else {
        parts.push(Buffer.from(`${text}$${argument.length}\r\n`, 'latin1'), argument);
        text = '\r\n';
      }
    }
  }
  if (parts.length === 0) return Buffer.from(text, 'latin1');
  parts.push(Buffer.from(text, 'latin1'));
  return concatenate(parts);
}

/** A JavaScript string as the latin1 string of its UTF-8 bytes. */
export function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
