/**
 * Replies of this server to the console's connections, RESP2, read as they come. A reply has a bound: what
 * is longer is read to its end without being kept, so that the connection can go on, and becomes an error.
 *
 * Texts have one char per byte: the page decides what is UTF-8 and what is shown as bytes.
 */

export interface StatusReply {
  readonly status: string;
}
export interface ErrorReply {
  /** With its code: 'ERR ...'. */
  readonly error: string;
}
/** Beyond what a double holds exactly. */
export interface LargeInteger {
  readonly integer: string;
}
export type Reply =
  | null
  | number
  | string
  | StatusReply
  | ErrorReply
  | LargeInteger
  | readonly Reply[];

/** COMMAND DOCS has 400 KB. */
export const REPLY_BYTES_MAX = 4 * 1024 * 1024;
/** Deeper arrays are no reply of this server's commands. */
const DEPTH_MAX = 64;
/** A script's error may be long. It is looked through again with each part that comes. */
const LINE_BYTES_MAX = 1024 * 1024;
const LF = 10;
const TOO_LONG: ErrorReply = { error: 'ERR the reply is longer than the console takes' };

interface OpenArray {
  readonly items: Reply[];
  left: number;
}

export function isError(reply: Reply): reply is ErrorReply {
  return typeof reply === 'object' && reply !== null && 'error' in reply;
}

export class ReplyReader {
  private chunks: Buffer[] = [];
  private held = 0;
  /** Nothing can be read before so many bytes are there. */
  private needed = 0;
  /** Bytes of a long string that are passed over. */
  private skipping = 0;
  /** Of the reply that is being read. */
  private replyBytes = 0;
  private readonly open: OpenArray[] = [];

  /**
   * @param take called for each reply, in order, with its bytes
   * @param bytesMax of a reply; may change between replies
   */
  constructor(
    private readonly take: (reply: Reply, bytes: number) => void,
    public bytesMax = REPLY_BYTES_MAX,
  ) {}

  /** @throws Error when the bytes are no replies: the connection is of no use then */
  read(bytes: Buffer): void {
    this.chunks.push(bytes);
    this.held += bytes.length;
    if (this.held < this.needed) return;
    const whole = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
    const rest = whole.subarray(this.readAll(whole));
    this.chunks = rest.length > 0 ? [rest] : [];
    this.held = rest.length;
  }

  /** @returns how many bytes were read */
  private readAll(bytes: Buffer): number {
    let at = 0;
    this.needed = 0;
    for (;;) {
      if (this.skipping > 0) {
        const skipped = Math.min(this.skipping, bytes.length - at);
        at += skipped;
        this.skipping -= skipped;
        if (this.skipping > 0) return at;
        this.add('');
      }
      const end = this.readOne(bytes, at);
      if (end < 0) return at;
      at = end;
    }
  }

  /** @returns where it ends, or -1 while it is not whole */
  private readOne(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at);
    if (lineEnd < 0) {
      if (bytes.length - at > LINE_BYTES_MAX) throw new Error('a line that does not end');
      return -1;
    }
    const after = lineEnd + 1;
    const type = String.fromCharCode(bytes[at]!);
    const text = bytes.toString('latin1', at + 1, lineEnd - 1);
    if (type === '$' && text !== '-1') return this.readString(bytes, at, after, lengthOf(text));
    this.replyBytes += after - at;
    if (type === '*' && text !== '-1') this.begin(lengthOf(text));
    else this.add(scalarOf(type, text));
    return after;
  }

  private readString(bytes: Buffer, at: number, after: number, length: number): number {
    const end = after + length + 2;
    if (this.replyBytes + length > this.bytesMax) {
      this.replyBytes += length;
      this.skipping = length + 2;
      return after;
    }
    if (bytes.length < end) {
      this.needed = end - at;
      return -1;
    }
    this.replyBytes += end - at;
    this.add(bytes.toString('latin1', after, end - 2));
    return end;
  }

  private begin(length: number): void {
    if (length === 0) this.add([]);
    else if (this.open.push({ items: [], left: length }) > DEPTH_MAX) {
      throw new Error('arrays in arrays without end');
    }
  }

  private add(reply: Reply): void {
    let whole = reply;
    for (;;) {
      const array = this.open.at(-1);
      if (array === undefined) break;
      if (this.replyBytes <= this.bytesMax) array.items.push(whole);
      array.left--;
      if (array.left > 0) return;
      this.open.pop();
      whole = array.items;
    }
    const bytes = this.replyBytes;
    this.replyBytes = 0;
    if (bytes > this.bytesMax) this.take(TOO_LONG, 0);
    else this.take(whole, bytes);
  }
}

function lengthOf(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`no length: ${text.slice(0, 20)}`);
  return Number(text);
}

function scalarOf(type: string, text: string): Reply {
  if (type === '+') return { status: text };
  if (type === '-') return { error: text };
  if ((type === '$' || type === '*') && text === '-1') return null;
  if (type !== ':' || !/^-?\d{1,20}$/.test(text)) throw new Error(`no reply: ${type}`);
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : { integer: text };
}
