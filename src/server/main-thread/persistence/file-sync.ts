/**
 * A full sync into files, as the main thread runs it: the flows write, one cut of all streams ends
 * them.
 *
 *   flows ship ──all shards are done──▶ cut ──all flows are there──▶ files are whole
 *
 * The cut is taken under the locks of all streams. A transaction holds the locks of its shards until
 * its records are written, so at the cut no transaction is half done, and the files hold the data of
 * that moment: exactly what the server had then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewestCut } from '../../../journal/cuts.js';
import type { JournalRing } from '../../../journal/ring.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { SharedSignal } from '../../../memory/signal.js';
import type { FlowFileHeader } from '../../../persistence/files/flow-file.js';
import {
  SUM_BYTES,
  SUM_KEYS,
  SUM_KEYS_TOTAL,
  SyncSession,
} from '../../../replication/primary/sync-session.js';
import type { StreamLocks } from '../../../replication/stream-locks.js';
import type { RdbTarget, WrittenFile } from '../../channel/main-flow.js';
import type { FlowThreads } from '../replication/flow-threads.js';
import { shareStreams } from '../replication/served-replicas.js';
import { atStreamCut } from './stream-cut.js';

const POLL_MS = 5;

/** What the data of this server lies in, and who writes it out. */
export interface DataParts {
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  readonly locks: StreamLocks;
  readonly cuts: NewestCut;
  readonly serving: FlowThreads;
  /** Of locks. */
  readonly owner: number;
  /** Raised for flows that sleep until something is written. */
  readonly journalWritten: SharedSignal;
}

/** What is known at the cut. */
export interface FileSyncCut {
  readonly lsns: readonly number[];
  /** Keys by database, those without keys left out. */
  readonly keys: readonly (readonly [database: number, keys: number])[];
  readonly atMs: number;
}

export interface FileSyncPlan {
  /** The path of the file of a flow. */
  readonly pathOf: (flow: number) => string;
  readonly header: Omit<FlowFileHeader, 'index' | 'flows'>;
  /** Called before the cut is taken. */
  readonly beforeCut: () => Promise<void>;
  /** Called at the cut, under the locks of all streams. */
  readonly atCut?: () => void;
  /** Called after the cut. */
  readonly afterCut?: (cut: FileSyncCut) => Promise<void>;
  /** The RDB file that gets the keys; null: the files are what is written. */
  readonly rdb: RdbTarget | null;
  /** Whether what is written is brought to the disk now and then, not only at the end. */
  readonly syncsOften: boolean;
}

export class FileSync {
  readonly session: SyncSession;
  /** Numbers of the flows that have not ended, in the order of their files. */
  readonly flows: number[] = [];
  private readonly files: (WrittenFile | null)[] = [];
  private running = 0;
  private failed: string | null = null;
  private changed: () => void = () => {};

  constructor(
    private readonly data: DataParts,
    private readonly sleepFor: (ms: number) => Promise<unknown> = sleep,
  ) {
    const { rings, owner, shards } = data;
    const buffer = SyncSession.create(rings.length, true);
    this.session = new SyncSession(buffer, rings.length, owner);
    this.session.sums[SUM_KEYS_TOTAL] = keysByDatabase(shards).reduce((sum, [, n]) => sum + n, 0);
  }

  get keysDone(): number {
    return this.session.sums[SUM_KEYS]!;
  }

  get keysTotal(): number {
    return this.session.sums[SUM_KEYS_TOTAL]!;
  }

  /** Written so far. */
  get bytes(): number {
    return this.session.sums[SUM_BYTES]!;
  }

  /** Gives up: `run` rejects with this reason. */
  abort(reason: string): void {
    this.failed ??= reason;
    this.session.end();
    for (const flow of this.flows) this.data.serving.end(flow);
    this.changed();
  }

  /**
   * @returns when the files are whole and on the disk
   * @throws Error when it comes to nothing; no flow writes any more
   */
  async run(
    plan: FileSyncPlan,
  ): Promise<{ readonly cut: FileSyncCut; readonly files: readonly WrittenFile[] }> {
    try {
      this.start(plan);
      await this.until(() => this.session.allDone);
      await plan.beforeCut();
      const cut = await this.cut(plan.atCut);
      await plan.afterCut?.(cut);
      await this.until(() => !this.files.includes(null));
      return { cut, files: this.files as WrittenFile[] };
    } catch (error) {
      this.abort((error as Error).message);
      while (this.running > 0) await this.news();
      throw error;
    }
  }

  private start({ pathOf, header, syncsOften, rdb }: FileSyncPlan): void {
    const { serving, shards } = this.data;
    const shares = shareStreams(shards.count, serving.count);
    shares.forEach((mine, index) => {
      this.files.push(null);
      this.running++;
      const listener = {
        written: (file: WrittenFile) => {
          this.files[index] = file;
          this.changed();
        },
        ended: (reason: string) => {
          this.running--;
          if (this.files[index] === null) this.abort(reason === '' ? 'it was ended' : reason);
          this.changed();
        },
      };
      const number = serving.start(index, listener, (flow) => ({
        kind: 'write-file',
        flow,
        path: pathOf(index),
        header: { ...header, index, flows: shares.length },
        session: this.session.buffer,
        mine,
        syncsOften,
        rdb,
      }));
      this.flows.push(number);
    });
  }

  private async until(isSo: () => boolean): Promise<void> {
    for (;;) {
      if (this.failed !== null) throw new Error(this.failed);
      if (isSo()) return;
      await this.news();
    }
  }

  private async news(): Promise<void> {
    const told = new Promise<void>((resolve) => {
      this.changed = resolve;
    });
    await Promise.race([told, this.sleepFor(POLL_MS)]);
  }

  private async cut(atCut: (() => void) | undefined): Promise<FileSyncCut> {
    const { shards, rings, journalWritten } = this.data;
    const whyNot = () => this.failed;
    const cut = await atStreamCut(this.data, whyNot, () => {
      const lsns = rings.map((ring) => ring.head);
      this.session.limits.set(lsns);
      const keys = keysByDatabase(shards);
      const atMs = Date.now();
      atCut?.();
      return { lsns, keys, atMs };
    });
    journalWritten.raise();
    return cut;
  }
}

/** Keys by database. Exact under the locks of all shards. */
export function keysByDatabase(shards: Shards): [database: number, keys: number][] {
  const list: [number, number][] = [];
  for (let database = 0; database < shards.databases; database++) {
    let keys = 0;
    for (let shard = 0; shard < shards.count; shard++) keys += shards.table(shard, database).size;
    if (keys > 0) list.push([database, keys]);
  }
  return list;
}
