/**
 * The journal on the main thread: whether there is one, its chain, and rewriting it.
 *
 *             appendonly yes              the base is whole
 *        off ───────────────▶ beginning ───────────────────▶ on ◀──▶ rewriting
 *         ▲                     │  ▲                         │            │
 *         │ appendonly no       ▼  │ after a while            │ broken     │ broken
 *         └──── from all ─────  waiting ◀────────────────────┴────────────┘
 *
 * Beginning: flows write a first segment, then a full sync makes the base, which contains all before
 * it; so there is no gap. Rewriting is the same with the next segment. What breaks a chain is data that
 * is replaced (a full sync), a ring that was overrun, and a failed sync: then another chain begins, and
 * the old one stays until the new one is whole. A change of role breaks none where the data and its
 * positions go on: the next segment says whose history it is from there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../../base/log.js';
import type { ControlBlock } from '../../../../memory/control.js';
import type { DurableLsns } from '../../../../memory/durable-lsns.js';
import { codeOf, type Disk } from '../../../../persistence/files/disk.js';
import { snapshotName } from '../../../../persistence/snapshot/manifest.js';
import * as figures from '../../../channel/journal-figures.js';
import type { SyncPolicy } from '../../../channel/main-flow.js';
import type { Config } from '../../../config/config.js';
import { followSyncPolicy } from '../../../config/sync-policy.js';
import { ProgressLog } from '../../progress-log.js';
import { type FileLocks, FilesInUse } from '../file-locks.js';
import { type DataParts, FileSync } from '../file-sync.js';
import { writeNativeSnapshot } from '../native-snapshot.js';
import type { History } from '../snapshots.js';
import { ChainWriter, type SegmentBegin } from './chain-writer.js';
import { DiskWatch, errorNumber } from './disk-watch.js';
import { forgetEnded, SwitchedOff } from './ended-chain.js';
import { JournalFiles } from './journal-files.js';
import { tellBaseless } from './journal-start.js';

const TICK_MS = 100;
const RETRY_MS = 1000;
/** Until the next automatic rewrite after one that failed. */
const FAILED_REWRITE_MS = 60_000;

export interface JournalParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly disk: Disk;
  readonly locks: FileLocks;
  readonly durable: DurableLsns;
  readonly data: DataParts;
  /** Why the data cannot be written to files now, or null. */
  readonly whyNot: () => string | null;
  readonly history: () => History;
  /** Writes go to the rings when it resolves, until `releaseJournal`. */
  readonly holdJournal: () => Promise<void>;
  readonly releaseJournal: () => void;
  /** Wakes all I/O threads. */
  readonly wakeAll: () => void;
  /** For LATENCY. */
  readonly latency: (event: string, milliseconds: number) => void;
  /** Whether a snapshot is being saved: a rewrite waits for it. */
  readonly isSaving: () => boolean;
}

/** Where the chain ends that was loaded at the start. */
export interface LoadedChain {
  readonly chain: number;
  readonly lastSegment: number;
  /** Bytes of its base, and of all its files. */
  readonly baseBytes: number;
  readonly bytes: number;
}

type State = 'off' | 'beginning' | 'on' | 'rewriting' | 'waiting';

export class Journal {
  private state: State = 'off';
  private files: JournalFiles;
  private chain = 0;
  private writer: ChainWriter | null = null;
  private baseSync: FileSync | null = null;
  private baseProgress: ProgressLog | null = null;
  /** Bytes of the base, and of segments before those of the writer. */
  private baseBytes = 0;
  private earlierBytes = 0;
  private sizeAtRewrite = 0;
  private isScheduled = false;
  private isStopping = false;
  private nextRewriteMs = 0;
  private isStarting = false;
  private readonly diskWatch: DiskWatch;
  private readonly switchedOff: SwitchedOff;
  /** The work that changes the state, one after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly parts: JournalParts) {
    const { config } = parts;
    this.files = this.configuredFiles;
    this.diskWatch = new DiskWatch(parts);
    this.switchedOff = new SwitchedOff(parts.log);
    config.onChange('appendonly', () => this.configured());
    config.onChange('appendfsync', () => this.applyPolicy());
    followSyncPolicy(config, parts.durable);
  }

  private get configuredFiles(): JournalFiles {
    const { config, disk } = this.parts;
    const folder = `${config.path('dir')}/${config.path('appenddirname')}`;
    return new JournalFiles(disk, folder, config.path('appendfilename'));
  }

  /** `dir` may have changed while the journal was off: the next start looks there. */
  private moveFolder(): void {
    const files = this.configuredFiles;
    if (files.folder === this.files.folder) return;
    this.files = files;
    this.switchedOff.forget();
  }

