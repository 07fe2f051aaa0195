/**
 * An incremental decoder of RESP2 and RESP3, and a raw connection that uses it. Written apart from
 * src/protocol, straight from the specification, so that each can check the other.
 *
 * A reply keeps its type, so that replies of two servers can be compared exactly; byte strings are
 * strings of one byte per char. Numbers stay text: nothing is lost to rounding.
 */
import { connect, type Socket } from 'node:net';

export type RespReply =
  | { readonly type: 'simple' | 'error' | 'integer' | 'double' | 'big'; readonly text: string }
  | { readonly type: 'bulk' | 'bulk-error'; readonly text: string }
  | { readonly type: 'verbatim'; readonly format: string; readonly text: string }
  | { readonly type: 'null-bulk' | 'null-array' | 'null' }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'array' | 'set' | 'push'; readonly items: readonly RespReply[] }
  | { readonly type: 'map'; readonly entries: readonly (readonly [RespReply, RespReply])[] }
  | {
      readonly type: 'attributed';
      readonly attributes: readonly (readonly [RespReply, RespReply])[];
      readonly reply: RespReply;
    };

/** Bytes that no server may send. */
export class RespViolation extends Error {}

const LINE_TYPES = new Map([
  ['+', 'simple'],
  ['-', 'error'],
  [':', 'integer'],
  [',', 'double'],
  ['(', 'big'],
] as const);
const LINE_FORMS: Readonly<Record<string, RegExp>> = {
  integer: /^-?\d+$/,
  big: /^[+-]?\d+$/,
  double: /^(?:[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?|-?inf|nan)$/i,
};
const LIST_TYPES = new Map([
  ['*', 'array'],
  ['~', 'set'],
  ['>', 'push'],
] as const);

/** An aggregate whose items are still coming; `wanted` counts a pair as two. */
interface Frame {
  readonly type: string;
  readonly wanted: number;
  readonly items: RespReply[];
}

function pairs(items: readonly RespReply[]): (readonly [RespReply, RespReply])[] {
  const entries: (readonly [RespReply, RespReply])[] = [];
  for (let i = 0; i < items.length; i += 2) entries.push([items[i]!, items[i + 1]!]);
  return entries;
}

export class RespDecoder {
  private chunks: ArrayLike<number>[] = [];
  private chunkBytes = 0;
  private buffer: Buffer = Buffer.alloc(0);
  private position = 0;
  private readonly stack: Frame[] = [];
  /** No need to look again before so many bytes are there. */
  private needed = 1;

  /** Takes bytes in pieces of any size; returns the replies that they complete. */
  push(chunk: ArrayLike<number>): RespReply[] {
    this.chunks.push(chunk);
    this.chunkBytes += chunk.length;
    if (this.unread < this.needed) return [];
    this.gather();
    const replies: RespReply[] = [];
    for (;;) {
      const element = this.readElement();
      if (element === undefined) return replies;
      const reply = element === null ? null : this.complete(element);
      if (reply !== null) replies.push(reply);
    }
  }

  /** Bytes that belong to no complete element; with open aggregates, there is more to come too. */
  get unread(): number {
    return this.buffer.length - this.position + this.chunkBytes;
  }

  /** Whether everything pushed so far has come out as whole replies. */
  get idle(): boolean {
    return this.unread === 0 && this.stack.length === 0;
  }

  /** Puts the unread bytes and the chunks into one buffer. */
  private gather(): void {
    const gathered = Buffer.alloc(this.unread);
    gathered.set(this.buffer.subarray(this.position));
    let at = this.buffer.length - this.position;
    for (const chunk of this.chunks) {
      gathered.set(chunk, at);
      at += chunk.length;
    }
    this.buffer = gathered;
    this.position = 0;
    this.chunks = [];
    this.chunkBytes = 0;
  }

  /** @returns an element, null when it opened an aggregate, undefined when bytes are missing */
  private readElement(): RespReply | null | undefined {
    const lineEnd = this.buffer.indexOf('\r\n', this.position, 'latin1');
    if (lineEnd < 0) {
      this.needed = this.buffer.length - this.position + 1;
      return undefined;
    }
    const sigil = String.fromCharCode(this.buffer[this.position]!);
    const line = this.buffer.toString('latin1', this.position + 1, lineEnd);
    if ('$!='.includes(sigil) && line !== '-1') return this.readBulk(sigil, line, lineEnd + 2);
    this.position = lineEnd + 2;
    return this.readLine(sigil, line);
  }

  private readLine(sigil: string, line: string): RespReply | null {
    if (line.includes('\n')) throw new RespViolation(`a line feed within a line: ${line}`);
    const lineType = LINE_TYPES.get(sigil as '+');
    if (lineType !== undefined) {
      if (LINE_FORMS[lineType]?.test(line) === false) {
        throw new RespViolation(`not a ${lineType}: ${line}`);
      }
      return { type: lineType, text: line };
    }
    if (sigil === '_' && line === '') return { type: 'null' };
    if (sigil === '$' && line === '-1') return { type: 'null-bulk' };
    if (sigil === '*' && line === '-1') return { type: 'null-array' };
    if (sigil === '#' && (line === 't' || line === 'f')) {
      return { type: 'boolean', value: line === 't' };
    }
    const type = LIST_TYPES.get(sigil as '*') ?? { '%': 'map', '|': 'attribute' }[sigil];
    if (type === undefined) throw new RespViolation(`unknown reply: ${sigil}${line}`);
    const paired = type === 'map' || type === 'attribute' ? 2 : 1;
    this.stack.push({ type, wanted: this.length(line) * paired, items: [] });
    return this.closeFull();
  }

  private readBulk(sigil: string, line: string, start: number): RespReply | undefined {
    const end = start + this.length(line);
    if (this.buffer.length < end + 2) {
      this.needed = end + 2 - this.position;
      return undefined;
    }
    if (this.buffer[end] !== 13 || this.buffer[end + 1] !== 10) {
      throw new RespViolation('a bulk does not end where it says');
    }
    this.position = end + 2;
    const text = this.buffer.toString('latin1', start, end);
    if (sigil === '$') return { type: 'bulk', text };
    if (sigil === '!') return { type: 'bulk-error', text };
    if (text[3] !== ':') throw new RespViolation('verbatim text without a format');
    return { type: 'verbatim', format: text.slice(0, 3), text: text.slice(4) };
  }

  private length(line: string): number {
    if (!/^(?:0|[1-9]\d{0,9})$/.test(line)) throw new RespViolation(`not a length: ${line}`);
    return Number(line);
  }

  /** Adds an element to the open aggregate; returns the whole reply when that was its last. */
  private complete(element: RespReply): RespReply | null {
    const frame = this.stack.at(-1);
    if (frame === undefined) {
      this.needed = 1;
      return element;
    }
    frame.items.push(element);
    const closed = this.closeFull();
    return closed === null ? null : this.complete(closed);
  }

  /** Closes the innermost aggregate if nothing is missing in it. */
  private closeFull(): RespReply | null {
    const frame = this.stack.at(-1)!;
    // Attributes have one element more than they announce: the reply they belong to.
    const wanted = frame.wanted + (frame.type === 'attribute' ? 1 : 0);
    if (frame.items.length < wanted) return null;
    this.stack.pop();
    if (frame.type === 'map') return { type: 'map', entries: pairs(frame.items) };
    if (frame.type === 'attribute') {
      const reply = frame.items.at(-1)!;
      return { type: 'attributed', attributes: pairs(frame.items.slice(0, -1)), reply };
    }
    return { type: frame.type as 'array', items: frame.items };
  }
}

/** Decodes bytes that are whole replies. */
export function decodeReplies(bytes: ArrayLike<number>): RespReply[] {
  const decoder = new RespDecoder();
  const replies = decoder.push(bytes);
  if (!decoder.idle) throw new RespViolation('the last reply is not complete');
  return replies;
}

/** A command as clients send it, one byte per char. */
export function encodeCommand(args: readonly string[]): string {
  let text = `*${args.length}\r\n`;
  for (const arg of args) text += `$${arg.length}\r\n${arg}\r\n`;
  return text;
}

/** A raw connection: bytes out, replies in, in order. Pushes are kept apart once RESP3 sends any. */
export class RespConnection {
  readonly pushes: RespReply[] = [];
  private readonly waiting: {
    resolve: (reply: RespReply) => void;
    reject: (error: Error) => void;
  }[] = [];
  private readonly early: RespReply[] = [];
  private readonly decoder = new RespDecoder();
  private ended: Error | null = null;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      try {
        for (const reply of this.decoder.push(chunk)) this.deliver(reply);
      } catch (error) {
        this.end(error as Error);
        socket.destroy();
      }
    });
    socket.on('error', (error) => this.end(error));
    socket.on('close', () => this.end(new Error('connection closed')));
  }

  static open(port: number, host = '127.0.0.1'): Promise<RespConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, host);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RespConnection(socket));
      });
    });
  }

  /** Sends bytes as they are, one per char. */
  write(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** The next reply. */
  reply(): Promise<RespReply> {
    const early = this.early.shift();
    if (early !== undefined) return Promise.resolve(early);
    if (this.ended !== null) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  command(...args: string[]): Promise<RespReply> {
    this.write(encodeCommand(args));
    return this.reply();
  }

  /** Sends all commands at once. */
  async pipeline(commands: readonly (readonly string[])[]): Promise<RespReply[]> {
    this.write(commands.map(encodeCommand).join(''));
    const replies: RespReply[] = [];
    for (let i = 0; i < commands.length; i++) replies.push(await this.reply());
    return replies;
  }

  close(): void {
    this.socket.destroy();
  }

  private deliver(reply: RespReply): void {
    if (reply.type === 'push') {
      this.pushes.push(reply);
      return;
    }
    const waiter = this.waiting.shift();
    if (waiter === undefined) this.early.push(reply);
    else waiter.resolve(reply);
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const waiter of this.waiting.splice(0)) waiter.reject(this.ended);
  }
}
