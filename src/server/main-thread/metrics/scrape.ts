/**
 * What one scrape reads its values from. Most is in memory that all threads share; the threads are asked for
 * the little that is their own. No key is looked at but for a sample of those with an expiry, and no lock of a
 * shard is taken but for that.
 */
import type { CommandRegistry } from '../../../commands/contract/context.js';
import type { ScriptFigures } from '../../../commands/contract/server-port.js';
import type { NewestCut } from '../../../journal/cuts.js';
import type { JournalRing } from '../../../journal/ring.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { ControlBlock } from '../../../memory/control.js';
import type { DurableLsns } from '../../../memory/durable-lsns.js';
import type { ContainerLimits } from '../../../platform/container.js';
import { SyncSession } from '../../../replication/primary/sync-session.js';
import type { ServerFacts } from '../../channel/main-io.js';
import type { ReplicationStatus } from '../../channel/replication.js';
import type { ThreadOwnFigures } from '../../channel/thread-report.js';
import type { Config } from '../../config/config.js';
import { persistenceSection, statsSection } from '../../info/data-sections.js';
import { Memory } from '../../info/memory-figures.js';
import {
  clientsSection,
  cpuSection,
  memorySection,
  serverSection,
} from '../../info/process-sections.js';
import type { Fields } from '../../info/source.js';
import type { Reports } from '../thread-reports.js';

export interface ScrapeParts {
  readonly config: Config;
  readonly control: ControlBlock;
  readonly registry: CommandRegistry;
  readonly facts: () => ServerFacts;
  readonly container: ContainerLimits;
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  readonly cuts: NewestCut;
  readonly durable: DurableLsns;
  /** By I/O thread: its share of wall time in use, in thousandths. */
  readonly inUse: Int32Array;
  readonly replication: () => ReplicationStatus;
  readonly reports: () => Promise<Reports>;
}

/** A report with figures. */
export type ThreadFigures = ThreadOwnFigures & { readonly thread: number };

/** A replica of this server, with the figures of its sync. */
export interface ScrapedReplica {
  /** Address and port. */
  readonly name: string;
  readonly session: SyncSession;
}

export interface Scrape extends Omit<ScrapeParts, 'replication' | 'reports' | 'facts'> {
  /** Counts the scrapes, from 1. */
  readonly number: number;
  readonly nowMs: number;
  readonly startedMs: number;
  readonly transport: string;
  readonly replication: ReplicationStatus;
  readonly replicas: readonly ScrapedReplica[];
  readonly reports: readonly ThreadFigures[];
  readonly silent: readonly number[];
  readonly waitedMs: number;
  /** Fields of INFO. */
  readonly info: ReadonlyMap<string, string | number>;
  /** By database; null when it could not be sampled. */
  readonly averageTtlMs: readonly number[] | null;
}

/** Of a thread that does not answer nothing is known. */
const UNKNOWN_SCRIPTS: ScriptFigures = {
  scripts: Number.NaN,
  scriptBytes: Number.NaN,
  functions: Number.NaN,
  libraries: Number.NaN,
  libraryBytes: Number.NaN,
};

/** This thread's number for reading sessions; it takes none of their locks. */
const READS_ONLY = 0;

export class Scraper {
  private readonly memory: Memory;
  private count = 0;

  constructor(private readonly parts: ScrapeParts) {
    const { control, shards, container } = parts;
    this.memory = new Memory(control, shards, () => {}, container);
  }

  async scrape(): Promise<Scrape> {
    const { parts } = this;
    const number = ++this.count;
    const askedMs = performance.now();
    const { reports, silent } = await parts.reports();
    const known = reports.flatMap(({ thread, figures }) =>
      figures === null ? [] : [{ ...figures, thread }],
    );
    const replication = parts.replication();
    const shared = known.find((report) => report.shared !== null)?.shared ?? null;
    const facts = parts.facts();
    return {
      ...{ ...parts, number, replication, silent, reports: known },
      nowMs: Date.now(),
      startedMs: facts.startedMs,
      transport: facts.transport,
      waitedMs: performance.now() - askedMs,
      replicas: replication.replicas.map(({ host, port, session }) => ({
        name: `${host}:${port}`,
        session: new SyncSession(session, parts.rings.length, READS_ONLY),
      })),
      info: this.info(shared?.replication ?? [], shared?.scripts ?? UNKNOWN_SCRIPTS),
      averageTtlMs: shared?.averageTtlMs ?? null,
    };
  }

  private info(replication: Fields, scripts: ScriptFigures): Map<string, string | number> {
    const { parts, memory } = this;
    const { control, shards, config: configuration } = parts;
    const source = { ...{ control, shards, configuration, memory }, scripts: { figures: scripts } };
    const facts = parts.facts();
    return new Map([
      ...serverSection({ ...source, facts }, { now: Date.now() }),
      ...clientsSection(source),
      ...memorySection(source),
      ...persistenceSection(source),
      ...statsSection(source),
      ...replication,
      ...cpuSection(),
      ['cluster_enabled', 0] as const,
    ]);
  }
}