  private get isOn(): boolean {
    return this.state === 'on' || this.state === 'rewriting';
  }

  private get isWanted(): boolean {
    return this.parts.config.value('appendonly') === 'yes' && !this.isStopping;
  }

  private get policy(): SyncPolicy {
    const { config } = this.parts;
    const policy = config.value('appendfsync') as SyncPolicy;
    const rests = this.state === 'rewriting' && config.value('no-appendfsync-on-rewrite') === 'yes';
    // Clients that wait for the disk are not told that it has what it has not.
    return rests && policy === 'everysec' ? 'no' : policy;
  }

  /**
   * At the start of the process: everything that is written from now on is in the journal when it
   * resolves. Clients may not write before.
   */
  async start(loaded: LoadedChain | null): Promise<void> {
    setInterval(() => this.tick(), TICK_MS).unref();
    if (!this.isWanted) return;
    this.isStarting = true;
    if (loaded === null) await tellBaseless(this.files, this.parts.log);
    if (loaded !== null) await this.continueChain(loaded);
    else await this.begin();
    this.isStarting = false;
    // A primary's data may come just now: then another chain begins, as when that happens later.
    const isOvertaken = this.failureCode === '' && this.parts.history().role === 'replica';
    if (this.state === 'waiting' && this.parts.whyNot() === null && !isOvertaken) {
      throw new Error(cannotWrite(this.failure));
    }
  }

  /** Goes on with the chain that was loaded. */
  private async continueChain(loaded: LoadedChain): Promise<void> {
    this.chain = loaded.chain;
    await this.parts.holdJournal();
    try {
      await forgetEnded(this.files, loaded.chain);
      await this.files.removeBegun(loaded.chain, loaded.lastSegment);
      this.writer = this.createWriter();
      await this.writer.open(loaded.lastSegment + 1);
      this.writer.assertWriting();
    } catch (error) {
      await this.broken(error);
      return;
    }
    this.baseBytes = loaded.baseBytes;
    this.earlierBytes = loaded.bytes - loaded.baseBytes;
    this.sizeAtRewrite = loaded.baseBytes;
    this.nowOn();
  }

  /** Whether the directive has changed; does what it says. */
  private configured(): void {
    void this.inTurn(async () => {
      if (this.isWanted && (this.state === 'off' || this.state === 'waiting')) await this.begin();
      else if (!this.isWanted && this.state !== 'off') await this.end();
    });
    if (!this.isWanted) this.parts.control.set(figures.AOF_IS_ON, 0);
    // What is under way is of no use.
    if (!this.isWanted && this.state !== 'on') this.interrupt('appendonly was switched off');
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    this.work = this.work.then(work).catch((error: Error) => {
      this.parts.log.warning(`The journal: ${error.stack ?? error.message}`);
    });
    return this.work;
  }

  private createWriter(): ChainWriter {
    const { data, log, durable } = this.parts;
    durable.beginChain();
    const { files, chain } = this;
    const writer: ChainWriter = new ChainWriter({
      ...{ data, files, chain, policy: this.policy },
      header: this.header,
      failed: (why) => this.isLost(writer, why),
      trouble: (code) => {
        // Nobody is served yet who could wait until the disk takes it.
        if (this.isStarting && code !== '') writer.abort(code);
        if (code === '') log.notice('The journal can be written again');
        else this.diskWatch.warnOfTrouble(code);
        this.refuse(code);
      },
    });
    return writer;
  }

  private get header() {
    const { shards } = this.parts.data;
    const { key0: hashKey0, key1: hashKey1, spread } = shards.keyHash;
    const { replicationId } = this.parts.history();
    const { count, databases } = shards;
    return { shards: count, databases, spread, hashKey0, hashKey1, replicationId };
  }

  /** Writes are refused while the disk does. @param code of the system's error, '' for none */
  private refuse(code: string): void {
    const { durable, control, wakeAll } = this.parts;
    control.set(figures.AOF_LAST_WRITE_FAILED, code === '' ? 0 : 1);
    durable.refusal = code === '' ? 0 : errorNumber(code);
    wakeAll();
  }

