/**
 * Loads an RDB file at the start, together with other flow threads: each takes ranges of it until none are
 * left (persistence/rdb/store/range-loader.ts). In a file of its own, as few starts need it.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { CommandSettings } from '../../commands/contract/settings.js';
import { Keyspace } from '../../keyspace/keyspace.js';
import type { Shards } from '../../keyspace/shards.js';
import { RdbError } from '../../persistence/rdb/error.js';
import { FileRanges } from '../../persistence/rdb/store/file-ranges.js';
import { RdbLoader } from '../../persistence/rdb/store/loader.js';
import { type FileRemark, RangeLoader } from '../../persistence/rdb/store/range-loader.js';
import type { LoadRdb, RdbShare } from '../channel/main-flow.js';
import { Config } from '../config/config.js';

/** For so long it loads before it looks for messages. */
const TURN_MS = 10;

export interface RdbFileFlowParts {
  readonly shards: Shards;
  /** This thread's, for locks. */
  readonly owner: number;
  readonly configBuffer: SharedArrayBuffer;
  readonly loaded: (share: RdbShare) => void;
  readonly ended: (reason: string) => void;
}

export class RdbFileFlow {
  private descriptor = -1;
  private readonly loader: RdbLoader;
  private readonly ranges: RangeLoader;
  private readonly remarks: FileRemark[] = [];
  private isEnded = false;

  constructor(
    private readonly parts: RdbFileFlowParts,
    command: LoadRdb,
  ) {
    const { shards, owner, configBuffer } = parts;
    const { path, bytes, version, keepsExpired, replaces, nowMs } = command;
    const limits = new CommandSettings();
    const config = Config.attach(configBuffer);
    limits.load((name) => config.value(name));
    const remark = (kind: FileRemark['kind'], name: string, value: string): void => {
      this.remarks.push({ kind, offset: this.loader.reader.offset, name, value });
    };
    const events = {
      setting: (name: string, value: string) => remark('setting', name, value),
      functionLibrary: (code: string) => remark('library', '', code),
      skippedModule: (name: string) => remark('module', name, ''),
    };
    const duplicates = replaces ? 'replace' : 'refuse';
    this.loader = new RdbLoader(new Keyspace(shards), events, {
      ...{ limits, nowMs, keepsExpired, duplicates },
      fileBytes: bytes,
      memoryMax: config.number('maxmemory'),
    });
    const shared = new FileRanges(command.ranges, owner);
    const readAt = (offset: number, into: Uint8Array) => {
      if (this.descriptor < 0) this.descriptor = openSync(path, 'r');
      return readSync(this.descriptor, into, 0, into.length, offset);
    };
    this.ranges = new RangeLoader(this.loader, shared, version, readAt);
    setImmediate(() => this.turn());
  }

  end(reason: string): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.loader.close();
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.parts.ended(reason);
  }

  private turn(): void {
    if (this.isEnded) return;
    try {
      const untilMs = performance.now() + TURN_MS;
      let goesOn = true;
      while (goesOn && performance.now() < untilMs) goesOn = this.ranges.step();
      if (goesOn) setImmediate(() => this.turn());
      else this.finish(null);
    } catch (error) {
      this.finish(error);
    }
  }

  private finish(error: unknown): void {
    const { ranges, end, from } = this.ranges;
    const { loaded: keys, expired } = this.loader;
    const share = { ranges, end, keys, expired, remarks: this.remarks };
    if (error === null) this.parts.loaded({ ...share, failure: null });
    else {
      const text = error instanceof Error ? error.message : String(error);
      const isDamage = error instanceof RdbError;
      this.parts.loaded({ ...share, failure: { from, isDamage, text } });
    }
    this.end('');
  }
}
