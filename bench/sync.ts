/**
 * One full synchronisation, watched: a fresh replica of the same kind is attached to a filled
 * primary, and every 100 ms a sample is taken of both.
 *
 *   lead ──── REPLICAOF ──── link up ──── caught up ──── tail ──── load stops, data compared
 *   (t < 0)      t = 0       (the replica  (a write is
 *                             says so)      seen there within a moment)
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningLoad, startLoad } from './load/generator.js';
import type { Interval, WindowResult } from './load/options.js';
import { type KeyFormat, keyName } from './load/workload.js';
import type { AdminClient } from './support/admin-client.js';
import {
  childrenOf,
  cpuBetweenNs,
  memoryWithChildren,
  readCpu,
  residentBytes,
} from './support/process.js';
import { Server, type System } from './support/servers.js';

export type SyncMode = 'idle' | 'paced' | 'saturated';

export interface SyncOptions {
  readonly mode: SyncMode;
  readonly keys: KeyFormat;
  readonly valueBytes: number;
  /** Requests per second of the paced mode. */
  readonly perSecond: number;
  /** Where primary and replica differ, when the data is not the load's strings. */
  readonly difference?: (primary: AdminClient, replica: AdminClient) => Promise<string | undefined>;
}

export interface Sample {
  /** Seconds since REPLICAOF. */
  readonly t: number;
  /** Primary with its forked children, bytes. */
  readonly primaryBytes: number;
  readonly children: number;
  readonly replicaBytes: number;
  /** Keys the replica says it has. */
  readonly replicaKeys: number;
}

export interface SyncResult {
  readonly linkUpSeconds: number;
  readonly caughtUpSeconds: number;
  /** Most memory of primary and children from REPLICAOF on, less what it had before. */
  readonly extraBytesPeak: number;
  readonly replicaBytesPeak: number;
  /** Processor time from REPLICAOF until caught up, seconds: of the primary with its children, and of the replica. */
  readonly primaryCpuSeconds: number;
  readonly replicaCpuSeconds: number;
  readonly before: WindowResult | undefined;
  /** From REPLICAOF until caught up. */
  readonly during: WindowResult | undefined;
  readonly samples: readonly Sample[];
  /** Throughput and latency per 100 ms, on the samples' clock. */
  readonly intervals: readonly (Omit<Interval, 'at'> & { readonly t: number })[];
}

/** For a replica that has just been started, and a load, to come to rest. */
const SETTLE_SECONDS = 2;
const LEAD_SECONDS = 2;
const TAIL_SECONDS = 2;
const SYNC_SECONDS_MAX = 240;
const SAMPLE_MS = 100;
const LOAD_CONNECTIONS = 50;
const MARKER = 'bench:marker';
/** A write counts as arrived in time when the replica shows it this soon. */
const FRESH_MS = 300;
const COMPARE_SECONDS_MAX = 30;
const COMPARED_KEYS = 20_000;
const COMPARED_AT_ONCE = 200;
/**
 * Proportional memory means walking every page of two large processes. It may take this share of
 * the time at most, so that it does not slow what it watches; in between the last figure stands.
 */
const MEMORY_TIME_SHARE = 0.1;

export async function watchSync(
  primary: Server,
  system: System,
  options: SyncOptions,
): Promise<SyncResult> {
  const replica = await Server.start(system);
  try {
    const guarded = primary.guard(replica.guard(new SyncWatch(primary, replica, options).run()));
    return await guarded;
  } finally {
    await replica.stop();
  }
}

class SyncWatch {
  private readonly samples: Sample[] = [];
  private readonly intervals: Interval[] = [];
  /** The clock's zero: REPLICAOF, in milliseconds since the epoch. */
  private zero = 0;
  private linkUp = Number.NaN;
  private caughtUp = Number.NaN;
  private memoryBytes = 0;
  private memoryChildren = 0;
  private memoryDue = 0;
  private primaryCpuNs = 0;
  private replicaCpuNs = 0;
  /** Of the forked child that there was last. */
  private childCpuNs = 0;

  constructor(
    private readonly primary: Server,
    private readonly replica: Server,
    private readonly options: SyncOptions,
  ) {}

  async run(): Promise<SyncResult> {
    const primary = await this.primary.client();
    const replica = await this.replica.client();
    const load = this.startLoad();
    try {
      return await (load === undefined
        ? this.watch(primary, replica, load)
        : Promise.race([this.watch(primary, replica, load), neverEnding(load)]));
    } finally {
      load?.stop();
      primary.close();
      replica.close();
    }
  }

  private startLoad(): RunningLoad | undefined {
    const { mode, keys, valueBytes, perSecond } = this.options;
    if (mode === 'idle') return undefined;
    const seconds = SYNC_SECONDS_MAX * 2;
    const options = {
      port: this.primary.port,
      connections: LOAD_CONNECTIONS,
      pipeline: 1,
      pattern: ['set', 'get'] as const,
      keys,
      valueBytes,
      mode:
        mode === 'paced'
          ? ({ kind: 'open', perSecond, seconds, spin: false } as const)
          : ({ kind: 'closed', requests: Number.MAX_SAFE_INTEGER } as const),
      intervalMs: SAMPLE_MS,
      seed: 20,
    };
    return startLoad(options, (interval) => this.intervals.push(interval));
  }

