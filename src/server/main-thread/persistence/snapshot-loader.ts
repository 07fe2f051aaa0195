/**
 * Loads a snapshot at the start: a replica's full sync whose primary is files. The flows run in
 * parallel; clients get LOADING. What is read is verified as bytes from a peer are, and in the end
 * what has come must be what the manifest says: else nothing is served.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../base/log.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { ControlBlock } from '../../../memory/control.js';
import { DamagedFile } from '../../../persistence/files/damaged-file.js';
import { codeOf, type Disk } from '../../../persistence/files/disk.js';
import { FlowFileReader } from '../../../persistence/files/flow-file.js';
import { keysOf, type SnapshotManifest } from '../../../persistence/snapshot/manifest.js';
import { streamsOf } from '../../../replication/primary/primary-state.js';
import { PendingStreams } from '../../../replication/replica/pending-streams.js';
import { prepareFullSync } from '../../../replication/replica/shard-writer.js';
import { SUM_BYTES, SUM_KEYS, SyncProgress } from '../../../replication/replica/sync-progress.js';
import {
  LOAD_BYTES_DONE,
  LOAD_BYTES_TOTAL,
  LOAD_STARTED_MS,
  LOADED_KEYS,
} from '../../channel/persistence-figures.js';
import { ProgressLog } from '../progress-log.js';
import type { FlowThreads } from '../replication/flow-threads.js';
import { shareStreams } from '../replication/served-replicas.js';
import { keysByDatabase } from './file-sync.js';
import type { SnapshotFiles } from './snapshot-files.js';

const POLL_MS = 5;
/** Holds a record that is cut between two blocks, beside a block (256 KiB). */
const PENDING_BYTES = 512 * 1024;
/** Address space for records that are longer. */
const LARGE_RECORDS_BYTES = 2 ** 31;

export interface LoaderParts {
  readonly log: Log;
  readonly control: ControlBlock;
  readonly disk: Disk;
  readonly shards: Shards;
  readonly threads: FlowThreads;
  /** This thread's, for locks. */
  readonly owner: number;
  /** Whether the torn tail of a journal is cut off; else it ends the start. */
  readonly mayTruncate: boolean;
  /** Whether the load is to be given up, as the server ends. */
  readonly isStopping: () => boolean;
}

/**
 * Whether a file that a manifest names is there, and is the one that it means.
 * @throws Error that names both, and says what to do
 */
export async function checkNamedFile(
  disk: Disk,
  files: SnapshotFiles,
  manifest: SnapshotManifest,
  index: number,
): Promise<void> {
  const path = files.pathOf(manifest.files[index]!.name);
  try {
    await checkFlowFile(disk, path, manifest, index);
  } catch (error) {
    const advice =
      `${files.pathOf(files.base)} names it. Put it back as it was (the files of a backup belong ` +
      'together), or move that manifest away: then it is not loaded, and nothing of it is';
    if (error instanceof DamagedFile) {
      throw new DamagedFile(path, error.offset, `${error.reason}. ${advice}`);
    }
    const code = codeOf(error);
    if (code === '') throw error;
    const what = code === 'ENOENT' ? 'is missing' : `cannot be read (${(error as Error).message})`;
    throw new Error(`${path} ${what}. ${advice}`);
  }
}

/** Whether the file of a flow is the one that a manifest names. @throws DamagedFile */
async function checkFlowFile(
  disk: Disk,
  path: string,
  manifest: SnapshotManifest,
  index: number,
): Promise<void> {
  const reader = await FlowFileReader.open(disk, path);
  await reader.close();
  const { header, end, fileBytes } = reader;
  const named = manifest.files[index]!;
  const refuse = (offset: number, reason: string) => new DamagedFile(path, offset, reason);
  if (fileBytes !== named.bytes) {
    throw refuse(fileBytes, `it has ${fileBytes} bytes, not ${named.bytes} as its manifest says`);
  }
  if (end === null) throw refuse(fileBytes, 'its end is missing');
  const isOther =
    header.setName !== manifest.name ||
    header.index !== index ||
    header.flows !== manifest.files.length ||
    header.shards !== manifest.shards ||
    header.databases !== manifest.databases ||
    header.replicationId !== manifest.replicationId ||
    end.checksum !== named.checksum;
  if (isOther) throw refuse(0, 'it is not the file that the manifest means');
}

/**
 * @returns false when it was given up, as the server ends
 * @throws Error that says what is wrong: the data may be half loaded then
 */