  // --- beginning

  /** Makes the folder, and keeps other processes from writing to this journal. */
  async makeFolder(): Promise<void> {
    const { files } = this;
    const { disk, locks } = this.parts;
    try {
      await disk.makeFolder(files.folder);
      await locks.hold('journal', files.lockPath);
    } catch (error) {
      if (error instanceof FilesInUse) throw error;
      const code = codeOf(error);
      throw Object.assign(new Error(cannotWrite(messageOf(error))), code === '' ? {} : { code });
    }
  }

  /** Begins a chain. The state is 'on' when it resolves, or 'waiting' when it came to nothing. */
  private async begin(): Promise<void> {
    const why = this.parts.whyNot();
    if (this.state === 'off') this.moveFolder();
    this.state = 'beginning';
    if (why !== null) {
      this.state = 'waiting';
      return;
    }
    await this.parts.holdJournal();
    const { log } = this.parts;
    try {
      await this.makeFolder();
      this.chain = (await this.files.lastChain()) + 1;
      // The role may have changed meanwhile; who interrupts from now on finds the writer.
      const whyNow = this.parts.whyNot();
      if (whyNow !== null) throw new Error(whyNow);
      const writer = this.createWriter();
      this.writer = writer;
      await writer.open(1);
      await this.writeBase(writer, 1);
      // It may have ended meanwhile: nothing would ever be durable, and clients would wait for ever.
      writer.assertWriting();
    } catch (error) {
      await this.broken(error);
      return;
    }
    this.earlierBytes = 0;
    this.refuse('');
    this.nowOn();
    // Now it is in force.
    log.notice(`The journal begins: chain ${this.chain} in ${this.files.folder}`);
  }

  private nowOn(): void {
    const { durable } = this.parts;
    this.state = 'on';
    this.switchedOff.forget();
    durable.baseWhole();
    this.writer!.baseWhole();
    this.applyPolicy();
    // Whoever sees that it is on gets no reply that does not wait.
    this.tellWhetherOn();
  }

  private applyPolicy(): void {
    if (this.state === 'off') return;
    this.writer?.setPolicy(this.policy);
    this.diskWatch.reset();
    if (this.isOn) this.holdReplies();
  }

  private holdReplies(): void {
    const { durable, wakeAll } = this.parts;
    durable.isPromised = true;
    durable.isLate = this.diskWatch.isLate;
    wakeAll();
  }

  /** Writes a base and puts it in place; then what it replaces goes. @param number of the first segment */
  private async writeBase(writer: ChainWriter, number: number): Promise<void> {
    const { data, history } = this.parts;
    const { files, chain, header } = this;
    const sync = new FileSync(data);
    this.baseSync = sync;
    this.baseProgress = new ProgressLog(this.parts.log, "Writing the journal's base");
    const plan = {
      header: {
        ...header,
        createdMs: Date.now(),
        setName: snapshotName(Date.now(), Math.random()),
      },
      syncsOften: this.parts.config.flag('aof-rewrite-incremental-fsync'),
      beforeCut: async () => {},
    };
    const place = {
      ...{ files: files.base(chain), keep: 1, history },
      // Of data that was replaced it is of no use.
      checkHistory: () => writer.assertWriting(),
      // Its last moment may be of another history than its first. It is the segments that tell the id.
      beforePut: () => writer.settled(),
    };
    try {
      const { bytes } = await writeNativeSnapshot(sync, plan, place);
      this.baseBytes = bytes;
      this.sizeAtRewrite = bytes;
      await files.removeOld(chain, number);
    } finally {
      this.baseSync = null;
      this.baseProgress.close();
    }
  }

  // --- rewriting

  /** BGREWRITEAOF. @returns the reply */
  rewrite(): string {
    const isUnderWay = this.state === 'rewriting' || this.state === 'beginning';
    if (isUnderWay) return '-ERR Background append only file rewriting already in progress';
    if (this.parts.isSaving()) {
      this.isScheduled = true;
      return '+Background append only file rewriting scheduled';
    }
    const why = this.parts.whyNot();
    if (why !== null) return `-ERR ${why}`;
    this.beginRewrite();
    return '+Background append only file rewriting started';
  }

  private beginRewrite(): void {
    this.isScheduled = false;
    const isOn = this.state === 'on';
    if (isOn) this.state = 'rewriting';
    void this.inTurn(() => this.counted(() => (isOn ? this.rewriteChain() : this.writeOnce())));
  }

