/** The main thread: configuration, threads, signals. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Log, LogFile, type LogLevel } from '../base/log.js';
import { commandModules } from '../commands/index.generated.js';
import { definitionsOf } from '../engine/definitions.js';
import { Registry } from '../engine/registry.js';
import { formatShard } from '../keyspace/shards.js';
import { ControlBlock, WORD_USED_PAGES } from '../memory/control.js';
import { createRegion } from '../platform/ffi/region.js';
import { wakeTransport } from '../platform/wake.js';
import { readCommandLine } from './config/command-line.js';
import { Config } from './config/config.js';
import { createMesh, Gatherer } from './gather.js';
import { answerInMainThread } from './process-control.js';
import { RATE_PERIOD_MS, RateSampler } from './rates.js';
import type { ThreadData, ThreadMessage } from './thread-data.js';

export async function main(args: string[]): Promise<void> {
  const request = readCommandLine(args, {
    folder: process.cwd(),
    readStandardInput: () => readFileSync(0, 'utf8'),
  });
  if (request.action === 'print') {
    process.stdout.write(request.text);
    return;
  }
  if (request.action === 'fail') {
    process.stderr.write(`${request.text}\n`);
    process.exitCode = 1;
    return;
  }
  const config = Config.create(request.values, request.file);
  const file = new LogFile(config.path('logfile'));
  const log = new Log((line) => file.write(line));
  log.level = config.value('loglevel') as LogLevel;
  for (const warning of request.warnings) log.warning(warning);
  const threads = Number(config.value('threads')) || availableParallelism();
  const shards = Number(config.value('shards'));
  const databases = Number(config.value('databases'));
  const registry = new Registry(definitionsOf(commandModules));
  const control = ControlBlock.create(threads, registry.all.length);
  const hashKey: [number, number] = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()];
  const regions = Array.from({ length: shards }, () => createRegion(Number(config.value('shard-bytes'))));
  for (const region of regions) formatShard(region, databases, control.words, WORD_USED_PAGES, hashKey);
  const configBuffer = config.buffer;
  const mesh = createMesh(threads + 1);
  const wakers = new Int32Array(new SharedArrayBuffer(4 * threads));
  const loads = new Int32Array(new SharedArrayBuffer(4 * threads));
  const gatherer = new Gatherer(threads, mesh[threads]!, control, (t) => wakeTransport(wakers[t]!));
  gatherer.register('publish', () => '');
  answerInMainThread(gatherer, {
    abort: () => false,
    shutdown: () => {
      stop();
      return new Promise(() => {});
    },
  });
  const rates = new RateSampler(control);
  setInterval(() => rates.sample(Date.now()), RATE_PERIOD_MS).unref();
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
      if (m.kind === 'log') log.write(m.level as LogLevel, m.text);
      else log.notice(`I/O thread ${thread}: ${JSON.stringify(m)}`);
    });
    stops.push(() => { channel.port1.postMessage({ kind: 'stop' }); wakeTransport(wakers[thread]!); });
  }
  const stop = () => { for (const s of stops) s(); };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