export async function loadSnapshot(
  parts: LoaderParts,
  files: SnapshotFiles,
  manifest: SnapshotManifest,
): Promise<boolean> {
  const { shards, disk, log, control } = parts;
  if (manifest.databases > shards.databases) {
    throw new Error(
      `${files.pathOf(files.base)} has ${manifest.databases} databases, this server ` +
        `${shards.databases}: start it with --databases ${manifest.databases}`,
    );
  }
  for (let index = 0; index < manifest.files.length; index++) {
    await checkNamedFile(disk, files, manifest, index);
  }
  const { hashKey0: key0, hashKey1: key1, spread, createdMs } = manifest;
  control.set(LOAD_STARTED_MS, Date.now());
  control.set(
    LOAD_BYTES_TOTAL,
    manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  log.notice(
    `Loading the snapshot of ${new Date(createdMs).toISOString()}: ${keysOf(manifest)} keys, ` +
      `${manifest.files.length} files`,
  );
  prepareFullSync(shards, { key0, key1, spread });
  return new Load(parts, files, manifest).run();
}

class Load {
  private readonly progress: SyncProgress;
  private running = 0;
  private loaded = 0;
  private failure: string | null = null;

  constructor(
    private readonly parts: LoaderParts,
    private readonly files: SnapshotFiles,
    private readonly manifest: SnapshotManifest,
  ) {
    const streams = streamsOf(manifest.shards);
    const buffer = SyncProgress.createForFiles(streams);
    this.progress = new SyncProgress(buffer, streams, parts.owner);
  }

  async run(): Promise<boolean> {
    const { isStopping, control, log } = this.parts;
    const { sums } = this.progress;
    const pending = PendingStreams.create(
      streamsOf(this.manifest.shards),
      PENDING_BYTES,
      LARGE_RECORDS_BYTES,
    );
    const progressLog = new ProgressLog(log, 'Loading');
    const flows = this.start(pending);
    while (this.running > 0) {
      await sleep(POLL_MS);
      control.set(LOAD_BYTES_DONE, sums[SUM_BYTES]!);
      control.set(LOADED_KEYS, sums[SUM_KEYS]!);
      if (this.running === 0) break;
      progressLog.note(Date.now(), sums[SUM_KEYS]!, keysOf(this.manifest), sums[SUM_BYTES]!);
      if (isStopping() || this.failure !== null) this.end(flows);
    }
    PendingStreams.giveBack(pending);
    progressLog.close();
    if (this.failure !== null) throw new Error(this.failure);
    if (this.loaded < flows.length) return false;
    this.verify();
    progressLog.end(Date.now(), keysOf(this.manifest), sums[SUM_BYTES]!, 0);
    return true;
  }

  private end(flows: readonly number[]): void {
    for (const flow of flows) this.parts.threads.end(flow);
  }

  private start(pending: ReturnType<typeof PendingStreams.create>): number[] {
    const { manifest, files, progress, parts } = this;
    const shares = shareStreams(manifest.shards, manifest.files.length);
    return shares.map((mine, index) => {
      this.running++;
      const listener = {
        loaded: () => {
          this.loaded++;
        },
        ended: (reason: string) => {
          this.running--;
          // The first is the cause: the others stop because of it.
          if (reason !== '') this.failure ??= reason;
        },
      };
      return parts.threads.start(index, listener, (flow) => ({
        kind: 'load-file',
        flow,
        path: files.pathOf(manifest.files[index]!.name),
        mine,
        primaryShards: manifest.shards,
        progress: progress.buffer,
        pending,
      }));
    });
  }

  /** What was loaded is what the manifest says. */
  private verify(): void {
    const { manifest, progress, files, parts } = this;
    const path = files.pathOf(files.base);
    manifest.lsns.forEach((lsn, stream) => {
      if (progress.isDone(stream) && progress.applied[stream] === lsn) return;
      const reached = `stream ${stream} ends at LSN ${progress.applied[stream]}, not ${lsn}`;
      throw new DamagedFile(path, 0, reached);
    });
    // A replica that takes local writes has keys that no journal knows.
    if (manifest.role === 'replica') return;
    const keys = JSON.stringify(keysByDatabase(parts.shards));
    if (keys === JSON.stringify(manifest.keys)) return;
    throw new DamagedFile(path, 0, `keys by database are ${keys}, not as it says`);
  }
}
