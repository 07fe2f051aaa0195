/**
 * Files of a Redis that this server begins with: an RDB file, or an append-only file of version 7
 * (a folder with a manifest) or older (one file, which may begin with an RDB).
 *
 * With `appendonly yes` the append-only file comes first, as in Redis. With `appendonly no` the RDB file
 * does, and the append-only file is only read when there is no other.
 */
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AofError } from '../../../persistence/aof/error.js';
import { type AofManifest, parseManifest } from '../../../persistence/aof/manifest.js';
import { withPath } from '../../../persistence/files/disk.js';
import type { Config } from '../../config/config.js';
import { fromBinaryString } from '../../config/words.js';

export interface RedisFile {
  readonly path: string;
  readonly bytes: number;
}

export interface RedisFiles {
  readonly kind: 'rdb' | 'aof';
  /** Loaded one after the other. Only the last one may end in the midst of a command. */
  readonly files: readonly RedisFile[];
}

/** Where to look: directives of these names. */
export interface RedisPlaces {
  readonly folder: string;
  readonly dbfilename: string;
  readonly appendfilename: string;
  readonly appenddirname: string;
  readonly appendonly: boolean;
}

export function redisPlaces(config: Config): RedisPlaces {
  return {
    folder: config.path('dir'),
    dbfilename: config.path('dbfilename'),
    appendfilename: config.path('appendfilename'),
    appenddirname: config.path('appenddirname'),
    appendonly: config.flag('appendonly'),
  };
}

const MANIFEST_BYTES_MAX = 1024 * 1024;
/** Either begins an RDB file. */
const MAGIC = ['REDIS', 'VALKE'];

/** @throws Error that says which file is missing or wrong */
export async function findRedisFiles(places: RedisPlaces): Promise<RedisFiles | null> {
  const rdb = await findRdb(places);
  if (rdb !== null && !places.appendonly) return rdb;
  return (await findAof(places)) ?? rdb;
}

/** A file of that name which is no RDB file is somebody else's. */
export async function findRdb({ folder, dbfilename }: RedisPlaces): Promise<RedisFiles | null> {
  const file = await fileAt(join(folder, dbfilename));
  if (file === null || !(await isRdb(file.path))) return null;
  return { kind: 'rdb', files: [file] };
}

async function findAof(places: RedisPlaces): Promise<RedisFiles | null> {
  const { folder, appendfilename, appenddirname } = places;
  const directory = join(folder, appenddirname);
  const manifestPath = join(directory, `${appendfilename}.manifest`);
  const manifest = await fileAt(manifestPath);
  const single = await fileAt(join(folder, appendfilename));
  const alone: RedisFiles | null = single === null ? null : { kind: 'aof', files: [single] };
  if (manifest === null) return alone;
  const listed = await readManifest(manifest);
  if (alone !== null && (await isBeforeMove(listed, directory, appendfilename))) return alone;
  return listedFiles(directory, manifest.path, listed);
}

/** Redis 7 moves the file of an older one into its folder, with a manifest that names only that: not yet done. */
async function isBeforeMove(
  { base, increments }: AofManifest,
  directory: string,
  appendfilename: string,
): Promise<boolean> {
  if (increments.length > 0) return false;
  if (base === null) return true;
  if (base !== appendfilename) return false;
  return (await fileAt(join(directory, appendfilename))) === null;
}

async function readManifest({ path, bytes }: RedisFile): Promise<AofManifest> {
  if (bytes > MANIFEST_BYTES_MAX) throw new Error(`${path}: it is too long for a manifest`);
  try {
    return parseManifest(await readFile(path, 'latin1'));
  } catch (error) {
    if (error instanceof AofError) throw new Error(`${path}: ${error.message}`);
    throw error;
  }
}

async function listedFiles(
  directory: string,
  path: string,
  { base, increments }: AofManifest,
): Promise<RedisFiles> {
  const files: RedisFile[] = [];
  for (const bytes of base === null ? increments : [base, ...increments]) {
    const name = fromBinaryString(bytes);
    const file = await fileAt(join(directory, name));
    if (file === null) throw new Error(`${path}: the file ${name} is missing`);
    files.push(file);
  }
  return { kind: 'aof', files };
}

/** @returns null when it is not there */
async function fileAt(path: string): Promise<RedisFile | null> {
  try {
    const { size } = await stat(path);
    return { path, bytes: size };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

async function isRdb(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(MAGIC[0]!.length);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    // Cut off within its first bytes it is damaged, and nobody else's.
    return MAGIC.some((magic) => magic.startsWith(bytes.toString('latin1', 0, bytesRead)));
  } catch (error) {
    throw withPath(error, path);
  } finally {
    await handle.close();
  }
}
