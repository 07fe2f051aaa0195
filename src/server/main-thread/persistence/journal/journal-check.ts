/** Verifies the segments of a journal without a server: their beginnings, and every block. */
import { basename, dirname } from 'node:path';
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../../persistence/files/disk.js';
import { SegmentReader } from '../../../../replication/files/segment-reader.js';
import { shareStreams } from '../../replication/served-replicas.js';
import { JournalFiles } from './journal-files.js';
import { mayBeLast } from './journal-segments.js';
import { readJournal } from './journal-start.js';

const BASE_NAME = /^(.+)\.(\d{1,15})\.base$/;

/**
 * @param path of a manifest
 * @returns what the segments hold that go on from it, as lines; none when it is no journal's base
 * @throws DamagedFile
 */
export async function checkSegments(disk: Disk, path: string): Promise<string[]> {
  const named = BASE_NAME.exec(basename(path));
  if (named === null) return [];
  const files = new JournalFiles(disk, dirname(path), named[1]!);
  const found = await files.find();
  if (found === null || found.chain !== Number(named[2])) return [];
  const { segments, manifest, broken } = await readJournal(files, found);
  const lines: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const { paths, starts } = segment;
    const next = segments[index + 1];
    const mayEnd = index === segments.length - 2 && (await mayBeLast(disk, segment, next!));
    const until = mayEnd ? null : (next?.starts ?? null);
    const shares = shareStreams(manifest.shards, paths.length);
    for (const [flow, file] of paths.entries()) {
      lines.push(await checkSegment(disk, file, { mine: shares[flow]!, starts, until }));
    }
  }
  if (broken !== null) lines.push(`${broken.path}: no whole beginning, it is begun anew`);
  return lines;
}

interface Expected {
  readonly mine: readonly number[];
  readonly starts: readonly number[];
  readonly until: readonly number[] | null;
}

async function checkSegment(
  disk: Disk,
  path: string,
  { mine, starts, until }: Expected,
): Promise<string> {
  const reader = await SegmentReader.open(disk, path);
  try {
    let blocks = 0;
    const ends = [...starts];
    for (; await reader.next(); blocks++) ends[reader.block.shard] = reader.block.to;
    const { broken, isFinished } = reader;
    if (broken === null) return `${path}: ${blocks} blocks${isFinished ? ', whole' : ''}`;
    // A crash may have ended an older one too: it reaches the next one all the same.
    const isShort = until !== null && mine.some((stream) => ends[stream]! < until[stream]!);
    if (isShort || (until === null && !(await reader.isTorn()))) {
      throw new DamagedFile(path, broken.offset, broken.reason);
    }
    return `${path}: ${blocks} blocks, a torn tail at offset ${broken.offset}: ${broken.reason}`;
  } finally {
    await reader.close();
  }
}
