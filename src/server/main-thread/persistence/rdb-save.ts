/**
 * Saves the data as an RDB file, as the main thread runs it: the flows write the keys
 * (flow-thread/rdb-conversion.ts), this writes what stands before and after them, and puts the file in
 * place.
 *
 *   REDIS0010, fields, sizes of databases, libraries │ chunks of keys, in any order │ end, checksum
 *   ───────── known at the cut ───────────────────── │ ──── by all flows at once ── │ when they are done
 *
 * The file is the data at the cut: no transaction is half in it. It has the name `NAME.ID.new` until it is
 * whole and on the disk; then it takes the old one's place. A crash leaves the old one. What is left of
 * an attempt goes with the next save.
 */
import { join } from 'node:path';
import { newRegion } from '../../../base/owned-region.js';
import { REDIS_VERSION } from '../../../base/version.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { ControlBlock } from '../../../memory/control.js';
import { FileTail } from '../../../memory/file-tail.js';
import { SharedText } from '../../../memory/shared-text.js';
import { PAGE_BYTES } from '../../../memory/space-layout.js';
import { USED_PAGES } from '../../../memory/used-pages.js';
import type { Disk, DiskFile } from '../../../persistence/files/disk.js';
import type { Crc64 } from '../../../persistence/rdb/crc64.js';
import { joinChecksum } from '../../../persistence/rdb/crc64-join.js';
import {
  OPCODE_END,
  VERSION_REDIS_7_0,
  VERSION_REDIS_7_4,
} from '../../../persistence/rdb/format.js';
import { RdbWriter } from '../../../persistence/rdb/writer.js';
import type { RdbTarget, WrittenFile } from '../../channel/main-flow.js';
import type { Config } from '../../config/config.js';
import type { FileSync, FileSyncCut, FileSyncPlan } from './file-sync.js';

const CHUNK_NUMBERS = 4;
const CHECKSUM_BYTES = 8;

export interface RdbSaveParts {
  readonly config: Config;
  readonly control: ControlBlock;
  readonly disk: Disk;
  readonly shards: Shards;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
  /** A replica may have keys of its own, which no journal knows: then keys are not counted again. */
  readonly isReplica: boolean;
}

/** How many keys of each database expire, and what libraries there are: as of the cut. */
interface Moment {
  readonly expiring: ReadonlyMap<number, number>;
  readonly libraries: readonly string[];
  readonly usedMemoryBytes: number;
}

export class RdbSave {
  private readonly folder: string;
  private readonly base: string;
  private readonly temporary: string;
  private readonly tail = FileTail.create();
  private moment: Moment | null = null;
  private headerBytes = 0;

  /** @param name of this attempt, of digits, letters and hyphens */
  constructor(
    private readonly parts: RdbSaveParts,
    private readonly name: string,
  ) {
    const { config } = parts;
    this.folder = config.path('dir');
    this.base = config.path('dbfilename');
    this.temporary = join(this.folder, `${this.base}.${name}.new`);
  }

  /**
   * @param plan what is not of this format: header, what comes before the cut
   * @returns when the file is in place: its length, and the cut
   * @throws Error when it comes to nothing; the old file is as it was
   */
  async run(
    sync: FileSync,
    plan: Pick<FileSyncPlan, 'header' | 'beforeCut'>,
    mayReplace: () => void,
  ): Promise<{ readonly bytes: number; readonly cut: FileSyncCut }> {
    const { disk } = this.parts;
    await this.removeAll();
    const file = await disk.create(this.temporary);
    await file.close();
    try {
      const { cut, files } = await sync.run({
        ...plan,
        pathOf: (flow) => join(this.folder, `${this.base}.${this.name}.${flow}.new`),
        // The flows' files are read again at once, and then removed.
        syncsOften: false,
        atCut: () => {
          this.moment = this.momentNow();
        },
        afterCut: async (known) => this.begin(known),
        rdb: this.target(),
      });
      const bytes = await this.finish(cut, files);
      mayReplace();
      await disk.rename(this.temporary, join(this.folder, this.base));
      await disk.syncFolder(this.folder);
      return { bytes, cut };
    } finally {
      await this.removeAll();
    }
  }

  private target(): RdbTarget {
    const { config } = this.parts;
    return {
      path: this.temporary,
      tail: this.tail.buffer,
      compression: config.flag('rdbcompression'),
      checksum: config.flag('rdbchecksum'),
    };
  }

  /** Under the locks of all streams. */
  private momentNow(): Moment {
    const { shards, librariesBuffer, control } = this.parts;
    const expiring = new Map<number, number>();
    for (let database = 0; database < shards.databases; database++) {
      let keys = 0;
      for (let shard = 0; shard < shards.count; shard++) {
        keys += shards.table(shard, database).expiring;
      }
      expiring.set(database, keys);
    }
    const { text } = new SharedText(librariesBuffer).read();
    return {
      expiring,
      libraries: text === '' ? [] : (JSON.parse(text) as string[]),
      usedMemoryBytes: control.word(USED_PAGES).load() * PAGE_BYTES,
    };
  }

