/**
 * A TCP proxy between a replica and its primary, for links that are slow, cut or damaged. All
 * connections of the link pass through it: the control connection and the flows.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { claimPort, releasePort } from '../support/ports.js';

/** How often a limited link lets bytes pass. */
const TICK_MS = 10;

/** What becomes of a piece of what the replica sends, and of what the primary says to it. */
export type Fate = 'pass' | 'lose-reply' | 'stall';

interface Pair {
  /** What the primary says on this connection is lost; nothing passes to it. */
  losesReplies: boolean;
  isStalled: boolean;
  readonly near: Socket;
  readonly far: Socket;
  /** Bytes of the primary that wait for their time. */
  waiting: Buffer[];
  waitingBytes: number;
  ended: boolean;
}

export class LinkProxy {
  /** Bytes a second from primary to replica, over all connections; Infinity: as they come. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** Bytes that passed from primary to replica. */
  passed = 0;
  /** All connections end when so many bytes have passed, in ascending order. */
  cutsAt: number[] = [];
  /** Flips a bit of the byte at this place in what passes from the primary; -1: none. */
  damageAt = -1;
  /** Decides over each piece of what the replica sends. */
  fateOf: (request: string) => Fate = () => 'pass';
  private readonly pairs = new Set<Pair>();
  private open = true;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    readonly port: number,
    private readonly target: number,
    private readonly server: Server,
  ) {
    server.on('connection', (near) => this.accept(near));
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  static async start(target: number): Promise<LinkProxy> {
    const port = await claimPort();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new LinkProxy(port, target, server);
  }

  /** Ends all connections; none is let through until `restore`. */
  cut(): void {
    this.open = false;
    this.dropConnections();
  }

  restore(): void {
    this.open = true;
  }

  dropConnections(): void {
    for (const { near, far } of this.pairs) {
      near.destroy();
      far.destroy();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
    releasePort(this.port);
  }

  private accept(near: Socket): void {
    near.on('error', () => {});
    if (!this.open) {
      near.destroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port: this.target, noDelay: true });
    const pair: Pair = {
      losesReplies: false,
      isStalled: false,
      near,
      far,
      waiting: [],
      waitingBytes: 0,
      ended: false,
    };
    this.pairs.add(pair);
    near.setNoDelay(true);
    near.on('data', (bytes) => this.ask(pair, bytes));
    far.on('data', (bytes: Buffer) => this.take(pair, bytes));
    far.on('error', () => near.destroy());
    near.on('close', () => {
      this.pairs.delete(pair);
      far.destroy();
    });
    far.on('close', () => {
      pair.ended = true;
      if (pair.waitingBytes === 0) near.destroy();
    });
  }

  private ask(pair: Pair, bytes: Buffer): void {
    const fate = this.fateOf(bytes.toString('latin1'));
    if (fate === 'lose-reply') pair.losesReplies = true;
    if (fate === 'stall') pair.isStalled = true;
    if (!pair.isStalled) pair.far.write(bytes);
  }

  private take(pair: Pair, bytes: Buffer): void {
    if (this.damageAt >= this.passed && this.damageAt < this.passed + bytes.length) {
      const at = this.damageAt - this.passed;
      bytes[at] = (bytes[at] as number) ^ 4;
      this.damageAt = -1;
    }
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY && pair.waitingBytes === 0) {
      this.pass(pair, bytes);
      return;
    }
    pair.waiting.push(bytes);
    pair.waitingBytes += bytes.length;
    pair.far.pause();
  }

  private pass(pair: Pair, bytes: Buffer): void {
    if (pair.losesReplies) return;
    this.passed += bytes.length;
    if (this.passed >= (this.cutsAt[0] ?? Number.POSITIVE_INFINITY)) {
      this.cutsAt.shift();
      this.dropConnections();
      return;
    }
    if (!pair.near.write(bytes)) {
      pair.far.pause();
      pair.near.once('drain', () => {
        if (pair.waitingBytes === 0) pair.far.resume();
      });
    }
  }

  private tick(): void {
    const waiting = [...this.pairs].filter(({ waitingBytes }) => waitingBytes > 0);
    const share = (this.bytesPerSecond * TICK_MS) / 1000 / Math.max(1, waiting.length);
    for (const pair of waiting) this.letPass(pair, share);
  }

  private letPass(pair: Pair, bytes: number): void {
    let left = bytes;
    while (left > 0 && pair.waitingBytes > 0) {
      const first = pair.waiting[0] as Buffer;
      const part = first.subarray(0, Math.ceil(Math.min(left, first.length)));
      if (part.length === first.length) pair.waiting.shift();
      else pair.waiting[0] = first.subarray(part.length);
      pair.waitingBytes -= part.length;
      left -= part.length;
      this.pass(pair, part);
    }
    if (pair.waitingBytes > 0) return;
    if (pair.ended) pair.near.destroy();
    else if (!pair.near.writableNeedDrain) pair.far.resume();
  }
}
