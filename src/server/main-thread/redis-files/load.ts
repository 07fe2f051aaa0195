/**
 * Loads files of a Redis at the start: commands on the main thread, piece by piece, a large RDB file on
 * the flow threads (rdb-flows.ts). Clients get LOADING, and the main thread serves its other duties in
 * between. Nothing goes to a journal: no replica was there.
 *
 * What is read is verified. A file that is damaged stops the start; the reason has its path and the
 * place in it. The last append-only file may end in the midst of a command, as after a crash, unless
 * `aof-load-truncated` is no.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import type { Log } from '../../../base/log.js';
import type { Shards } from '../../../keyspace/shards.js';
import { SharedText } from '../../../memory/shared-text.js';
import { AofCommandReader } from '../../../persistence/aof/command-reader.js';
import { AofError } from '../../../persistence/aof/error.js';
import { withPath } from '../../../persistence/files/disk.js';
import { RdbError } from '../../../persistence/rdb/error.js';
import { type LoadEvents, RdbLoader } from '../../../persistence/rdb/store/loader.js';
import { settle } from '../../../structures/table-presize.js';
import { ProgressLog } from '../progress-log.js';
import type { RedisFile, RedisFiles } from './find.js';
import { isWorthFlows, loadOnFlows, type RdbThreads } from './rdb-flows.js';
import { Replay } from './replay.js';

const PIECE_BYTES = 256 * 1024;
const RDB_MAGIC = /^(REDIS|VALKEY)/;

export interface RedisLoadParts {
  readonly log: Log;
  readonly shards: Shards;
  /** For large RDB files; null: this thread loads alone. */
  readonly threads: RdbThreads | null;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
  /** A directive as CONFIG GET shows it. */
  readonly setting: (name: string) => string;
  /** Whether this server is to be a replica: it keeps keys that have expired. */
  readonly isReplica: boolean;
  /** Whether keys of the files take the place of those that are there; else these are an error. */
  readonly replaces?: boolean;
  /** Sources of libraries that are there and stay. */
  readonly libraries?: readonly string[];
  /** Whether the load is to be given up, as the server ends. */
  readonly isStopping: () => boolean;
  /** Told as it goes on. */
  readonly progress: (bytes: number, keys: number) => void;
}

/**
 * @returns false when it was given up
 * @throws Error with the path, the place and the reason; the data is half loaded then
 */
export async function loadRedisFiles(files: RedisFiles, parts: RedisLoadParts): Promise<boolean> {
  return new RedisLoad(files, parts).run();
}

class RedisLoad {
  private readonly replay: Replay;
  private readonly progressLog: ProgressLog;
  private readonly totalBytes: number;
  private doneBytes = 0;
  private keys = 0;

  constructor(
    private readonly what: RedisFiles,
    private readonly parts: RedisLoadParts,
  ) {
    this.replay = new Replay(parts.shards, parts.setting);
    this.progressLog = new ProgressLog(parts.log, 'Loading');
    this.totalBytes = what.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async run(): Promise<boolean> {
    return this.loadAll().finally(() => this.progressLog.close());
  }

  private async loadAll(): Promise<boolean> {
    const { files, kind } = this.what;
    for (const [index, file] of files.entries()) {
      const isWhole = await this.loadNamed(file, kind === 'aof' && index === files.length - 1);
      if (!isWhole) return false;
    }
    const codes = new Set([...(this.parts.libraries ?? []), ...this.replay.libraries.values()]);
    new SharedText(this.parts.librariesBuffer).update(() => JSON.stringify([...codes]));
    this.settleTables();
    this.progressLog.end(Date.now(), this.keysStored(), this.totalBytes, 0);
    return true;
  }

  /** Fewer keys may have come than the file has said. */
  private settleTables(): void {
    const { shards } = this.parts;
    for (let shard = 0; shard < shards.count; shard++) {
      shards.lock(shard);
      for (let database = 0; database < shards.databases; database++) {
        settle(shards.table(shard, database));
      }
      shards.unlock(shard);
    }
  }

  private keysStored(): number {
    const { shards } = this.parts;
    let keys = 0;
    for (let shard = 0; shard < shards.count; shard++) {
      for (let database = 0; database < shards.databases; database++) {
        keys += shards.table(shard, database).size;
      }
    }
    return keys;
  }

  private async loadNamed(file: RedisFile, mayBeCut: boolean): Promise<boolean> {
    const { log } = this.parts;
    log.notice(`Loading ${file.path}, ${file.bytes} bytes`);
    const handle = await open(file.path, 'r');
    try {
      return await this.load(handle, file, mayBeCut);
    } catch (error) {
      const isOfFile = error instanceof RdbError || error instanceof AofError;
      if (isOfFile) throw new Error(`${file.path}: ${error.message}`);
      throw withPath(error, file.path);
    } finally {
      await handle.close();
    }
  }

  private async load(handle: FileHandle, file: RedisFile, mayBeCut: boolean): Promise<boolean> {
    const head = Buffer.alloc(6);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const isRdb = RDB_MAGIC.test(head.toString('latin1', 0, bytesRead)) || this.what.kind === 'rdb';
    this.replay.begin();
    const rest = isRdb ? await this.loadRdb(handle, file) : { offset: 0, bytes: Buffer.alloc(0) };
    if (rest === null) return false;
    if (this.what.kind === 'rdb') return true;
    return this.loadCommands(handle, file, rest, mayBeCut);
  }

  /** @returns what follows it in the file, as far as that was read; null when it was given up */
  private async loadRdb(
    handle: FileHandle,
    file: RedisFile,
  ): Promise<{ offset: number; bytes: Buffer } | null> {
    const { threads } = this.parts;
    if (threads === null || !isWorthFlows(threads.flows, file.bytes))
      return this.loadAlone(handle, file);
    const { keepsExpired, replaces } = this;
    const before = this.doneBytes;
    const loaded = await loadOnFlows(handle, threads, {
      ...{ path: file.path, bytes: file.bytes, nowMs: Date.now(), keepsExpired, replaces },
      goesOn: (bytes, keys) => {
        this.keys = keys;
        return this.reached(before + bytes);
      },
    });
    if (loaded === null) return null;
    const { offset, shares } = loaded;
    this.reached(before + offset);
    const remarks = shares.flatMap((share) => share.remarks);
    const events = this.createEvents();
    for (const { kind, offset: at, name, value } of remarks.sort((a, b) => a.offset - b.offset)) {
      if (kind === 'setting') events.setting(name, value);
      else if (kind === 'module') events.skippedModule(name);
      else this.addLibrary(value, at);
    }
    this.tellExpired(shares.reduce((sum, { expired }) => sum + expired, 0));
    return { offset, bytes: Buffer.alloc(0) };
  }

  private async loadAlone(
    handle: FileHandle,
    { bytes }: RedisFile,
  ): Promise<{ offset: number; bytes: Buffer } | null> {
    const loader = this.createLoader(bytes);
    const { reader } = loader;
    const piece = Buffer.alloc(PIECE_BYTES);
    try {
      for (let offset = 0; ; ) {
        const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, offset);
        if (bytesRead === 0) loader.finish();
        const taken = loader.feed(piece, 0, bytesRead);
        offset += taken;
        this.keys = loader.loaded;
        if (reader.done) return { offset, bytes: Buffer.from(piece.subarray(taken, bytesRead)) };
        if (!(await this.goesOn(taken))) return null;
      }
    } finally {
      loader.close();
      this.tellExpired(loader.expired);
    }
  }

