/** The main thread: configuration, threads, signals. */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import { commandModules } from '../commands/index.generated.js';
import { definitionsOf } from '../engine/definitions.js';
import { Registry } from '../engine/registry.js';
import { formatShard } from '../keyspace/shards.js';
import { ControlBlock, WORD_USED_PAGES } from '../memory/control.js';
import { createRegion } from '../platform/ffi/region.js';
import { wakeTransport } from '../platform/wake.js';
import { Config } from './config/config.js';
import { createMesh, Gatherer } from './gather.js';
import type { ThreadData, ThreadMessage } from './thread-data.js';

export async function main(args: string[]): Promise<void> {
  const config = new Config();
  for (let i = 0; i + 1 < args.length; i += 2) config.values[args[i]!.slice(2)] = args[i + 1]!;
  const threads = Number(config.value('threads')) || availableParallelism();
  const shards = Number(config.value('shards'));
  const databases = Number(config.value('databases'));
  const registry = new Registry(definitionsOf(commandModules));
  const control = ControlBlock.create(threads, registry.all.length);
  const hashKey: [number, number] = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()];
  const regions = Array.from({ length: shards }, () => createRegion(Number(config.value('shard-bytes'))));
  for (const region of regions) formatShard(region, databases, control.words, WORD_USED_PAGES, hashKey);
  const configBuffer = new SharedArrayBuffer(262144);
  new Uint8Array(configBuffer).set(Buffer.from(JSON.stringify(config.values)));
  const mesh = createMesh(threads + 1);
  const wakers = new Int32Array(new SharedArrayBuffer(4 * threads));
  const loads = new Int32Array(new SharedArrayBuffer(4 * threads));
  const gatherer = new Gatherer(threads, mesh[threads]!, control, (t) => wakeTransport(wakers[t]!));
  gatherer.register('publish', () => '');
  gatherer.listen();
  const stops: (() => void)[] = [];
  let running = threads;
  for (let thread = 0; thread < threads; thread++) {
    const channel = new MessageChannel();
    const peers = mesh[thread]!;
    const data: ThreadData = {
      thread, threads, shardBuffers: regions.map((r) => r.buffer), controlBuffer: control.buffer, configBuffer,
      wakers, loads, databases, transport: config.value('transport') as 'auto', peers, main: channel.port2,
    };
    const worker = new Worker(new URL('./io-thread.js', import.meta.url), {
      workerData: data, transferList: [channel.port2, ...peers.map((p) => p.port)],
    });
    worker.on('error', (e) => { console.error(e); process.exit(1); });
    channel.port1.on('message', (m: ThreadMessage) => {
      if (m.kind === 'stopped') { running--; if (running === 0) process.exit(0); return; }
      console.log(thread, JSON.stringify(m));
    });
    stops.push(() => { channel.port1.postMessage({ kind: 'stop' }); wakeTransport(wakers[thread]!); });
  }
  const stop = () => { for (const s of stops) s(); };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
