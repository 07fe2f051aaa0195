/**
 * A small client for the questions around a measurement (PING, INFO, DBSIZE, sampled GETs). Not
 * for load: that is bench/load. RESP2; an error reply rejects.
 */
import { connect, type Socket } from 'node:net';

export type Reply = string | number | null | Reply[];

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class ReplyError extends Error {}

export class AdminClient {
  private readonly waiting: Waiting[] = [];
  /** Bytes as characters (latin1) that no reply has taken yet. */
  private received = '';

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('close', () => this.fail(new Error('the server closed the connection')));
    socket.on('error', (error) => this.fail(error));
  }

  static connect(port: number): Promise<AdminClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new AdminClient(socket));
      });
    });
  }

  command(...parts: readonly string[]): Promise<Reply> {
    let text = `*${parts.length}\r\n`;
    for (const part of parts) text += `$${Buffer.byteLength(part, 'latin1')}\r\n${part}\r\n`;
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error('the connection is closed'));
      this.waiting.push({ resolve, reject });
      this.socket.write(text, 'latin1');
    });
  }

  /** INFO as a map of its fields. */
  async info(section = 'all'): Promise<Map<string, string>> {
    const text = String(await this.command('INFO', section));
    const fields = new Map<string, string>();
    for (const line of text.split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0 && !line.startsWith('#'))
        fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
    return fields;
  }

  close(): void {
    this.socket.removeAllListeners('close');
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.received += chunk.toString('latin1');
    for (;;) {
      let read: Decoded<Reply | ReplyError> | undefined;
      try {
        read = decode(this.received, 0);
      } catch (error) {
        this.fail(error as Error);
        return;
      }
      if (read === undefined) return;
      this.received = this.received.slice(read.next);
      const waiting = this.waiting.shift();
      if (read.reply instanceof ReplyError) waiting?.reject(read.reply);
      else waiting?.resolve(read.reply);
    }
  }

  private fail(error: Error): void {
    for (const waiting of this.waiting.splice(0)) waiting.reject(error);
    this.socket.destroy();
  }
}

interface Decoded<T> {
  readonly reply: T;
  readonly next: number;
}

/** The reply that begins at `from`, or undefined when it is not whole yet. */
function decode(text: string, from: number): Decoded<Reply | ReplyError> | undefined {
  const end = text.indexOf('\r\n', from);
  if (end < 0) return undefined;
  const line = text.slice(from + 1, end);
  const next = end + 2;
  switch (text[from]) {
    case '+':
      return { reply: line, next };
    case '-':
      return { reply: new ReplyError(line), next };
    case ':':
      return { reply: Number(line), next };
    case '$':
      return decodeBulk(text, next, Number(line));
    case '*':
      return decodeArray(text, next, Number(line));
    default:
      throw new Error(`not a RESP2 reply: ${text.slice(from, end)}`);
  }
}

function decodeBulk(text: string, from: number, length: number): Decoded<Reply> | undefined {
  if (length < 0) return { reply: null, next: from };
  const end = from + length;
  if (text.length < end + 2) return undefined;
  return { reply: text.slice(from, end), next: end + 2 };
}

function decodeArray(text: string, from: number, count: number): Decoded<Reply> | undefined {
  if (count < 0) return { reply: null, next: from };
  const items: Reply[] = [];
  let next = from;
  for (let i = 0; i < count; i++) {
    const item = decode(text, next);
    if (item === undefined) return undefined;
    if (item.reply instanceof ReplyError) throw item.reply;
    items.push(item.reply);
    next = item.next;
  }
  return { reply: items, next };
}