  /** Counts a rewrite for INFO. */
  private async counted(work: () => Promise<boolean>): Promise<void> {
    const { control, log } = this.parts;
    const startedMs = Date.now();
    control.set(figures.AOF_REWRITE_STARTED_MS, startedMs);
    const isDone = await work();
    control.set(figures.AOF_REWRITE_STARTED_MS, 0);
    const seconds = (Date.now() - startedMs) / 1000;
    control.set(figures.AOF_LAST_REWRITE_SECONDS, Math.floor(seconds) + 1);
    control.set(figures.AOF_LAST_REWRITE_FAILED, isDone ? 0 : 1);
    const failures = isDone ? 0 : control.get(figures.AOF_REWRITE_FAILURES) + 1;
    control.set(figures.AOF_REWRITE_FAILURES, failures);
    if (!isDone) {
      this.nextRewriteMs = Date.now() + FAILED_REWRITE_MS;
      return;
    }
    control.set(figures.AOF_REWRITES, control.get(figures.AOF_REWRITES) + 1);
    log.notice(
      `The journal was rewritten: a base of ${(this.baseBytes / 1e6).toFixed(1)} MB, ` +
        `${seconds.toFixed(3)} seconds`,
    );
  }

  /** Goes on in the next segment, and replaces the base by one that has all before it. */
  private async rewriteChain(): Promise<boolean> {
    const { writer } = this;
    if (writer === null || this.state !== 'rewriting') return false;
    this.applyPolicy();
    let begin: SegmentBegin;
    try {
      begin = await writer.rotate();
    } catch (error) {
      await this.broken(error);
      return false;
    }
    let isDone = true;
    try {
      await this.writeBase(writer, begin.number);
      this.earlierBytes = -begin.bytesBefore;
    } catch (error) {
      // The chain goes on with the base that it has.
      this.parts.log.warning(`Rewriting the journal has failed: ${messageOf(error)}`);
      isDone = false;
    }
    if (this.state === 'rewriting') this.state = 'on';
    this.applyPolicy();
    return isDone;
  }

  /** The journal is off: writes a chain that nobody goes on with. */
  private async writeOnce(): Promise<boolean> {
    if (this.state !== 'off') return false;
    await this.begin();
    const { isOn: isDone } = this;
    if (!this.isWanted) await this.end();
    return isDone;
  }

  // --- ends

  /** What is written belongs to no journal, or to another one: begins anew as soon as that is possible. */
  private isLost(writer: ChainWriter, why: string): void {
    if (this.writer !== writer || (this.state !== 'on' && this.state !== 'rewriting')) return;
    void this.inTurn(async () => {
      if (this.writer === writer) await this.broken(new Error(why));
    });
  }

  private async broken(error: unknown): Promise<void> {
    const { log, releaseJournal } = this.parts;
    const reason = messageOf(error);
    this.failure = reason;
    log.warning(`The journal is interrupted: ${reason}`);
    this.writer?.abort(reason);
    await this.writer?.ended();
    this.writer = null;
    // LSNs of another history may be lower than these.
    this.parts.durable.beginChain();
    this.state = 'waiting';
    this.tellWhetherOn();
    // The other process may start again and go on with its journal: nobody replaces it unasked.
    const isOthers = error instanceof FilesInUse;
    this.nextTryMs = isOthers ? Number.POSITIVE_INFINITY : Date.now() + RETRY_MS;
    releaseJournal();
    const code = codeOf(error) || (/^(E[A-Z]+)\b/.exec(reason)?.[1] ?? '');
    this.failureCode = code;
    if (code !== '') this.refuse(code);
  }

  private nextTryMs = 0;
  private failure = '';
  /** Of the system's error, '' when it was none. */
  private failureCode = '';

  /**
   * The data goes on in another history, at the positions that it has. Nobody writes until this returns.
   * The chain goes on, and so do replies that wait for the disk.
   */
  changeHistory(): void {
    const { writer } = this;
    if (writer === null) return;
    writer.changeHistory(this.header);
    // The end of the journal comes after it.
    void this.inTurn(() => writer.settled().catch(() => {}));
  }