  private tellExpired(keys: number): void {
    if (keys > 0) this.parts.log.notice(`${keys} keys had expired`);
  }

  /** What follows in an append-only file may be about keys that have expired. */
  private get keepsExpired(): boolean {
    return this.parts.isReplica || this.what.kind === 'aof';
  }

  private get replaces(): boolean {
    return this.parts.replaces === true;
  }

  private addLibrary(code: string, offset = -1): void {
    const wrong = this.replay.addLibrary(code);
    if (wrong !== null) throw new RdbError(wrong, offset);
  }

  private createEvents(): LoadEvents {
    const { log } = this.parts;
    return {
      setting: (name: string, value: string) => {
        if (name === 'redis-ver') log.notice(`The file was written by Redis ${value}`);
      },
      functionLibrary: (code: string) => this.addLibrary(code),
      skippedModule: (name: string) => log.warning(`What the module ${name} keeps is left out`),
    };
  }

  private createLoader(fileBytes: number): RdbLoader {
    return new RdbLoader(this.replay.keys, this.createEvents(), {
      limits: this.replay.settings,
      nowMs: Date.now(),
      keepsExpired: this.keepsExpired,
      duplicates: this.replaces ? 'replace' : 'refuse',
      fileBytes,
      memoryMax: Number(this.parts.setting('maxmemory')),
    });
  }

  private async loadCommands(
    handle: FileHandle,
    { path }: RedisFile,
    rest: { readonly offset: number; readonly bytes: Buffer },
    mayBeCut: boolean,
  ): Promise<boolean> {
    const reader = new AofCommandReader(rest.offset);
    const { replay } = this;
    replay.keys.now = 0;
    reader.take(rest.bytes);
    let offset = rest.offset + rest.bytes.length;
    for (;;) {
      await this.applyAll(reader);
      const { target } = reader;
      const { bytesRead } = await handle.read(target, 0, target.length, offset);
      if (bytesRead === 0) break;
      reader.received(bytesRead);
      offset += bytesRead;
      if (!(await this.goesOn(bytesRead))) return false;
    }
    if (reader.isAmidst || replay.inTransaction) this.cutOff(path, reader.offset, mayBeCut);
    return true;
  }

  private async applyAll(reader: AofCommandReader): Promise<void> {
    const { replay } = this;
    while (reader.next()) {
      const outcome = replay.apply(reader.args);
      const wrong = outcome instanceof Promise ? await outcome : outcome;
      if (wrong !== null) throw new AofError(wrong, `offset ${reader.offset}`);
    }
  }

  /** The file ends in the midst of a command, or of a transaction. */
  private cutOff(path: string, offset: number, mayBeCut: boolean): void {
    const { log, setting } = this.parts;
    if (!mayBeCut || setting('aof-load-truncated') === 'no') {
      throw new AofError('The file ends too early', `offset ${offset}`);
    }
    log.warning(
      `${path} ends in the midst of a command or a transaction, at offset ${offset}: ` +
        'what is not whole is left out (aof-load-truncated)',
    );
  }

  /** Between pieces. @returns false when the load is given up */
  private async goesOn(bytes: number): Promise<boolean> {
    const goesOn = this.reached(this.doneBytes + bytes);
    await yieldToOthers();
    return goesOn;
  }

  /** So many bytes are done. @returns false when the load is given up */
  private reached(bytes: number): boolean {
    this.doneBytes = bytes;
    this.parts.progress(bytes, this.keys);
    this.progressLog.note(Date.now(), bytes, this.totalBytes, bytes);
    return !this.parts.isStopping();
  }
}
