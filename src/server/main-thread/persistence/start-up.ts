/**
 * What the server has at its start: the first of these that is there.
 *
 *   1. the journal, when appendonly is yes; not one that was switched off before the snapshot was saved
 *   2. the newest native snapshot
 *   3. the append-only file or the RDB file of a Redis
 *
 * Where snapshots are RDB files (snapshot-format.ts), an RDB file that is not older than the native
 * snapshot comes before it: it is this server's own.
 *
 * A source that is there and cannot be read ends the start: going on without it would replace it by
 * something else with the next save.
 */
import { stat } from 'node:fs/promises';
import { codeOf } from '../../../persistence/files/disk.js';
import type { SnapshotManifest } from '../../../persistence/snapshot/manifest.js';
import {
  LOAD_BYTES_DONE,
  LOAD_BYTES_TOTAL,
  LOAD_STARTED_MS,
  LOADED_KEYS,
} from '../../channel/persistence-figures.js';
import type { Config } from '../../config/config.js';
import { findRdb, findRedisFiles, type RedisFiles, redisPlaces } from '../redis-files/find.js';
import { loadRedisFiles } from '../redis-files/load.js';
import { isWorthFlows } from '../redis-files/rdb-flows.js';
import type { FlowThreads } from '../replication/flow-threads.js';
import type { LoadedChain } from './journal/journal.js';
import { type FoundJournal, findJournal, loadJournal } from './journal/journal-start.js';
import { SnapshotFiles } from './snapshot-files.js';
import { nativeName, snapshotFormat } from './snapshot-format.js';
import { type LoaderParts, loadSnapshot } from './snapshot-loader.js';

/** Where the data of the start comes from. */
export type StartSource =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'redis'; readonly files: RedisFiles }
  | { readonly kind: 'journal'; readonly journal: FoundJournal }
  | {
      readonly kind: 'snapshot';
      readonly files: SnapshotFiles;
      readonly manifest: SnapshotManifest;
      /** A journal that was switched off before the snapshot was saved. */
      readonly olderJournal: FoundJournal | null;
    };

/** The history that the loaded data belongs to. */
export interface LoadedHistory {
  readonly replicationId: string;
  readonly lsns: readonly number[];
  /** Of the newest cut before. */
  readonly offset: number;
  readonly hadReplicas: boolean;
  /** The chain of the journal that it was, and that may go on from there. */
  readonly chain: LoadedChain | null;
}

/** What loading needs. */
export interface StartParts extends LoaderParts {
  readonly config: Config;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
}

/** Says of the system's errors what they mean for the start: they name a file, and no more. */
async function reading<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = codeOf(error);
    if (code === '') throw error;
    const what = `What the server starts with cannot be read: ${(error as Error).message}`;
    const advice = 'Nothing was changed. Make it readable, or move it away to start without it';
    throw Object.assign(new Error(`${what}. ${advice}`), { code });
  }
}

/** @throws Error that says which file cannot be read, and why */
export function findStartSource(config: Config, disk: LoaderParts['disk']): Promise<StartSource> {
  return reading(findSource(config, disk));
}

async function findSource(config: Config, disk: LoaderParts['disk']): Promise<StartSource> {
  const journal = config.value('appendonly') === 'yes' ? await findJournal(config, disk) : null;
  const base = nativeName(config.path('dbfilename'));
  const files = new SnapshotFiles(disk, config.path('dir'), base);
  if (journal !== null) {
    const names = journal.ended?.snapshots ?? [];
    const newer = names.length === 0 ? null : await files.newest();
    if (newer === null || !names.includes(newer.name)) return { kind: 'journal', journal };
    return { kind: 'snapshot', files, manifest: newer, olderJournal: journal };
  }
  const manifest = await files.newest();
  if (manifest !== null && !(await hasNewerRdb(config, manifest))) {
    return { kind: 'snapshot', files, manifest, olderJournal: null };
  }
  const redisFiles = await findRedisFiles(redisPlaces(config));
  return redisFiles === null ? { kind: 'nothing' } : { kind: 'redis', files: redisFiles };
}

/** Whether snapshots are RDB files, and there is one that this server has written since. */
async function hasNewerRdb(config: Config, { createdMs }: SnapshotManifest): Promise<boolean> {
  if (snapshotFormat(config) !== 'rdb') return false;
  const found = await findRdb(redisPlaces(config));
  return found !== null && (await stat(found.files[0]!.path)).mtimeMs >= createdMs;
}

