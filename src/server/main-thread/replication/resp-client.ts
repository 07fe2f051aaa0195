/**
 * The replica's end of its control connection: commands and their replies, one at a time, over a
 * node:net socket of the main thread. Replies are lines, bulks and arrays of those. The primary may
 * lie: what is no reply, or does not end, ends the connection.
 */
import type { Socket } from 'node:net';
import {
  addressesOf,
  connectToPeer,
  type PeerAddress,
  type SocketAddresses,
} from '../../../platform/peer-socket.js';
import { encodeCommand } from '../../../protocol/encode-command.js';

/** An error reply has its sign, '-ERR ...'. */
export type ControlReply = string | readonly string[];

/** A reply longer than this is no reply of a primary. */
export const REPLY_BYTES_MAX = 1024 * 1024;
/** The longest array has an LSN for each shard. It is read again from its start when more has come. */
const REPLY_WORDS_MAX = 1024;

interface Pending {
  readonly resolve: (reply: ControlReply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class ControlClient {
  /** Called once, when the connection has ended. */
  onEnd: (reason: string) => void = () => {};
  private received = '';
  private readonly pending: Pending[] = [];
  private ended = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.read(bytes));
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('the primary closed the connection'));
  }

  static connect(address: PeerAddress, timeoutMs: number): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      const ended = (): void => failed(new Error('the primary closed the connection'));
      const socket = connectToPeer(address, () => {
        clearTimeout(timer);
        socket.off('error', failed);
        socket.off('close', ended);
        socket.setKeepAlive(true, 15_000);
        resolve(new ControlClient(socket));
      });
      const timer = setTimeout(() => {
        socket.destroy();
        reject(new Error('no connection in time'));
      }, timeoutMs);
      socket.once('error', failed);
      socket.once('close', ended);
    });
  }

  get addresses(): SocketAddresses {
    return addressesOf(this.socket);
  }

  /** @throws Error when the connection ends first, or no reply comes in time */
  command(words: readonly string[], timeoutMs: number): Promise<ControlReply> {
    return new Promise((resolve, reject) => {
      if (this.ended) {
        reject(new Error('the connection has ended'));
        return;
      }
      const timer = setTimeout(() => this.end(`no reply to ${words[0]} in time`), timeoutMs);
      this.pending.push({ resolve, reject, timer });
      this.socket.write(encodeCommand(words));
    });
  }

  /** Sends a command that gets no reply. */
  tell(words: readonly string[]): void {
    if (!this.ended) this.socket.write(encodeCommand(words));
  }

  end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.socket.destroy();
    for (const { reject, timer } of this.pending.splice(0)) {
      clearTimeout(timer);
      reject(new Error(reason));
    }
    this.onEnd(reason);
  }

  private read(bytes: Buffer): void {
    this.received += bytes.toString('latin1');
    for (;;) {
      const found = readReply(this.received);
      if (found === null) break;
      const waiting = this.pending[0];
      if (found === 'wrong' || waiting === undefined) {
        // Who waits is told by `end`.
        this.end('what the primary sends is no reply');
        return;
      }
      this.pending.shift();
      this.received = this.received.slice(found.end);
      clearTimeout(waiting.timer);
      waiting.resolve(found.reply);
    }
    if (this.received.length > REPLY_BYTES_MAX) this.end("the primary's reply does not end");
  }
}

type Found = { readonly reply: ControlReply; readonly end: number } | 'wrong' | null;

/** Null while the reply is not whole. */
function readReply(text: string): Found {
  const lineEnd = text.indexOf('\r\n');
  if (lineEnd < 0) return null;
  const line = text.slice(0, lineEnd);
  const after = lineEnd + 2;
  if (/^[-+]/.test(line)) return { reply: line, end: after };
  if (/^:-?\d+$/.test(line)) return { reply: line.slice(1), end: after };
  if (/^\$\d{1,9}$/.test(line)) {
    const end = after + Number(line.slice(1));
    return text.length < end + 2 ? null : { reply: text.slice(after, end), end: end + 2 };
  }
  const isArray = /^\*\d{1,4}$/.test(line) && Number(line.slice(1)) <= REPLY_WORDS_MAX;
  return isArray ? readArray(text, after, Number(line.slice(1))) : 'wrong';
}

function readArray(text: string, start: number, count: number): Found {
  const words: string[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    // An array in an array is none of ours, and would be read to any depth.
    if (text[at] === '*') return 'wrong';
    const element = readReply(text.slice(at));
    if (element === null || element === 'wrong') return element;
    words.push(element.reply as string);
    at += element.end;
  }
  return { reply: words, end: at };
}
