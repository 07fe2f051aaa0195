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
 * it; so there is no gap. Rewriting is the same with the next segment. What breaks a chain is another
 * history (a change of role, a full sync), a ring that was overrun, and a failed sync: then another
 * chain begins, and the old one stays until the new one is whole.
 */
import { constants } from 'node:os';
import type { Log } from '../../../../base/log.js';
import { DARTER_VERSION } from '../../../../base/version.js';
import type { ControlBlock } from '../../../../memory/control.js';
import type { DurableLsns } from '../../../../memory/durable-lsns.js';
import { codeOf, type Disk } from '../../../../persistence/files/disk.js';
import { flowFileName, snapshotName } from '../../../../persistence/snapshot/manifest.js';
import * as figures from '../../../channel/journal-figures.js';
import type { SyncPolicy } from '../../../channel/main-flow.js';
import type { Config } from '../../../config/config.js';
import { type DataParts, FileSync } from '../file-sync.js';
import type { History } from '../snapshots.js';
import { ChainWriter } from './chain-writer.js';
import { JournalFiles } from './journal-files.js';

const TICK_MS = 100;
const RETRY_MS = 1000;
/** Between lines of the log about the same error of the disk. */
const WARNING_MS = 30_000;
/** Until the next automatic rewrite after one that failed. */
const FAILED_REWRITE_MS = 60_000;

