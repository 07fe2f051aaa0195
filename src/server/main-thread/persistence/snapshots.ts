/**
 * Snapshots: SAVE, BGSAVE, save points and the save at the end of the process, on the main thread.
 * One is written at a time.
 *
 *   idle ──SAVE, BGSAVE, save point──▶ writing ──▶ idle
 *     ▲                                   │ BGSAVE SCHEDULE while another writes
 *     └────────── scheduled ◀─────────────┘
 */

import type { Log } from '../../../base/log.js';
import { CHANGES, CHANGES_SAVED } from '../../../keyspace/counters.js';
import type { ControlBlock } from '../../../memory/control.js';
import { codeOf, type Disk } from '../../../persistence/files/disk.js';
import { snapshotName } from '../../../persistence/snapshot/manifest.js';
import { SAVE_IN_PROGRESS } from '../../../protocol/errors.js';
import { REPLICATED_CHANGES } from '../../../replication/counters.js';
import type { PersistenceAnswer, PersistenceRequest } from '../../channel/persistence.js';
import {
  LAST_SAVE_MS,
  LAST_SAVE_SECONDS,
  SAVE_IN_BACKGROUND,
  SAVE_KEYS_DONE,
  SAVE_KEYS_TOTAL,
  SAVE_STARTED_MS,
  SAVES,
} from '../../channel/persistence-figures.js';
import { SAVE_FAILED } from '../../channel/process-figures.js';
import type { Config } from '../../config/config.js';
import { diskAdvice } from '../disk-advice.js';
import { ProgressLog } from '../progress-log.js';
import type { FileLocks } from './file-locks.js';
import { type DataParts, FileSync, type FileSyncCut, type FileSyncPlan } from './file-sync.js';
import { writeNativeSnapshot } from './native-snapshot.js';
import { RdbSave } from './rdb-save.js';
import { SnapshotFiles } from './snapshot-files.js';
import { nativeName, type SnapshotFormat, snapshotFormat } from './snapshot-format.js';

const TICK_MS = 100;
/** Of a snapshot that somebody waits for. */
const ATTEMPTS_MAX = 5;
/** After a failure save points wait so long until the next attempt. */
const RETRY_MS = 5000;

/** Whose data it is, as a snapshot tells it. */
export interface History {
  readonly replicationId: string;
  readonly role: 'primary' | 'replica';
  readonly hasReplicas: boolean;
  readonly offset: number;
}

export interface SnapshotsParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly disk: Disk;
  readonly locks: FileLocks;
  readonly data: DataParts;
  /** Why the data cannot be saved now, or null. */
  readonly whyNot: () => string | null;
  readonly history: () => History;
  /** Writes go to the journal when it resolves, until `releaseJournal`. */
  readonly holdJournal: () => Promise<void>;
  readonly releaseJournal: () => void;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
  /** All threads have told what they have counted when it resolves. */
  readonly countChanges: () => Promise<void>;
  /** Before a snapshot of this name is put in place. */
  readonly beforePut: (name: string) => Promise<void>;
}

/** What was saved. */
interface Saved {
  readonly createdMs: number;
  readonly keys: FileSyncCut['keys'];
  readonly bytes: number;
  readonly files: number;
}

/** What the files of all formats have in common. */
type SavePlan = Omit<FileSyncPlan, 'pathOf' | 'rdb'>;

/** A snapshot that was given up for a reason that is no failure. */
class Interrupted extends Error {}

export class Snapshots {
  private sync: FileSync | null = null;
  private progress: ProgressLog | null = null;
  private writing: Promise<string | null> | null = null;
  private isScheduled = false;
  private lastTryMs = 0;
  private interruption: string | null = null;
  /** Whether the last one was given up for a reason that is no failure. */
  private wasInterrupted = false;
  /** Why the last one failed that save points began; '' when it did not. */
  private lastFailure = '';
  /** Of the snapshot that is written now, when the configuration does not say it. */
  private format: SnapshotFormat | null = null;

  constructor(private readonly parts: SnapshotsParts) {
    parts.control.set(LAST_SAVE_MS, Date.now());
  }

  /** Once the data is there. */
  start(): void {
    setInterval(() => this.tick(), TICK_MS).unref();
  }

  async request(request: PersistenceRequest): Promise<PersistenceAnswer> {
    const isBackground = request.kind === 'background-save';
    if (this.writing !== null) {
      if (!isBackground || !request.isScheduled) return `-${SAVE_IN_PROGRESS.text}`;
      this.isScheduled = true;
      return '+Background saving scheduled';
    }
    const why = this.parts.whyNot();
    if (why !== null) return `-ERR ${why}`;
    this.lastFailure = '';
    const saved = isBackground ? this.save(true) : this.saveNow();
    if (isBackground) return '+Background saving started';
    return (await saved) === null ? '+OK' : '-ERR';
  }

