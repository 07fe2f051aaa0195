/**
 * A connection of the console to its own server. It is a client like any other: it logs in, its commands
 * are checked against its user's rights, CLIENT LIST shows it and maxclients counts it.
 *
 * It is one end of a pair of sockets whose other end an I/O thread serves (platform/ffi/socket-pair.ts),
 * under the browser's address. So it needs no port (`port 0`, TLS only), protected mode and ACL LOG see who
 * is really there, and nothing can stand in between. Where there are no native calls it connects to the
 * port over loopback.
 */
import { connect, Socket } from 'node:net';
import { createSocketPair } from '../../../platform/ffi/socket-pair.js';
import { encodeCommand } from '../../../protocol/encode-command.js';
import { REPLY_BYTES_MAX, type Reply, ReplyReader } from './reply-reader.js';

export interface OwnServer {
  /** Gives the inner end of a pair to an I/O thread. */
  readonly offer: (descriptor: number) => void;
  /** Whether the I/O threads take such ends. */
  readonly takesPairs: () => boolean;
  /** Where it listens for plain connections: a port on loopback, or a path. */
  readonly address: () => { readonly host: string; readonly port: number } | { path: string };
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** @param peer 'address:port' of the browser @param local 'address:port' that it has reached */
export function openOwnConnection(server: OwnServer, peer: string, local: string): OwnConnection {
  if (!server.takesPairs()) return new OwnConnection(connect({ ...server.address() }));
  const { outer, inner } = createSocketPair(peer, local);
  const socket = new Socket({ fd: outer });
  server.offer(inner);
  return new OwnConnection(socket);
}

export class OwnConnection {
  /** Called once, when it has ended. */
  onEnd: (reason: string) => void = () => {};
  private readonly waiting: Waiting[] = [];
  private readonly reader = new ReplyReader((reply, bytes) => this.take(reply, bytes));
  /** Bytes of the replies to what was sent together: they share one bound. */
  private keptBytes = 0;
  hasEnded = false;

  constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.read(bytes));
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('the server closed the connection'));
  }

  /**
   * @param words one char per byte
   * @throws Error when the connection ends first. Without a reply in time it does
   */
  command(words: readonly string[], timeoutMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.hasEnded) {
        reject(new Error('the connection has ended'));
        return;
      }
      const timer = setTimeout(
        () => this.end(`no reply to ${words[0]} within ${timeoutMs / 1000} s`),
        timeoutMs,
      );
      this.waiting.push({ resolve, reject, timer });
      this.socket.write(encodeCommand(words));
    });
  }

  end(reason: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.socket.destroy();
    for (const { reject, timer } of this.waiting.splice(0)) {
      clearTimeout(timer);
      reject(new Error(reason));
    }
    this.onEnd(reason);
  }

  private read(bytes: Buffer): void {
    try {
      this.reader.read(bytes);
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  private take(reply: Reply, bytes: number): void {
    const first = this.waiting.shift();
    this.keptBytes = this.waiting.length === 0 ? 0 : this.keptBytes + bytes;
    this.reader.bytesMax = REPLY_BYTES_MAX - this.keptBytes;
    // What comes unasked is of no interest: a message to a client that tracks keys.
    if (first === undefined) return;
    clearTimeout(first.timer);
    first.resolve(reply);
  }
}