export interface JournalParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly disk: Disk;
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
  /** Bytes of the base, and of segments before those of the writer. */
  private baseBytes = 0;
  private earlierBytes = 0;
  private sizeAtRewrite = 0;
  private isScheduled = false;
  private warnedCode = '';
  private nextWarningMs = 0;
  private isStopping = false;
  private nextRewriteMs = 0;
  /** The work that changes the state, one after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly parts: JournalParts) {
    const { config, disk } = parts;
    const folder = `${config.path('dir')}/${config.path('appenddirname')}`;
    this.files = new JournalFiles(disk, folder, config.path('appendfilename'));
    config.onChange('appendonly', () => this.configured());
    config.onChange('appendfsync', () => this.applyPolicy());
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
    if (loaded !== null) await this.continueChain(loaded);
    else await this.begin();
    // A primary's data may come just now: then another chain begins, as when that happens later.
    const isOvertaken = this.failureCode === '' && this.parts.history().role === 'replica';
    if (this.state === 'waiting' && this.parts.whyNot() === null && !isOvertaken) {
      throw new Error(`The journal cannot be written: ${this.failure}`);
    }
  }

  /** Goes on with the chain that was loaded. */
  private async continueChain(loaded: LoadedChain): Promise<void> {
    this.chain = loaded.chain;
    await this.parts.holdJournal();
    try {
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
        if (code === '') log.notice('The journal can be written again');
        else this.warnOfTrouble(code);
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

  /** Flows try again ten times a second: a log on a full disk must not grow as fast. */
  private warnOfTrouble(code: string): void {
    const nowMs = performance.now();
    const isRepeated = this.parts.control.get(figures.AOF_LAST_WRITE_FAILED) === 1;
    if (isRepeated && code === this.warnedCode && nowMs < this.nextWarningMs) return;
    this.warnedCode = code;
    this.nextWarningMs = nowMs + WARNING_MS;
    this.parts.log.warning(`Error writing to the AOF file: ${code}`);
  }

  /** Writes are refused while the disk does. @param code of the system's error, '' for none */
  private refuse(code: string): void {
    const { durable, control, wakeAll } = this.parts;
    control.set(figures.AOF_LAST_WRITE_FAILED, code === '' ? 0 : 1);
    durable.refusal = code === '' ? 0 : errorNumber(code);
    wakeAll();
  }

  // --- beginning

  /** Begins a chain. The state is 'on' when it resolves, or 'waiting' when it came to nothing. */
  private async begin(): Promise<void> {
    const why = this.parts.whyNot();
    this.state = 'beginning';
    if (why !== null) {
      this.state = 'waiting';
      return;
    }
    await this.parts.holdJournal();
    const { disk, log } = this.parts;
    try {
      await disk.makeFolder(this.files.folder);
      this.chain = (await this.files.lastChain()) + 1;
      // The role may have changed meanwhile; who interrupts from now on finds the writer.
      const whyNow = this.parts.whyNot();
      if (whyNow !== null) throw new Error(whyNow);
      this.writer = this.createWriter();
      await this.writer.open(1);
      await this.writeBase(1);
      // It may have ended meanwhile: nothing would ever be durable, and clients would wait for ever.
      this.writer.assertWriting();
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
    durable.baseWhole();
    this.writer!.baseWhole();
    durable.holdsReplies = this.parts.config.value('appendfsync') === 'always';
    this.applyPolicy();
  }

  private applyPolicy(): void {
    const { durable, wakeAll, config } = this.parts;
    if (this.state === 'off') return;
    this.writer?.setPolicy(this.policy);
    if (!this.isOn) return;
    durable.holdsReplies = config.value('appendfsync') === 'always';
    wakeAll();
  }

  /** Writes a base and puts it in place; then what it replaces goes. @param number of the first segment */
  private async writeBase(number: number): Promise<void> {
    const { data, history } = this.parts;
    const base = this.files.base(this.chain);
    const name = snapshotName(Date.now(), Math.random());
    const { header } = this;
    const { replicationId, ...layout } = header;
    const sync = new FileSync(data);
    this.baseSync = sync;
    try {
      const { cut, files } = await sync.run({
        pathOf: (flow) => base.pathOf(flowFileName(base.base, name, flow)),
        header: { ...header, createdMs: Date.now(), setName: name },
        goesOn: false,
        syncsOften: this.parts.config.flag('aof-rewrite-incremental-fsync'),
        beforeCut: async () => {},
      });
      const { role, hasReplicas, offset } = history();
      if (this.header.replicationId !== replicationId) throw new Error('the history has changed');
      await base.put(
        {
          ...layout,
          ...{ version: 1, name, server: DARTER_VERSION, createdMs: cut.atMs, role, replicationId },
          ...{ lsns: cut.lsns, offset, hadReplicas: hasReplicas, keys: cut.keys },
          files: files.map(({ path, bytes, checksum }) => ({
            name: path.slice(path.lastIndexOf('/') + 1),
            ...{ bytes, checksum },
          })),
        },
        1,
      );
      this.baseBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
      this.sizeAtRewrite = this.baseBytes;
      await this.files.removeOld(this.chain, number);
    } catch (error) {
      await base.discard(name);
      throw error;
    } finally {
      this.baseSync = null;
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
    try {
      await writer.rotate();
    } catch (error) {
      await this.broken(error);
      return false;
    }
    let isDone = true;
    try {
      await this.writeBase(writer.segment);
      this.earlierBytes = -(writer.bytes - writer.segmentBytes);
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
    this.parts.durable.lsns.fill(-1);
    this.state = 'waiting';
    this.nextTryMs = Date.now() + RETRY_MS;
    releaseJournal();
    const code = codeOf(error) || (/^(E[A-Z]+)\b/.exec(reason)?.[1] ?? '');
    this.failureCode = code;
    if (code !== '') this.refuse(code);
  }

  private nextTryMs = 0;
  private failure = '';
  /** Of the system's error, '' when it was none. */
  private failureCode = '';

  /** The history changes, or the data is replaced: nothing of it may get into the chain. */
  interrupt(why: string): void {
    this.baseSync?.abort(why);
    const { writer } = this;
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
    this.state = 'off';
    if (isHeld) releaseJournal();
    durable.holdsReplies = false;
    this.refuse('');
    log.notice('The journal ends: appendonly is no');
  }

  /** The process ends, and nobody writes any more: brings all to the disk. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.baseSync?.abort('the server ends');
    await this.work;
    if (this.writer === null) return;
    this.parts.log.notice('Calling fsync() on the AOF file.');
    await this.writer.end();
  }

  // --- sizes

  private get size(): number {
    return this.baseBytes + this.earlierBytes + (this.writer?.bytes ?? 0);
  }

  private tick(): void {
    const { control } = this.parts;
    control.set(figures.AOF_IS_ON, this.isOn ? 1 : 0);
    control.set(figures.AOF_SIZE, this.size);
    control.set(figures.AOF_BASE_SIZE, this.sizeAtRewrite);
    control.set(figures.AOF_REWRITE_SCHEDULED, this.isScheduled ? 1 : 0);
    const nowMs = Date.now();
    if (this.state === 'waiting') {
      if (this.parts.whyNot() !== null) this.letRepliesGo();
      else if (nowMs >= this.nextTryMs) this.configured();
    } else if (this.isScheduled && !this.parts.isSaving()) {
      if (this.state === 'on' || this.state === 'off') this.beginRewrite();
    } else if (this.state === 'on' && nowMs >= this.nextRewriteMs) {
      this.rewriteIfGrown();
    }
  }

  /** This data cannot be in a journal, and nobody knows when that ends: no client waits for it. */
  private letRepliesGo(): void {
    const { durable, wakeAll } = this.parts;
    if (!durable.holdsReplies) return;
    durable.holdsReplies = false;
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

/** Of EIO for a code that this system does not have. */
function errorNumber(code: string): number {
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  return numbers[code] ?? constants.errno.EIO;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
