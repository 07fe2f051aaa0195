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
import { LOADING as LOADING_DATA, SAVE_IN_PROGRESS } from '../../../protocol/errors.js';
import type { PersistenceAnswer, PersistenceRequest } from '../../channel/persistence.js';
import { LOADING } from '../../channel/process-figures.js';
import type { Config } from '../../config/config.js';
import type { ReplicationManager } from '../replication/manager.js';
import { FileLocks, FilesInUse } from './file-locks.js';
import { Journal } from './journal/journal.js';
import { reloadRdb } from './reload.js';
import { Snapshots } from './snapshots.js';
import { findStartSource, loadStartSource, type StartSource, usesFlows } from './start-up.js';

const RELOADS_NOT = 'ERR DEBUG RELOAD is not for a replica: its data is that of its primary';
const RELOAD_FAILED = 'ERR Error trying to load the RDB dump, check server logs.';

export interface PersistenceParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly replication: ReplicationManager;
  readonly durable: DurableLsns;
  /** Wakes all I/O threads. */
  readonly wakeAll: () => void;
  /** For LATENCY. */
  readonly latency: (event: string, milliseconds: number) => void;
  readonly isStopping: () => boolean;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
}

export class Persistence {
  private readonly snapshots: Snapshots;
  private readonly journal: Journal;
  private readonly locks: FileLocks;
  private source: StartSource = { kind: 'nothing' };
  /** Whether the data is there: before, it must not be saved. */
  private isReady = false;

  constructor(private readonly parts: PersistenceParts) {
    const { config, log, control, replication, durable, wakeAll, latency } = parts;
    this.locks = new FileLocks(log);
    const shared = {
      ...{ config, log, control, locks: this.locks },
      disk: nodeDisk,
      data: replication.data,
      whyNot: () => replication.whyNoFiles,
      history: () => replication.history,
      holdJournal: () => replication.holdJournal(),
      releaseJournal: () => replication.releaseJournal(),
    };
    this.snapshots = new Snapshots({
      ...shared,
      countChanges: () => replication.countChanges(),
      beforePut: (name) => this.journal.noteSnapshot(name),
      librariesBuffer: parts.librariesBuffer,
    });
    this.journal = new Journal({
      ...{ ...shared, durable, wakeAll, latency },
      isSaving: () => this.snapshots.isSaving,
    });
    replication.dataChanged = (change, why) => {
      this.snapshots.interrupt(why);
      if (change === 'history') this.journal.changeHistory();
      if (change === 'replaced') this.journal.interrupt(why);
    };
  }

  /**
   * Looks what is to be loaded. Before any client is served.
   * @throws Error that says which file cannot be read, and why
   */
  async find(): Promise<void> {
    await this.lockFiles();
    this.source = await findStartSource(this.parts.config, nodeDisk);
    // Before the journal has begun nothing may be written.
    const isAwaited = this.source.kind !== 'nothing' || this.parts.config.flag('appendonly');
    if (!isAwaited) return;
    this.parts.control.word(LOADING).store(1);
    // They start while the I/O threads do.
    const { loading } = this.parts.replication;
    if (usesFlows(this.source, this.parts.config, loading)) loading.prepare();
  }

  /** Whoever writes files from its start on keeps others from doing the same. */
  private async lockFiles(): Promise<void> {
    if (this.parts.config.flag('appendonly')) await this.journal.makeFolder();
    if (!this.snapshots.hasSavePoints) return;
    try {
      await this.snapshots.lockFiles();
    } catch (error) {
      // Where nothing can be written nobody writes. A save will say so.
      if (error instanceof FilesInUse) throw error;
    }
  }

  /**
   * Loads it, and gives this server its role.
   * @throws Error that says what is wrong with it
   */
  async load(): Promise<void> {
    const { config, librariesBuffer, log, control, replication, isStopping } = this.parts;
    const { shards, owner } = replication.data;
    const threads = replication.loading;
    const mayTruncate = this.parts.config.flag('aof-load-truncated');
    const history = await loadStartSource(this.source, () => ({
      ...{ log, control, shards, owner, threads, isStopping, mayTruncate },
      ...{ config, librariesBuffer },
      disk: nodeDisk,
    }));
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
    if (request.kind === 'reload') return this.reload(request);
    return this.snapshots.request(request);
  }

  /** DEBUG RELOAD. */
  private async reload(request: Extract<PersistenceRequest, { kind: 'reload' }>): Promise<string> {
    const { config, log, control, replication, librariesBuffer, isStopping } = this.parts;
    if (this.snapshots.isSaving) return `-${SAVE_IN_PROGRESS.text}`;
    if (replication.history.role === 'replica') return `-${RELOADS_NOT}`;
    if (control.word(LOADING).load() !== 0) return `-${LOADING_DATA.text}`;
    control.word(LOADING).store(1);
    try {
      // All threads have ended their turns when it resolves: what comes now is refused.
      await replication.countChanges();
      if (request.saves && (await this.snapshots.saveRdb()) !== null) return '-ERR';
      await reloadRdb(
        { config, log, data: replication.data, librariesBuffer, isStopping },
        request,
      );
      return '+OK';
    } catch (error) {
      log.warning(`DEBUG RELOAD: ${(error as Error).message}`);
      return `-${RELOAD_FAILED}`;
    } finally {
      control.word(LOADING).store(0);
    }
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