/** Whether flow threads load it, or write the journal that goes on from there. */
export function usesFlows(source: StartSource, config: Config, threads: FlowThreads): boolean {
  if (source.kind !== 'redis' || config.flag('appendonly')) return true;
  return source.files.files.some(({ bytes }) => isWorthFlows(threads, bytes));
}

/**
 * Loads it. Clients may not see the data meanwhile.
 * @returns the history that it belongs to, null when there is none to continue
 */
export function loadStartSource(
  source: StartSource,
  createParts: () => StartParts,
): Promise<LoadedHistory | null> {
  return reading(loadSource(source, createParts));
}

async function loadSource(
  source: StartSource,
  createParts: () => StartParts,
): Promise<LoadedHistory | null> {
  if (source.kind === 'nothing') return null;
  const parts = createParts();
  if (source.kind === 'journal') {
    await warnOfNewerCommands(parts, source.journal);
    return loadJournal(parts, source.journal);
  }
  if (source.kind === 'redis') {
    await loadOfRedis(source.files, parts);
    return null;
  }
  const { files, manifest, olderJournal } = source;
  if (olderJournal !== null) {
    const at = new Date(olderJournal.ended!.endedMs).toISOString();
    parts.log.notice(`The journal was switched off at ${at}: the snapshot is newer, and is loaded`);
  }
  await warnOfNewerFiles(parts, manifest);
  const isWhole = await loadSnapshot(parts, files, manifest);
  // With other shards the LSNs mean nothing here.
  if (!isWhole || manifest.shards !== parts.shards.count) return null;
  const { replicationId, lsns, offset, hadReplicas } = manifest;
  return { replicationId, lsns, offset, hadReplicas, chain: null };
}

/** A Redis may have served the same folder since the snapshot was made: what it wrote is not loaded. */
async function warnOfNewerFiles(parts: StartParts, { createdMs }: SnapshotManifest): Promise<void> {
  const found = await findRedisFiles(redisPlaces(parts.config)).catch(() => null);
  const what = `the snapshot of ${new Date(createdMs).toISOString()}`;
  await warnOfNewer(parts, found, createdMs, what, 'the snapshot');
}

/**
 * The same with a journal. What it began with stays in the folder and is older; an RDB file may be this server's own,
 * an append-only file never is.
 */
async function warnOfNewerCommands(parts: StartParts, { segments }: FoundJournal): Promise<void> {
  const found = await findRedisFiles(redisPlaces(parts.config)).catch(() => null);
  if (found?.kind !== 'aof') return;
  const written = await Promise.all(
    segments.at(-1)!.paths.map(async (path) => (await stat(path)).mtimeMs),
  );
  const writtenMs = Math.max(...written);
  const what = `the journal, which was written until ${new Date(writtenMs).toISOString()}`;
  await warnOfNewer(parts, found, writtenMs, what, 'the files of the journal');
}

/** @param what that is loaded, which is of this time @param moved what is to be moved away */
async function warnOfNewer(
  { log }: StartParts,
  found: RedisFiles | null,
  timeMs: number,
  what: string,
  moved: string,
): Promise<void> {
  for (const { path } of found?.files ?? []) {
    const { mtimeMs } = await stat(path);
    if (mtimeMs <= timeMs) continue;
    log.warning(
      `${path} is newer than ${what}, ` +
        `and is not loaded: to load it, stop with SHUTDOWN NOSAVE and move ${moved} away`,
    );
  }
}

async function loadOfRedis(files: RedisFiles, parts: StartParts): Promise<void> {
  const { log, shards, config, control, librariesBuffer, isStopping, threads, owner } = parts;
  control.set(LOAD_STARTED_MS, Date.now());
  control.set(
    LOAD_BYTES_TOTAL,
    files.files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  await loadRedisFiles(files, {
    ...{ log, shards, librariesBuffer, isStopping },
    threads: { flows: threads, owner },
    setting: (name) => config.value(name),
    isReplica: config.words('replicaof').length > 0,
    progress: (bytes, keys) => {
      control.set(LOAD_BYTES_DONE, bytes);
      control.set(LOADED_KEYS, keys);
    },
  });
}
