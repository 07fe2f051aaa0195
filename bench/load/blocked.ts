/**
 * LPUSH to a client that waits in BLPOP: pairs of connections, each with a list of its own. A round is
 * from the push to the other client's reply. The waiting client sends PING and BLPOP together: when
 * PONG has come, the server has begun to wait.
 */
import { connect, type Socket } from 'node:net';
import type { ClosedLoopResult } from '../support/redis-benchmark.js';
import { Latencies } from './latencies.js';

export interface BlockedOptions {
  readonly port: number;
  readonly pairs: number;
  readonly valueBytes: number;
  readonly rounds: number;
}

const PONG = '+PONG\r\n';
const PUSHED = ':1\r\n';

function encode(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** A connection whose replies are known beforehand. */
class Peer {
  private expected = '';
  private received = '';
  private arrived = (): void => {};

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      if (this.received.length >= this.expected.length) this.arrived();
    });
  }

  static open(port: number): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Peer(socket)));
    });
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Resolves when exactly this has come since the last call. */
  async expect(text: string): Promise<void> {
    this.expected = text;
    if (this.received.length < text.length) {
      await new Promise<void>((resolve) => {
        this.arrived = resolve;
      });
    }
    if (this.received !== text) throw new Error(`${this.received} came, not ${text}`);
    this.received = '';
    this.arrived = () => {};
  }

  close(): void {
    this.socket.destroy();
  }
}

export async function runBlocked(options: BlockedOptions): Promise<ClosedLoopResult> {
  const { port, pairs, rounds } = options;
  const latencies = new Latencies();
  const each = Math.ceil(rounds / pairs);
  const peers = await Promise.all(
    Array.from({ length: pairs }, () => Promise.all([Peer.open(port), Peer.open(port)])),
  );
  const begun = performance.now();
  await Promise.all(
    peers.map(([waiter, pusher], i) => runPair(waiter, pusher, i, each, options, latencies)),
  );
  const seconds = (performance.now() - begun) / 1000;
  for (const peer of peers.flat()) peer.close();
  return {
    requests: each * pairs,
    seconds,
    p50: latencies.percentile(50),
    p99: latencies.percentile(99),
    p999: latencies.percentile(99.9),
  };
}

async function runPair(
  waiter: Peer,
  pusher: Peer,
  index: number,
  rounds: number,
  { valueBytes }: BlockedOptions,
  latencies: Latencies,
): Promise<void> {
  const key = `list:${String(index).padStart(6, '0')}`;
  const value = 'v'.repeat(valueBytes);
  const wait = encode('PING') + encode('BLPOP', key, '0');
  const push = encode('LPUSH', key, value);
  const served = encode(key, value);
  for (let round = 0; round < rounds; round++) {
    waiter.send(wait);
    await waiter.expect(PONG);
    const begun = performance.now();
    pusher.send(push);
    await waiter.expect(served);
    latencies.record(performance.now() - begun, 1);
    await pusher.expect(PUSHED);
  }
}
