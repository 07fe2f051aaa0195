/**
 * `darter --check FILE`: verifies a snapshot, a journal by its base, the file of one flow, or an RDB file
 * (rdb-check.ts), without a server. It checks what can be checked without building tables: manifests, headers,
 * ends, the checksums of files and blocks, and the order of blocks. A start also checks every entry.
 */
import { basename, dirname } from 'node:path';
import { Region } from '../../../base/region.js';
import { DamagedFile } from '../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../persistence/files/disk.js';
import { FlowFileReader } from '../../../persistence/files/flow-file.js';
import { keysOf, type SnapshotManifest } from '../../../persistence/snapshot/manifest.js';
import {
  AWAITS_CLEAR,
  afterBlock,
  isComplete,
  REFUSED,
  REPLICA_STATE_NAMES,
} from '../../../replication/shard-states.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_INCOMPLETE,
  BLOCK_WRONG,
  Block,
  readBlock,
} from '../../../replication/wire.js';
import { checkSegments } from './journal/journal-check.js';
import { checkRdb } from './rdb-check.js';
import { SnapshotFiles } from './snapshot-files.js';
import { checkNamedFile } from './snapshot-loader.js';

const BUFFER_BYTES = 4 * BLOCK_BYTES_MAX;
const READ_BYTES = 512 * 1024;
const MANIFEST_BEGIN = '{';
const RDB_BEGINNINGS = ['REDIS', 'VALKE'];
const BEGINNING_BYTES = 5;
/** Of an append-only file, and of the manifest of several. */
const COMMAND_BEGIN = '*';
const REDIS_MANIFEST_BEGIN = 'file ';

/** @returns what the file holds, as lines. @throws Error that says what is wrong: DamagedFile with the place */
export async function checkFile(disk: Disk, path: string): Promise<string[]> {
  const beginning = await beginningOf(disk, path);
  if (RDB_BEGINNINGS.includes(beginning)) return checkRdb(disk, path);
  if (beginning.startsWith(COMMAND_BEGIN) || beginning === REDIS_MANIFEST_BEGIN) {
    throw new Error(`${path} belongs to a Redis's append-only file: a start with it verifies it`);
  }
  const isManifest = beginning.startsWith(MANIFEST_BEGIN);
  return isManifest ? checkSnapshot(disk, path) : checkFlow(disk, path);
}

async function beginningOf(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path);
  try {
    const first = new Uint8Array(BEGINNING_BYTES);
    return String.fromCharCode(...first.subarray(0, await file.read(0, first)));
  } finally {
    await file.close();
  }
}

async function checkSnapshot(disk: Disk, path: string): Promise<string[]> {
  const files = new SnapshotFiles(disk, dirname(path), basename(path));
  const manifest = await files.newest();
  if (manifest === null) throw new Error(`${path} is not there`);
  const lines = describe(manifest);
  for (let index = 0; index < manifest.files.length; index++) {
    const file = files.pathOf(manifest.files[index]!.name);
    await checkNamedFile(disk, files, manifest, index);
    lines.push(...(await checkFlow(disk, file)));
  }
  lines.push(...(await checkSegments(disk, path)));
  return lines;
}

function describe(manifest: SnapshotManifest): string[] {
  const { createdMs, server, role, replicationId, shards, databases, keys } = manifest;
  const each = keys.map(([database, count]) => `db${database}: ${count}`).join(', ');
  return [
    `Snapshot of ${new Date(createdMs).toISOString()} by Darter ${server}, a ${role}`,
    `History ${replicationId}, ${shards} shards, ${databases} databases`,
    `${keysOf(manifest)} keys${each === '' ? '' : ` (${each})`}`,
  ];
}

async function checkFlow(disk: Disk, path: string): Promise<string[]> {
  const reader = await FlowFileReader.open(disk, path);
  try {
    if (reader.end === null) throw new DamagedFile(path, reader.fileBytes, 'its end is missing');
    const blocks = await new BlockCheck(reader).run();
    const { index, flows, shards } = reader.header;
    const share = `flow ${index} of ${flows}, ${shards} shards`;
    return [`${path}: ${share}, ${reader.fileBytes} bytes, ${blocks} blocks, whole`];
  } finally {
    await reader.close();
  }
}

class BlockCheck {
  private readonly buffer = new Region(new SharedArrayBuffer(BUFFER_BYTES), 0);
  private readonly block = new Block();
  private readonly states = new Map<number, number>();
  private start = 0;
  private end = 0;
  private blocks = 0;

  constructor(private readonly reader: FlowFileReader) {}

  /** @returns how many blocks there are. @throws DamagedFile */
  async run(): Promise<number> {
    const { buffer, reader } = this;
    for (;;) {
      const target = buffer.bytes.subarray(
        this.end,
        Math.min(this.end + READ_BYTES, buffer.length),
      );
      const got = await reader.read(target);
      if (got === 0) break;
      this.end += got;
      this.take();
    }
    if (this.start < this.end) throw this.damaged('it ends within a block');
    for (const [shard, state] of this.states) {
      const name = REPLICA_STATE_NAMES[state];
      if (!isComplete(state)) throw this.damaged(`shard ${shard} is ${name}, not complete`);
    }
    return this.blocks;
  }

  private take(): void {
    const { buffer, block } = this;
    for (;;) {
      const found = readBlock(buffer, this.start, this.end, block);
      if (found === BLOCK_INCOMPLETE) break;
      if (found === BLOCK_WRONG) throw this.damaged('the bytes of a block are damaged');
      const before = this.states.get(block.shard) ?? AWAITS_CLEAR;
      const after = afterBlock(before, block.type);
      if (after === REFUSED) {
        const name = REPLICA_STATE_NAMES[before];
        throw this.damaged(`a block of type ${block.type} while shard ${block.shard} is ${name}`);
      }
      this.states.set(block.shard, after);
      this.blocks++;
      this.start = block.end;
    }
    buffer.bytes.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
  }

  private damaged(reason: string): DamagedFile {
    const { reader, start, end } = this;
    return new DamagedFile(reader.path, reader.offset - (end - start), reason);
  }
}
