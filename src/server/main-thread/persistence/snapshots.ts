/**
 * Snapshots: SAVE, BGSAVE, save points and the save at the end of the process, on the main thread.
 * One is written at a time.
 *
 *   idle ──SAVE, BGSAVE, save point──▶ writing ──▶ idle
 *     ▲                                   │ BGSAVE SCHEDULE while another writes
 *     └────────── scheduled ◀─────────────┘
 */

import type { Log } from '../../../base/log.js';
import { DARTER_VERSION } from '../../../base/version.js';
import { CHANGES, CHANGES_SAVED } from '../../../keyspace/counters.js';
import type { ControlBlock } from '../../../memory/control.js';
import { codeOf, type Disk } from '../../../persistence/files/disk.js';
import {
  flowFileName,
  type SnapshotManifest,
  snapshotName,
} from '../../../persistence/snapshot/manifest.js';
import { SAVE_IN_PROGRESS } from '../../../protocol/errors.js';
import { REPLICATED_CHANGES } from '../../../replication/counters.js';
import type { WrittenFile } from '../../channel/main-flow.js';
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
import { type DataParts, FileSync, type FileSyncCut } from './file-sync.js';
import { nativeName, SnapshotFiles } from './snapshot-files.js';

const TICK_MS = 100;
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
  readonly data: DataParts;
  /** Why the data cannot be saved now, or null. */
  readonly whyNot: () => string | null;
  readonly history: () => History;
  /** Writes go to the journal when it resolves, until `releaseJournal`. */
  readonly holdJournal: () => Promise<void>;
  readonly releaseJournal: () => void;
  /** All threads have told what they have counted when it resolves. */
  readonly countChanges: () => Promise<void>;
}

/** A snapshot that was given up for a reason that is no failure. */
class Interrupted extends Error {}

export class Snapshots {
  private sync: FileSync | null = null;
  private writing: Promise<string | null> | null = null;
  private isScheduled = false;
  private lastTryMs = 0;
  private interruption: string | null = null;

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
    const saved = this.save(isBackground);
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
    return this.parts.whyNot() ?? this.save(false);
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
      control.set(SAVE_KEYS_DONE, this.sync.keysDone);
      control.set(SAVE_KEYS_TOTAL, this.sync.keysTotal);
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

  private async write(isBackground: boolean): Promise<string | null> {
    const { control, log, holdJournal, releaseJournal } = this.parts;
    const startedMs = Date.now();
    this.lastTryMs = startedMs;
    this.interruption = null;
    control.set(SAVE_STARTED_MS, startedMs);
    control.set(SAVE_IN_BACKGROUND, isBackground ? 1 : 0);
    if (isBackground) log.notice('Background saving started');
    let failure: string | null = null;
    try {
      await holdJournal();
      const manifest = await this.writeFiles().finally(releaseJournal);
      this.succeeded(manifest, startedMs);
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

  private succeeded(manifest: SnapshotManifest, startedMs: number): void {
    const { control, log } = this.parts;
    const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    control.set(LAST_SAVE_MS, manifest.createdMs);
    control.word(SAVE_FAILED).store(0);
    control.set(SAVES, control.get(SAVES) + 1);
    const seconds = (Date.now() - startedMs) / 1000;
    const keys = manifest.keys.reduce((sum, [, count]) => sum + count, 0);
    log.notice(
      `DB saved on disk: ${keys} keys, ${(bytes / 1e6).toFixed(1)} MB in ${manifest.files.length} ` +
        `files, ${seconds.toFixed(3)} seconds`,
    );
  }

  private failed(error: Error, isBackground: boolean): string {
    const { control, log } = this.parts;
    const reason = this.interruption ?? error.message;
    if (error instanceof Interrupted || this.interruption !== null) {
      log.warning(`The snapshot was given up: ${reason}`);
      return reason;
    }
    control.word(SAVE_FAILED).store(1);
    const what = isBackground ? 'Background saving error' : 'Error saving DB on disk';
    const code = codeOf(error);
    log.warning(`${what}: ${reason}${code === 'ENOSPC' ? ' (is there room on the disk?)' : ''}`);
    return reason;
  }

  private async writeFiles(): Promise<SnapshotManifest> {
    const { config, control, data, disk, history, countChanges } = this.parts;
    const files = new SnapshotFiles(
      disk,
      config.path('dir'),
      nativeName(config.path('dbfilename')),
    );
    const name = snapshotName(Date.now(), Math.random());
    const { shards } = data;
    const { key0: hashKey0, key1: hashKey1, spread } = shards.keyHash;
    const { replicationId } = history();
    const layout = {
      shards: shards.count,
      databases: shards.databases,
      spread,
      hashKey0,
      hashKey1,
    };
    const header = { ...layout, createdMs: Date.now(), replicationId, setName: name };
    const sync = new FileSync(data);
    this.sync = sync;
    let changes = 0;
    try {
      const { cut, files: written } = await sync.run({
        pathOf: (flow) => files.pathOf(flowFileName(files.base, name, flow)),
        header,
        goesOn: false,
        syncsOften: config.flag('rdb-save-incremental-fsync'),
        beforeCut: async () => {
          await countChanges();
          changes = control.sum(CHANGES) + control.sum(REPLICATED_CHANGES);
        },
      });
      const manifest = { ...this.manifestOf(name, cut, written), ...layout };
      if (manifest.replicationId !== replicationId)
        throw new Interrupted('the history has changed');
      await files.put(manifest, config.number('snapshot-keep'));
      control.set(CHANGES_SAVED, changes);
      return manifest;
    } catch (error) {
      await files.discard(name);
      throw error;
    } finally {
      this.sync = null;
    }
  }

  private manifestOf(
    name: string,
    { lsns, keys, atMs }: FileSyncCut,
    written: readonly WrittenFile[],
  ): Omit<SnapshotManifest, 'shards' | 'databases' | 'spread' | 'hashKey0' | 'hashKey1'> {
    const { replicationId, role, hasReplicas, offset } = this.parts.history();
    return {
      version: 1,
      name,
      server: DARTER_VERSION,
      createdMs: atMs,
      role,
      replicationId,
      lsns,
      offset,
      hadReplicas: hasReplicas,
      keys,
      files: written.map(({ path, bytes, checksum }) => ({
        name: path.slice(path.lastIndexOf('/') + 1),
        bytes,
        checksum,
      })),
    };
  }
}