  /** Whether one is being written. */
  get isSaving(): boolean {
    return this.writing !== null;
  }

  /** Whether the end of the process saves when nobody says otherwise. */
  get hasSavePoints(): boolean {
    return this.parts.config.value('save') !== '';
  }

  /** Nothing is written any more. @returns null, or why the data is not saved */
  async saveAtEnd(): Promise<string | null> {
    // One that is under way is of an earlier moment.
    await this.giveUp('the server ends');
    this.parts.log.notice('Saving the final snapshot before exiting.');
    return this.saveNow();
  }

  /**
   * Somebody waits for it: what a change of the history interrupts (a takeover's old primary has just
   * found the new one) begins anew.
   */
  private async saveNow(): Promise<string | null> {
    for (let attempt = 1; ; attempt++) {
      const why = this.parts.whyNot() ?? (await this.save(false));
      if (why === null || !this.wasInterrupted || attempt === ATTEMPTS_MAX) return why;
    }
  }

  /** Resolves when nothing is being written any more. */
  async giveUp(why: string): Promise<void> {
    this.interrupt(why);
    await this.writing;
  }

  /** The data gets another history, or is replaced: what is being written is of no use. */
  interrupt(why: string): void {
    if (this.sync === null) return;
    this.interruption = why;
    this.sync.abort(why);
  }

  private get changes(): number {
    const { control } = this.parts;
    return control.sum(CHANGES) + control.sum(REPLICATED_CHANGES) - control.get(CHANGES_SAVED);
  }

  private tick(): void {
    const { control } = this.parts;
    if (this.sync !== null) {
      const { keysDone, keysTotal, bytes } = this.sync;
      control.set(SAVE_KEYS_DONE, keysDone);
      control.set(SAVE_KEYS_TOTAL, keysTotal);
      this.progress?.note(Date.now(), keysDone, keysTotal, bytes);
    }
    if (this.writing !== null || this.parts.whyNot() !== null) return;
    const nowMs = Date.now();
    const mayTry = control.word(SAVE_FAILED).load() === 0 || nowMs - this.lastTryMs > RETRY_MS;
    if (!mayTry) return;
    if (this.isScheduled) {
      this.isScheduled = false;
      void this.save(true);
      return;
    }
    const due = this.duePoint(nowMs);
    if (due === null) return;
    if (this.lastFailure === '')
      this.parts.log.notice(`${due.changes} changes in ${due.seconds} seconds. Saving...`);
    void this.save(true);
  }

  private duePoint(nowMs: number): { seconds: number; changes: number } | null {
    const { config, control } = this.parts;
    const { changes } = this;
    if (changes === 0) return null;
    const sinceSeconds = (nowMs - control.get(LAST_SAVE_MS)) / 1000;
    for (const { seconds, changes: least } of config.savePoints) {
      if (changes >= least && sinceSeconds > seconds) return { seconds, changes: least };
    }
    return null;
  }

  /** @returns null, or why the data is not saved */
  private save(isBackground: boolean): Promise<string | null> {
    const writing = this.write(isBackground);
    this.writing = writing;
    return writing;
  }

  /** Saves an RDB file, whatever the format of snapshots. @returns null, or why the data is not saved */
  async saveRdb(): Promise<string | null> {
    this.format = 'rdb';
    try {
      return await this.save(false);
    } finally {
      this.format = null;
    }
  }

  private async write(isBackground: boolean): Promise<string | null> {
    const { control, log, holdJournal, releaseJournal } = this.parts;
    const startedMs = Date.now();
    this.lastTryMs = startedMs;
    this.interruption = null;
    this.wasInterrupted = false;
    control.set(SAVE_STARTED_MS, startedMs);
    control.set(SAVE_IN_BACKGROUND, isBackground ? 1 : 0);
    if (isBackground && this.lastFailure === '') log.notice('Background saving started');
    let failure: string | null = null;
    try {
      await holdJournal();
      const saved = await this.writeFiles().finally(releaseJournal);
      this.succeeded(saved, startedMs);
    } catch (error) {
      failure = this.failed(error as Error, isBackground);
    }
    if (isBackground) {
      control.set(LAST_SAVE_SECONDS, Math.floor((Date.now() - startedMs) / 1000) + 1);
    }
    control.set(SAVE_STARTED_MS, 0);
    control.set(SAVE_KEYS_DONE, 0);
    control.set(SAVE_KEYS_TOTAL, 0);
    this.writing = null;
    return failure;
  }

