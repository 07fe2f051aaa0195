/**
 * DEBUG RELOAD: the data as it is in the RDB file, in place of what is there, or beside it. Clients get
 * LOADING meanwhile. No journal has what is loaded: all journals go on behind a gap, so replicas begin
 * anew and an append-only journal begins another chain.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../base/log.js';
import { SharedText } from '../../../memory/shared-text.js';
import { clearShard } from '../../../replication/replica/shard-writer.js';
import type { Config } from '../../config/config.js';
import { loadRedisFiles } from '../redis-files/load.js';
import type { DataParts } from './file-sync.js';
import { atStreamCut } from './stream-cut.js';

export interface ReloadParts {
  readonly config: Config;
  readonly log: Log;
  readonly data: DataParts;
  /** Of a SharedText: the libraries of functions. */
  readonly librariesBuffer: SharedArrayBuffer;
  readonly isStopping: () => boolean;
}

export interface ReloadOptions {
  /** Whether what is there goes first. */
  readonly flushes: boolean;
  /** Whether a key of the file takes the place of one that is there; else that is an error. */
  readonly merges: boolean;
}

/** @throws Error with the path, the place and the reason; the data is half loaded then */
export async function reloadRdb(parts: ReloadParts, options: ReloadOptions): Promise<void> {
  const { config, log, data, librariesBuffer, isStopping } = parts;
  try {
    if (options.flushes) await empty(parts);
    const path = join(config.path('dir'), config.path('dbfilename'));
    const { size: bytes } = await stat(path);
    const files = { kind: 'rdb', files: [{ path, bytes }] } as const;
    const libraries = librariesOf(librariesBuffer);
    await loadRedisFiles(files, {
      ...{ log, librariesBuffer, isStopping, libraries },
      shards: data.shards,
      setting: (name) => config.value(name),
      isReplica: false,
      threads: null,
      replaces: options.merges,
      progress: () => {},
    });
  } finally {
    await loseHistory(data);
  }
  log.warning('DB reloaded by DEBUG RELOAD');
}

function librariesOf(buffer: SharedArrayBuffer): readonly string[] {
  const { text } = new SharedText(buffer).read();
  return text === '' ? [] : (JSON.parse(text) as string[]);
}

async function empty({ data, librariesBuffer }: ReloadParts): Promise<void> {
  await atStreamCut(data, notStopped, () => {
    for (let shard = 0; shard < data.shards.count; shard++) clearShard(data.shards, shard);
    new SharedText(librariesBuffer).update(() => '[]');
  });
}

async function loseHistory(data: DataParts): Promise<void> {
  await atStreamCut(data, notStopped, () => {
    for (const ring of data.rings) ring.loseHistory();
  });
}

function notStopped(): null {
  return null;
}
