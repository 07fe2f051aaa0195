/**
 * Persistence on the main thread: what is loaded at the start, snapshots, and the save at the end.
 *
 *   find ──▶ (threads start, clients get LOADING) ──▶ load ──▶ start ──▶ requests, save points
 */
import type { Log } from '../../../base/log.js';
import type { ShutdownRequest } from '../../../commands/contract/server-port.js';
import type { ControlBlock } from '../../../memory/control.js';
import { nodeDisk } from '../../../persistence/files/node-disk.js';
import type { PersistenceAnswer, PersistenceRequest } from '../../channel/persistence.js';
import { LOADING } from '../../channel/process-figures.js';
import type { Config } from '../../config/config.js';
import type { ReplicationManager } from '../replication/manager.js';
import { Snapshots } from './snapshots.js';
import { findStartSource, loadStartSource, type StartSource } from './start-up.js';

export interface PersistenceParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly replication: ReplicationManager;
  readonly isStopping: () => boolean;
}

export class Persistence {
  private readonly snapshots: Snapshots;
  private source: StartSource = { kind: 'nothing' };
  /** Whether the data is there: before, it must not be saved. */
  private isReady = false;

  constructor(private readonly parts: PersistenceParts) {
    const { config, log, control, replication } = parts;
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
    replication.interrupted = (why) => this.snapshots.interrupt(why);
  }

  /**
   * Looks what is to be loaded. Before any client is served.
   * @throws Error that says which file cannot be read, and why
   */
  async find(): Promise<void> {
    this.source = await findStartSource(this.parts.config, nodeDisk);
    if (this.source.kind !== 'nothing') this.parts.control.word(LOADING).store(1);
  }

  /**
   * Loads it, and gives this server its role.
   * @throws Error that says what is wrong with it
   */
  async load(): Promise<void> {
    const { log, control, replication, isStopping } = this.parts;
    const { shards, owner } = replication.data;
    const threads = replication.createLoading();
    const history = await loadStartSource(this.source, () => ({
      ...{ log, control, shards, owner, threads, isStopping },
      disk: nodeDisk,
    }));
    await threads.stop();
    if (isStopping()) return;
    if (history !== null) {
      const { replicationId, lsns, offset, hadReplicas } = history;
      await replication.adoptLoaded({ id: replicationId, lsns, offset }, hadReplicas);
    }
    await replication.start();
    control.word(LOADING).store(replication.status.loading ? 1 : 0);
    this.isReady = true;
    this.snapshots.start();
  }

  async request(request: PersistenceRequest): Promise<PersistenceAnswer> {
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

  /** Saves before the process ends; nothing is written any more. @returns why it has failed, or null */
  saveAtEnd(): Promise<string | null> {
    return this.snapshots.saveAtEnd();
  }
}
