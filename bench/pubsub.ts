/**
 * `npm run bench:pubsub`: PUBLISH to 1, 100 and 1,000 subscribers, Darter and redis-server side by
 * side. Both run all the time and take turns, round by round. What is told is the server's CPU for
 * each message delivered: this process, which reads all of them, is the bottleneck of the rate.
 */
import './support/fail-loudly.js';
import { connect, type Socket } from 'node:net';
import { Flags } from '../test/support/flags.js';
import { table } from './report/table.js';
import { cpuBetweenNs, readCpu } from './support/process.js';
import { Server } from './support/servers.js';
import { median } from './support/statistics.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';

const usage = `usage: npm run bench:pubsub [-- options]
  --rounds N              rounds of each case (5)
  --deliveries N          messages delivered in a round (200000)
${systemUsage}`;
const flags = new Flags(usage, { rounds: 'number', deliveries: 'number', ...systemFlags });

const SUBSCRIBERS = [1, 100, 1000];
const CHANNEL = 'bench';
const PAYLOAD = 'x'.repeat(100);
const PIPELINE = 16;
const MESSAGE = `*3\r\n$7\r\nmessage\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n$${PAYLOAD.length}\r\n${PAYLOAD}\r\n`;
const PUBLISH = `*3\r\n$7\r\nPUBLISH\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n$${PAYLOAD.length}\r\n${PAYLOAD}\r\n`;

/** Subscribers that count what they get. */
class Audience {
  private readonly sockets: Socket[] = [];
  private received = 0;
  private awaited = 0;
  private arrived: () => void = () => {};

  static async open(port: number, count: number): Promise<Audience> {
    const audience = new Audience();
    for (let i = 0; i < count; i++) audience.sockets.push(await audience.subscribe(port));
    audience.received = 0;
    return audience;
  }

  private subscribe(port: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('data', () => {
        socket.on('data', (chunk: Buffer) => this.take(chunk.length));
        resolve(socket);
      });
      socket.write(`SUBSCRIBE ${CHANNEL}\r\n`);
    });
  }

  private take(bytes: number): void {
    this.received += bytes;
    if (this.received >= this.awaited) this.arrived();
  }

  /** Resolves when this many more messages have come. */
  expect(messages: number): Promise<void> {
    this.received = 0;
    this.awaited = messages * MESSAGE.length;
    return new Promise((resolve) => {
      this.arrived = resolve;
    });
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

/** @returns the server's CPU in µs for each message delivered */
async function round(server: Server, subscribers: number, deliveries: number): Promise<number> {
  const audience = await server.guard(Audience.open(server.port, subscribers));
  const publisher = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
  publisher.resume();
  const batch = PIPELINE * subscribers;
  const batches = Math.max(1, Math.round(deliveries / batch));
  const before = readCpu(server.pid);
  for (let i = 0; i < batches; i++) {
    const all = audience.expect(batch);
    publisher.write(PUBLISH.repeat(PIPELINE));
    await server.guard(all);
  }
  const nanoseconds = cpuBetweenNs(before, readCpu(server.pid));
  publisher.destroy();
  audience.close();
  return nanoseconds / 1000 / (batches * batch);
}

const rounds = flags.number('rounds', 5);
const deliveries = flags.number('deliveries', 200_000);
const servers: Server[] = [];
try {
  for (const system of chosenSystems(flags)) servers.push(await Server.start(system));
  const rows: string[][] = [];
  for (const subscribers of SUBSCRIBERS) {
    const costs = servers.map((): number[] => []);
    for (let i = 0; i < rounds; i++) {
      for (const [s, server] of servers.entries()) {
        costs[s]!.push(await round(server, subscribers, deliveries));
      }
    }
    rows.push([`${subscribers}`, ...costs.map((values) => median(values).toFixed(3))]);
  }
  const head = ['subscribers', ...servers.map(({ name }) => `${name}, CPU µs a message`)];
  process.stdout.write(`${table(head, rows)}\n`);
} finally {
  for (const server of servers) await server.stop();
}