  private succeeded({ createdMs, keys, bytes, files }: Saved, startedMs: number): void {
    const { control, log } = this.parts;
    this.lastFailure = '';
    control.set(LAST_SAVE_MS, createdMs);
    control.word(SAVE_FAILED).store(0);
    control.set(SAVES, control.get(SAVES) + 1);
    const seconds = (Date.now() - startedMs) / 1000;
    const count = keys.reduce((sum, [, one]) => sum + one, 0);
    const where = files === 1 ? 'one file' : `${files} files`;
    const megabytes = bytes / 1e6;
    log.notice(
      `DB saved on disk: ${count} keys, ${megabytes.toFixed(1)} MB in ${where}, ` +
        `${seconds.toFixed(3)} seconds, ${(megabytes / Math.max(seconds, 0.001)).toFixed(0)} MB/s`,
    );
  }

  private failed(error: Error, isBackground: boolean): string {
    const { control, log } = this.parts;
    const reason = this.interruption ?? error.message;
    if (error instanceof Interrupted || this.interruption !== null) {
      this.wasInterrupted = true;
      log.warning(`The snapshot was given up: ${reason}`);
      return reason;
    }
    control.word(SAVE_FAILED).store(1);
    const what = isBackground ? 'Background saving error' : 'Error saving DB on disk';
    // What a flow thread meets comes as text.
    const code = codeOf(error) || (/\bE[A-Z]{2,}\b/.exec(reason)?.[0] ?? '');
    // Save points try again every few seconds: what fails alike is told once.
    const key = code || withoutNames(reason) || 'unknown';
    if (key !== this.lastFailure) log.warning(`${what}: ${reason}${diskAdvice(code)}`);
    this.lastFailure = key;
    return reason;
  }

  private get files(): SnapshotFiles {
    const { config, disk } = this.parts;
    return new SnapshotFiles(disk, config.path('dir'), nativeName(config.path('dbfilename')));
  }

  /** Keeps other processes from writing the same files. @throws Error when one does */
  lockFiles(): Promise<void> {
    const { files } = this;
    return this.parts.locks.hold('snapshots', files.pathOf(`.${files.base}.lock`));
  }

  private async writeFiles(): Promise<Saved> {
    const { config, control, data, history, countChanges } = this.parts;
    await this.lockFiles();
    const name = snapshotName(Date.now(), Math.random());
    const { shards } = data;
    const { key0: hashKey0, key1: hashKey1, spread } = shards.keyHash;
    const { replicationId } = history();
    const { count, databases } = shards;
    const layout = { shards: count, databases, spread, hashKey0, hashKey1 };
    const sync = new FileSync(data);
    this.sync = sync;
    this.progress = new ProgressLog(this.parts.log, 'Saving the snapshot');
    let changes = 0;
    const plan = {
      header: { ...layout, createdMs: Date.now(), replicationId, setName: name },
      syncsOften: config.flag('rdb-save-incremental-fsync'),
      beforeCut: async () => {
        await countChanges();
        changes = control.sum(CHANGES) + control.sum(REPLICATED_CHANGES);
      },
    };
    const checkHistory = () => {
      if (history().replicationId === replicationId) return;
      throw new Interrupted('the history has changed');
    };
    try {
      const isRdb = (this.format ?? snapshotFormat(config)) === 'rdb';
      const write = isRdb ? this.writeRdb : this.writeNative;
      const saved = await write.call(this, name, sync, plan, checkHistory);
      control.set(CHANGES_SAVED, changes);
      return saved;
    } finally {
      this.sync = null;
      this.progress?.close();
    }
  }

  private async writeRdb(
    name: string,
    sync: FileSync,
    plan: SavePlan,
    checkHistory: () => void,
  ): Promise<Saved> {
    const { data, config, control, disk, librariesBuffer, history } = this.parts;
    const isReplica = history().role === 'replica';
    const parts = { config, control, disk, librariesBuffer, isReplica, shards: data.shards };
    const { bytes, cut } = await new RdbSave(parts, name).run(sync, plan, checkHistory);
    return { createdMs: cut.atMs, keys: cut.keys, bytes, files: 1 };
  }

  private async writeNative(
    _: string,
    sync: FileSync,
    plan: SavePlan,
    checkHistory: () => void,
  ): Promise<Saved> {
    const { config, history, beforePut } = this.parts;
    const keep = config.number('snapshot-keep');
    const place = { files: this.files, keep, history, checkHistory, beforePut };
    const { cut, files, bytes } = await writeNativeSnapshot(sync, plan, place);
    return { createdMs: cut.atMs, keys: cut.keys, bytes, files };
  }
}

/** Each attempt has files with names of its own. */
function withoutNames(reason: string): string {
  return reason.replace(/'[^']*'|\S*\/\S*/g, '');
}