  /** The data is replaced: nothing of it may get into the chain. */
  interrupt(why: string): void {
    this.baseSync?.abort(why);
    const { writer } = this;
    // What is on the disk is of the data before.
    this.parts.durable.beginChain();
    if (writer === null || this.state === 'off') return;
    writer.abort(why);
    this.isLost(writer, why);
  }

  /** Switched off. */
  private async end(): Promise<void> {
    const { durable, releaseJournal, log } = this.parts;
    const isHeld = this.state !== 'waiting';
    await this.writer?.end();
    this.writer = null;
    durable.beginChain();
    this.state = 'off';
    this.tellWhetherOn();
    await this.switchedOff.note(this.files);
    if (isHeld) releaseJournal();
    this.letRepliesGo();
    this.refuse('');
    log.notice('The journal ends: appendonly is no');
  }

  /** A snapshot is about to be in place: it is newer than a journal that was switched off. */
  noteSnapshot(name: string): Promise<void> {
    return this.switchedOff.noteSnapshot(this.files, name);
  }

  /** The process ends, and nobody writes any more: brings all to the disk. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.baseSync?.abort('the server ends');
    await this.workOver();
    if (this.writer === null) return;
    this.parts.log.notice('Calling fsync() on the AOF file.');
    await this.writer.end();
  }

  /** Resolves when the work is done; what waits for a disk that refuses is given up. */
  private async workOver(): Promise<void> {
    let isOver = false;
    const over = this.work.then(() => {
      isOver = true;
    });
    for (let isTold = false; !isOver; await Promise.race([over, sleep(TICK_MS)])) {
      if (isTold || this.parts.durable.refusal === 0) continue;
      isTold = true;
      void this.writer?.end();
    }
  }

  // --- sizes

  private get size(): number {
    return this.baseBytes + this.earlierBytes + (this.writer?.bytes ?? 0);
  }

  private tellWhetherOn(): void {
    this.parts.control.set(figures.AOF_IS_ON, this.isOn ? 1 : 0);
  }

  private tick(): void {
    const { control } = this.parts;
    control.set(figures.AOF_SIZE, this.size);
    control.set(figures.AOF_BASE_SIZE, this.sizeAtRewrite);
    control.set(figures.AOF_REWRITE_SCHEDULED, this.isScheduled ? 1 : 0);
    const nowMs = Date.now();
    this.watchDisk();
    if (this.baseSync !== null) {
      const { keysDone, keysTotal, bytes } = this.baseSync;
      this.baseProgress?.note(nowMs, keysDone, keysTotal, bytes);
    }
    if (this.state === 'waiting') {
      if (this.parts.whyNot() !== null) this.letRepliesGo();
      else if (nowMs >= this.nextTryMs) this.configured();
    } else if (this.isScheduled && !this.parts.isSaving()) {
      if (this.state === 'on' || this.state === 'off') this.beginRewrite();
    } else if (this.state === 'on' && nowMs >= this.nextRewriteMs) {
      this.rewriteIfGrown();
    }
  }

  private watchDisk(): void {
    const { diskWatch, policy } = this;
    const { durable } = this.parts;
    diskWatch.tell(policy);
    if (policy !== 'everysec') return;
    // While the disk refuses, so are writes: nothing more can be lost.
    if (!this.isOn || !durable.isWhole || durable.refusal !== 0) {
      diskWatch.reset();
      if (durable.isLate) this.notLate();
    } else if (diskWatch.look()) this.holdReplies();
  }

  /** This data cannot be in a journal, and nobody knows when that ends: no client waits for it. */
  private letRepliesGo(): void {
    const { durable } = this.parts;
    if (!durable.isPromised && !durable.isLate) return;
    durable.isPromised = false;
    this.notLate();
  }

  private notLate(): void {
    const { durable, wakeAll } = this.parts;
    durable.isLate = false;
    wakeAll();
  }

  private rewriteIfGrown(): void {
    const { config, log, isSaving } = this.parts;
    const percentage = config.number('auto-aof-rewrite-percentage');
    const { size } = this;
    if (percentage === 0 || size <= config.number('auto-aof-rewrite-min-size')) return;
    const growth = Math.floor((size * 100) / (this.sizeAtRewrite || 1)) - 100;
    if (growth < percentage || isSaving() || this.parts.whyNot() !== null) return;
    log.notice(`Starting automatic rewriting of AOF on ${growth}% growth`);
    this.beginRewrite();
  }
}

function cannotWrite(reason: string): string {
  return `The journal cannot be written: ${reason}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