  /** Flows may put chunks behind the header from now on. */
  private begin(cut: FileSyncCut): void {
    this.headerBytes = this.header(cut, VERSION_REDIS_7_0).bytes.length;
    this.tail.begin(this.headerBytes);
  }

  private header(
    { keys, atMs }: FileSyncCut,
    version: number,
  ): { readonly bytes: Uint8Array; readonly checksum: Crc64 } {
    const { expiring, libraries, usedMemoryBytes } = this.moment!;
    const { compression, checksum } = this.target();
    const parts: Uint8Array[] = [];
    const writer = new RdbWriter(
      (region, offset, length) => parts.push(region.bytes.slice(offset, offset + length)),
      { version, compression, checksum },
    );
    writer.begin();
    writer.settings({
      redisVersion: REDIS_VERSION,
      createdSeconds: Math.floor(atMs / 1000),
      usedMemoryBytes,
      // A Redis that serves this file has no stream of ours to go on with.
      replication: null,
      isAofBase: false,
    });
    for (const code of libraries) {
      const region = newRegion(Math.max(8, code.length));
      region.bytes.set(Buffer.from(code, 'latin1'));
      writer.functionLibrary(region, 0, code.length);
    }
    for (const [database, count] of keys) {
      writer.selectDatabase(database);
      writer.databaseSize(count, expiring.get(database) ?? 0);
    }
    writer.flush();
    return { bytes: Buffer.concat(parts), checksum: writer.checksum };
  }

  /** Writes what stands around the keys, and brings all to the disk. @returns bytes of the file */
  private async finish(cut: FileSyncCut, files: readonly WrittenFile[]): Promise<number> {
    const { disk } = this.parts;
    for (const { path } of files) await disk.unlink(path);
    if (!this.parts.isReplica) checkKeys(cut, files);
    const isNew = files.some(({ rdb }) => rdb!.hasFieldExpiry);
    const { bytes, checksum } = this.header(cut, isNew ? VERSION_REDIS_7_4 : VERSION_REDIS_7_0);
    const end = this.tail.bytes;
    joinChunks(checksum, files, this.headerBytes, end);
    const file = await disk.openPlaces(this.temporary);
    try {
      await file.write(0, bytes);
      await this.writeEnd(file, end, checksum);
      await file.sync();
    } finally {
      await file.close();
    }
    return end + 1 + CHECKSUM_BYTES;
  }

  private async writeEnd(file: DiskFile, at: number, checksum: Crc64): Promise<void> {
    const region = newRegion(16);
    region.bytes[0] = OPCODE_END;
    checksum.update(region, 0, 1);
    if (this.target().checksum) checksum.store(region, 1);
    await file.write(at, region.bytes.slice(0, 1 + CHECKSUM_BYTES));
  }

  /** Removes what attempts have left under this name, this one or earlier ones. */
  private async removeAll(): Promise<void> {
    const { disk } = this.parts;
    for (const file of await disk.list(this.folder).catch(() => [])) {
      if (isTemporary(this.base, file)) await disk.unlink(join(this.folder, file)).catch(() => {});
    }
  }
}

/** Whether a file is what a save under this name works with. */
export function isTemporary(base: string, file: string): boolean {
  if (!file.startsWith(`${base}.`)) return false;
  return /^\d{13,}-[0-9a-f]{6}(\.\d+)?\.new$/.test(file.slice(base.length + 1));
}

/** @throws when the keys of the cut are not those that were written */
function checkKeys({ keys }: FileSyncCut, files: readonly WrittenFile[]): void {
  const known = keys.reduce((sum, [, count]) => sum + count, 0);
  const written = files.reduce((sum, { rdb }) => sum + rdb!.keys, 0);
  if (known !== written) throw new Error(`${written} keys were written, there are ${known}`);
}

/**
 * Moves the checksum of the file's beginning on over all chunks, in the order of the file.
 * @throws when they do not fill it from `from` to `end`
 */
export function joinChunks(
  checksum: Crc64,
  files: readonly WrittenFile[],
  from: number,
  end: number,
): void {
  const all: (readonly [place: number, bytes: number, low: number, high: number])[] = [];
  for (const { rdb } of files) {
    const { chunks } = rdb!;
    for (let i = 0; i < chunks.length; i += CHUNK_NUMBERS) {
      all.push([chunks[i]!, chunks[i + 1]!, chunks[i + 2]!, chunks[i + 3]!]);
    }
  }
  all.sort(([one], [other]) => one - other);
  let at = from;
  for (const [place, bytes, low, high] of all) {
    if (place !== at) throw new Error(`bytes ${at} to ${place} of the file were not written`);
    joinChecksum(checksum, bytes, low, high);
    at += bytes;
  }
  if (at !== end) throw new Error(`the file ends at ${at}, not ${end}`);
}
