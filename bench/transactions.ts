/**
 * Transactions over two shards at full speed beside a replica in stable sync: MSETs of two keys each,
 * pipelined, for a few seconds. Whoever only looks at the primary sees no difference between a replica
 * that keeps up and one that falls behind: so it is the replica that is watched. How far behind it is,
 * what it has received and cannot apply yet, its memory, and what a WAIT amid the load answers.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoad } from './load/generator.js';
import type { KeyFormat } from './load/workload.js';
import type { AdminClient } from './support/admin-client.js';
import { residentBytes } from './support/process.js';
import { Server, type System } from './support/servers.js';

export interface TransactionsOptions {
  readonly keys: KeyFormat;
  readonly valueBytes: number;
  readonly seconds: number;
}

export interface TransactionsResult {
  readonly perSecond: number;
  /** Written and not applied: most, and when the load ended. */
  readonly lagBytesPeak: number;
  readonly lagBytesEnd: number;
  /** Received and not applied, as parts of transactions are missing; 0 where nobody tells. */
  readonly parkedBytesPeak: number;
  /** Of the replica, beyond what it had before. */
  readonly extraBytesPeak: number;
  /** Amid the load: how many replicas WAIT 1 1500 has found, and after how long. */
  readonly waitReply: number;
  readonly waitMs: number;
  /** From the end of the load until the replica has everything. */
  readonly caughtUpSeconds: number;
  /** Full syncs; 1 is the first one. */
  readonly fullSyncs: number;
}

const CONNECTIONS = 20;
const PIPELINE = 16;
const SAMPLE_MS = 100;
const SYNC_SECONDS_MAX = 60;
const WAIT_MS = '1500';

export async function watchTransactions(
  system: System,
  options: TransactionsOptions,
): Promise<TransactionsResult> {
  const primary = await Server.start(system);
  try {
    const replica = await Server.start(system);
    try {
      const watch = new TransactionsWatch(primary, replica, options);
      return await primary.guard(replica.guard(watch.run()));
    } finally {
      await replica.stop();
    }
  } finally {
    await primary.stop();
  }
}

class TransactionsWatch {
  private lagBytesPeak = 0;
  private parkedBytesPeak = 0;
  private memoryBytesPeak = 0;

  constructor(
    private readonly primary: Server,
    private readonly replica: Server,
    private readonly options: TransactionsOptions,
  ) {}

  async run(): Promise<TransactionsResult> {
    const [primary, replica] = [await this.primary.client(), await this.replica.client()];
    const waiter = await this.primary.client();
    try {
      await replica.command('REPLICAOF', '127.0.0.1', String(this.primary.port));
      await until(
        'the link is up',
        async () => (await replica.info()).get('master_link_status') === 'up',
      );
      return await this.watch(primary, replica, waiter);
    } finally {
      for (const client of [primary, replica, waiter]) client.close();
    }
  }

  private async watch(
    primary: AdminClient,
    replica: AdminClient,
    waiter: AdminClient,
  ): Promise<TransactionsResult> {
    const before = residentBytes(this.replica.pid);
    const { keys, valueBytes, seconds } = this.options;
    const load = startLoad({
      ...{ port: this.primary.port, connections: CONNECTIONS, pipeline: PIPELINE },
      ...{ pattern: ['mset2'], keys, valueBytes, intervalMs: SAMPLE_MS, seed: 31 },
      mode: { kind: 'closed', requests: Number.MAX_SAFE_INTEGER },
    });
    await load.window();
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) await this.sample(primary, replica);
    const waited = await wait(waiter);
    const { requests, seconds: lasted } = await load.window();
    load.stop();
    await load.result;
    const lagBytesEnd = await this.sample(primary, replica);
    const stoppedMs = performance.now();
    await until(
      'the replica has everything',
      async () => (await this.sample(primary, replica)) <= 0,
    );
    return {
      ...{ perSecond: requests / lasted, lagBytesEnd, ...waited },
      lagBytesPeak: this.lagBytesPeak,
      parkedBytesPeak: this.parkedBytesPeak,
      extraBytesPeak: this.memoryBytesPeak - before,
      caughtUpSeconds: (performance.now() - stoppedMs) / 1000,
      fullSyncs: Number((await primary.info()).get('sync_full')),
    };
  }

  /** @returns bytes that the replica is behind */
  private async sample(primary: AdminClient, replica: AdminClient): Promise<number> {
    // The replica first: what it has is then never more than the primary's.
    const theirs = await replica.info('replication');
    const ours = await primary.info('replication');
    const lag = Number(ours.get('master_repl_offset')) - Number(theirs.get('slave_repl_offset'));
    const parked = Number(theirs.get('slave_repl_pending_bytes') ?? 0);
    this.lagBytesPeak = Math.max(this.lagBytesPeak, lag);
    this.parkedBytesPeak = Math.max(this.parkedBytesPeak, parked);
    this.memoryBytesPeak = Math.max(this.memoryBytesPeak, residentBytes(this.replica.pid));
    await sleep(SAMPLE_MS);
    return lag;
  }
}

/** WAIT after a write of its own: a server may answer at once when the client has written nothing. */
async function wait(client: AdminClient): Promise<{ waitReply: number; waitMs: number }> {
  await client.command('SET', 'bench:waited', 'for');
  const started = performance.now();
  const waitReply = Number(await client.command('WAIT', '1', WAIT_MS));
  return { waitReply, waitMs: performance.now() - started };
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + SYNC_SECONDS_MAX * 1000;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`not within ${SYNC_SECONDS_MAX} s: ${what}`);
    await sleep(SAMPLE_MS);
  }
}
