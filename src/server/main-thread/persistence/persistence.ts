/**
 * Persistence on the main thread: what is loaded at the start, snapshots, and the save at the end.
 *
 *   find ──▶ (threads start, clients get LOADING) ──▶ load ──▶ start ──▶ requests, save points
 */
import type { Log } from '../../../base/log.js';
import type { ShutdownRequest } from '../../../commands/contract/server-port.js';
import type { ControlBlock } from '../../../memory/control.js';
import type { DurableLsns } from '../../../memory/durable-lsns.js';
import { nodeDisk } from '../../../persistence/files/node-disk.js';
import type { PersistenceAnswer, PersistenceRequest } from '../../channel/persistence.js';
import { LOADING } from '../../channel/process-figures.js';
import type { Config } from '../../config/config.js';
import type { ReplicationManager } from '../replication/manager.js';
import { Journal } from './journal/journal.js';
import { Snapshots } from './snapshots.js';
import { findStartSource, loadStartSource, type StartSource } from './start-up.js';

export interface PersistenceParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly replication: ReplicationManager;
  readonly durable: DurableLsns;
  /** Wakes all I/O threads. */
  readonly wakeAll: () => void;
  readonly isStopping: () => boolean;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
}

export class Persistence {
  private readonly snapshots: Snapshots;
  private readonly journal: Journal;
  private source: StartSource = { kind: 'nothing' };
  /** Whether the data is there: before, it must not be saved. */
  private isReady = false;

  constructor(private readonly parts: PersistenceParts) {
    const { config, log, control, replication, durable, wakeAll } = parts;
    this.snapshots = new Snapshots({
      ...{ config, log, control },
      disk: nodeDisk,
      data: replication.data,
      whyNot: () => replication.whyNoFiles,
      history: () => replication.history,
      holdJournal: () => replication.holdJournal(),
      releaseJournal: () => replication.releaseJournal(),
      countChanges: () => replication.countChanges(),
    });
    this.journal = new Journal({
      ...{ config, log, control, durable, wakeAll },
      disk: nodeDisk,
      data: replication.data,
      whyNot: () => replication.whyNoFiles,
      history: () => replication.history,
      holdJournal: () => replication.holdJournal(),
      releaseJournal: () => replication.releaseJournal(),
      isSaving: () => this.snapshots.isSaving,
    });
    replication.interrupted = (why) => {
      this.snapshots.interrupt(why);
      this.journal.interrupt(why);
    };
  }

  /**
   * Looks what is to be loaded. Before any client is served.
   * @throws Error that says which file cannot be read, and why
   */
  async find(): Promise<void> {
    this.source = await findStartSource(this.parts.config, nodeDisk);
    // Before the journal has begun nothing may be written.
    const isAwaited = this.source.kind !== 'nothing' || this.parts.config.flag('appendonly');
    if (isAwaited) this.parts.control.word(LOADING).store(1);
  }

  /**
   * Loads it, and gives this server its role.
   * @throws Error that says what is wrong with it
   */
  async load(): Promise<void> {
    const { config, librariesBuffer, log, control, replication, isStopping } = this.parts;
    const { shards, owner } = replication.data;
    const threads = replication.createLoading();
    const mayTruncate = this.parts.config.flag('aof-load-truncated');
    const history = await loadStartSource(this.source, () => ({
      ...{ log, control, shards, owner, threads, isStopping, mayTruncate },
      ...{ config, librariesBuffer },
      disk: nodeDisk,
    }));
    await threads.stop();
    if (isStopping()) return;
    if (history !== null) {
      const { replicationId, lsns, offset, hadReplicas } = history;
      await replication.adoptLoaded({ id: replicationId, lsns, offset }, hadReplicas);
    }
    await replication.start();
    await this.journal.start(history?.chain ?? null);
    control.word(LOADING).store(replication.status.loading ? 1 : 0);
    this.isReady = true;
    this.snapshots.start();
  }

  async request(request: PersistenceRequest): Promise<PersistenceAnswer> {
    if (request.kind === 'rewrite') return this.journal.rewrite();
    return this.snapshots.request(request);
  }

  /** Whether the end of the process saves, when whoever ends it says this. */
  savesAtEnd(save: ShutdownRequest['save']): boolean {
    const { replication, log } = this.parts;
    // Half a data set is none; what is on the disk is better.
    if (!this.isReady || save === 'nosave' || replication.status.loading) return false;
    if (save === 'save') return true;
    if (!this.snapshots.hasSavePoints) return false;
    const why = replication.whyNoFiles;
    if (why !== null) log.warning(`The data is not saved: ${why}`);
    return why === null;
  }

  /** The process ends without a save: what is being written is given up, and its files go. */
  end(): Promise<unknown> {
    return this.snapshots.giveUp('the server ends');
  }

  /** Nobody writes any more: all that was written is in the journal when it resolves. */
  async stop(): Promise<void> {
    if (this.isReady) await this.journal.stop();
  }

  /** Saves before the process ends; nothing is written any more. @returns why it has failed, or null */
  saveAtEnd(): Promise<string | null> {
    return this.snapshots.saveAtEnd();
  }
}
