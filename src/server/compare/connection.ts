/**
 * A client of any server that speaks the Redis protocol, for the comparison: commands in pipelines, replies
 * of RESP2 as nested arrays. Strings have one char per byte.
 */
import { connect, type Socket } from 'node:net';
import { encodeCommand } from '../../protocol/encode-command.js';

export type Reply = string | number | null | ErrorAnswer | readonly Reply[];

/** An error reply. */
export class ErrorAnswer {
  constructor(readonly text: string) {}
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** In place of no password, where the server wants one. */
  readonly otherwise: string;
}

const TIMEOUT_MS = 60_000;
const LF = 10;

interface Waiting {
  readonly count: number;
  readonly replies: Reply[];
  readonly resolve: (replies: Reply[]) => void;
  readonly reject: (error: Error) => void;
}

export class Connection {
  private received = Buffer.alloc(0);
  private readonly chunks: Buffer[] = [];
  private chunkBytes = 0;
  /** Bytes without which the next reply cannot be whole. */
  private wantedBytes = 1;
  private readonly waiting: Waiting[] = [];
  private failure: Error | null = null;

  private constructor(
    private readonly socket: Socket,
    readonly name: string,
  ) {
    socket.on('data', (bytes: Buffer) => this.take(bytes));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the connection was closed')));
    socket.setTimeout(TIMEOUT_MS, () => {
      if (this.waiting.length > 0) this.fail(new Error('no answer for too long'));
    });
  }

  /** @throws Error when there is no connection, or the server refuses the user */
  static async open({ host, port, user, password, otherwise }: Address): Promise<Connection> {
    const socket = connect({ host, port, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    const connection = new Connection(socket, `${host}:${port}`);
    const name = user === '' ? [] : [user];
    if (password !== '') await connection.demand('AUTH', ...name, password);
    else if (otherwise !== '') await connection.ask('AUTH', ...name, otherwise);
    return connection;
  }

  close(): void {
    this.socket.destroy();
  }

  pipeline(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    if (commands.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      if (this.failure !== null) {
        reject(this.failure);
        return;
      }
      this.waiting.push({ count: commands.length, replies: [], resolve, reject });
      this.socket.write(Buffer.concat(commands.map(encodeCommand)));
    });
  }

  async ask(...words: string[]): Promise<Reply> {
    return (await this.pipeline([words]))[0]!;
  }

  /** @throws Error for an error reply */
  async demand(...words: string[]): Promise<Reply> {
    const reply = await this.ask(...words);
    if (reply instanceof ErrorAnswer) throw new Error(`${words[0]} answers ${reply.text}`);
    return reply;
  }

  private fail(error: Error): void {
    this.failure ??= new Error(`${this.name}: ${error.message}`);
    this.socket.destroy();
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }

  private take(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.chunkBytes += bytes.length;
    // Joined when they may be a whole reply: a long one is not read again with each piece.
    if (this.received.length + this.chunkBytes < this.wantedBytes) return;
    this.received = Buffer.concat([this.received, ...this.chunks.splice(0)]);
    this.chunkBytes = 0;
    try {
      this.read();
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private read(): void {
    const parser = new ReplyParser(this.received);
    while (this.waiting.length > 0) {
      const start = parser.at;
      const reply = parser.next();
      if (reply === undefined) {
        this.received = this.received.subarray(start);
        this.wantedBytes = Math.max(this.received.length + 1, parser.missingFrom - start);
        return;
      }
      const first = this.waiting[0]!;
      first.replies.push(reply);
      if (first.replies.length < first.count) continue;
      this.waiting.shift();
      first.resolve(first.replies);
    }
    this.received = this.received.subarray(parser.at);
    this.wantedBytes = 1;
  }
}

/** Reads replies from bytes; `undefined` when one is not whole. */
class ReplyParser {
  at = 0;
  /** What the reply that is not whole needs at least, as a place in the bytes. */
  missingFrom = 0;

  constructor(private readonly bytes: Buffer) {}

  next(): Reply | undefined {
    const { bytes } = this;
    const lineEnd = bytes.indexOf(LF, this.at);
    if (lineEnd < 0) return undefined;
    const line = bytes.toString('latin1', this.at + 1, lineEnd - 1);
    const type = String.fromCharCode(bytes[this.at]!);
    this.at = lineEnd + 1;
    switch (type) {
      case '+':
        return line;
      case '-':
        return new ErrorAnswer(line);
      case ':':
        return Number(line);
      case '$':
        return this.bulk(Number(line));
      case '*':
        return this.array(Number(line));
      default:
        throw new Error('what the server sends is no reply');
    }
  }

  private bulk(length: number): string | null | undefined {
    if (length < 0) return null;
    const end = this.at + length;
    if (end + 2 > this.bytes.length) {
      this.missingFrom = end + 2;
      return undefined;
    }
    const text = this.bytes.toString('latin1', this.at, end);
    this.at = end + 2;
    return text;
  }

  private array(count: number): Reply[] | null | undefined {
    if (count < 0) return null;
    const items: Reply[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.next();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}

/** The items of an array as strings; none of anything else. */
export function words(reply: Reply): string[] {
  return Array.isArray(reply) ? reply.map((item) => (item === null ? '' : String(item))) : [];
}