  private async watch(
    primary: AdminClient,
    replica: AdminClient,
    load: RunningLoad | undefined,
  ): Promise<SyncResult> {
    await sleep(SETTLE_SECONDS * 1000);
    const lead = Date.now() + LEAD_SECONDS * 1000;
    this.zero = lead;
    await load?.window();
    while (Date.now() < lead) await this.sample(primary, replica);
    const before = await load?.window();
    const cpu = [readCpu(this.primary.pid), readCpu(this.replica.pid)] as const;
    this.zero = Date.now();
    await replica.command('REPLICAOF', '127.0.0.1', String(this.primary.port));
    while (Number.isNaN(this.caughtUp)) {
      await this.sample(primary, replica);
      if (Date.now() - this.zero > SYNC_SECONDS_MAX * 1000) {
        throw new Error(`${this.primary.name}: no full sync within ${SYNC_SECONDS_MAX} s`);
      }
    }
    const during = await load?.window();
    this.primaryCpuNs = cpuBetweenNs(cpu[0], readCpu(this.primary.pid)) + this.childCpuNs;
    this.replicaCpuNs = cpuBetweenNs(cpu[1], readCpu(this.replica.pid));
    const tail = Date.now() + TAIL_SECONDS * 1000;
    while (Date.now() < tail) await this.sample(primary, replica);
    await endLoad(load);
    await this.compare(primary, replica);
    return this.result(before, during);
  }

  /** One sample; returns when the next one is due. */
  private async sample(primary: AdminClient, replica: AdminClient): Promise<void> {
    const now = Date.now();
    await primary.command('SET', MARKER, String(now));
    this.readMemory();
    this.readChildren();
    const info = await replica.info();
    const keys = /keys=(\d+)/.exec(info.get('db0') ?? '')?.[1] ?? '0';
    this.samples.push({
      t: (now - this.zero) / 1000,
      primaryBytes: this.memoryBytes,
      children: this.memoryChildren,
      replicaBytes: residentBytes(this.replica.pid),
      replicaKeys: Number(keys),
    });
    const up = info.get('master_link_status') === 'up';
    if (up && Number.isNaN(this.linkUp)) this.linkUp = (Date.now() - this.zero) / 1000;
    if (up && Number.isNaN(this.caughtUp) && (await isFresh(replica))) {
      this.caughtUp = (Date.now() - this.zero) / 1000;
    }
    await sleep(Math.max(1, SAMPLE_MS - (Date.now() - now)));
  }

  /** A child that has ended has told all but the last moment. */
  private readChildren(): void {
    for (const child of childrenOf(this.primary.pid)) {
      try {
        this.childCpuNs = readCpu(child).processNs;
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  private readMemory(): void {
    const start = performance.now();
    if (start < this.memoryDue) return;
    const { bytes, children } = memoryWithChildren(this.primary.pid);
    this.memoryBytes = bytes;
    this.memoryChildren = children;
    const took = performance.now() - start;
    this.memoryDue = start + took / MEMORY_TIME_SHARE;
  }

  /** Throws unless both hold the same keys and, as far as sampled, the same values. */
  private async compare(primary: AdminClient, replica: AdminClient): Promise<void> {
    const deadline = Date.now() + COMPARE_SECONDS_MAX * 1000;
    const name = this.primary.name;
    for (;;) {
      const difference = await this.difference(primary, replica);
      if (difference === undefined) return;
      if (Date.now() > deadline) throw new Error(`${name}: the replica differs: ${difference}`);
      await sleep(SAMPLE_MS);
    }
  }

  private async difference(
    primary: AdminClient,
    replica: AdminClient,
  ): Promise<string | undefined> {
    if (this.options.difference !== undefined) return this.options.difference(primary, replica);
    const sizes = [await primary.command('DBSIZE'), await replica.command('DBSIZE')];
    if (sizes[0] !== sizes[1]) return `${sizes[0]} keys and ${sizes[1]} keys`;
    const { keys } = this.options;
    const step = Math.max(1, Math.floor(keys.count / COMPARED_KEYS));
    for (let i = 0; i < keys.count; i += step * COMPARED_AT_ONCE) {
      const names: string[] = [];
      for (let k = i; k < keys.count && names.length < COMPARED_AT_ONCE; k += step) {
        names.push(keyName(keys, k));
      }
      const ours = (await primary.command('MGET', ...names)) as string[];
      const theirs = (await replica.command('MGET', ...names)) as string[];
      const wrong = names.findIndex((_, k) => ours[k] === null || ours[k] !== theirs[k]);
      if (wrong >= 0) return `the value of ${names[wrong]}`;
    }
    return undefined;
  }

  private result(before?: WindowResult, during?: WindowResult): SyncResult {
    const lead = this.samples.filter((sample) => sample.t < 0);
    const since = this.samples.filter((sample) => sample.t >= 0);
    const base = Math.max(...lead.map((sample) => sample.primaryBytes));
    return {
      linkUpSeconds: this.linkUp,
      caughtUpSeconds: this.caughtUp,
      extraBytesPeak: Math.max(...since.map((sample) => sample.primaryBytes)) - base,
      replicaBytesPeak: Math.max(...since.map((sample) => sample.replicaBytes)),
      primaryCpuSeconds: this.primaryCpuNs / 1e9,
      replicaCpuSeconds: this.replicaCpuNs / 1e9,
      before,
      during,
      samples: this.samples,
      intervals: this.intervals.map(({ at, ...rest }) => ({
        ...rest,
        t: (at - this.zero) / 1000,
      })),
    };
  }
}

/** Whether the replica shows a marker that the primary got a moment ago. */
async function isFresh(replica: AdminClient): Promise<boolean> {
  const marker = await replica.command('GET', MARKER);
  return Date.now() - Number(marker ?? 0) < FRESH_MS;
}

async function endLoad(load: RunningLoad | undefined): Promise<void> {
  if (load === undefined) return;
  load.stop();
  await load.result;
}

/** Rejects when the load fails; a load that ends well leaves it pending. */
function neverEnding(load: RunningLoad): Promise<never> {
  return new Promise((_, reject) => load.result.catch(reject));
}
