/**
 * Loads an RDB file on several flow threads at once. Each takes ranges of whole records until none are left
 * (persistence/rdb/store/file-ranges.ts); in the end the checksum of the file is joined from theirs.
 */
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Crc64 } from '../../../persistence/rdb/crc64.js';
import { joinChecksum } from '../../../persistence/rdb/crc64-join.js';
import { RdbError } from '../../../persistence/rdb/error.js';
import { newRegion } from '../../../persistence/rdb/input.js';
import {
  agrees,
  HEADER_BYTES,
  versionOf,
  WRONG_CHECKSUM,
} from '../../../persistence/rdb/reader.js';
import { FileRanges } from '../../../persistence/rdb/store/file-ranges.js';
import { RANGE_BYTES } from '../../../persistence/rdb/store/range-loader.js';
import type { LoadRdb, RdbShare } from '../../channel/main-flow.js';
import type { FlowThreads } from '../replication/flow-threads.js';

const POLL_MS = 5;
/** Below this the threads' start costs more than they save. */
const BYTES_MIN = 8 * RANGE_BYTES;

/** The threads, and this thread's number for locks. */
export interface RdbThreads {
  readonly flows: FlowThreads;
  readonly owner: number;
}

export interface RdbFlowsParts
  extends Pick<LoadRdb, 'path' | 'bytes' | 'nowMs' | 'keepsExpired' | 'replaces'> {
  /** Told as it goes on. @returns false when the load is to be given up */
  readonly goesOn: (bytes: number, keys: number) => boolean;
}

/** What a file holds, once it is loaded. */
export interface LoadedRdb {
  /** Behind the RDB, where an append-only file goes on. */
  readonly offset: number;
  readonly shares: readonly RdbShare[];
}

/** Whether there is something to gain. */
export function isWorthFlows(flows: FlowThreads, bytes: number): boolean {
  return flows.count > 1 && bytes >= BYTES_MIN;
}

/**
 * @returns null when it was given up
 * @throws RdbError where the file is damaged, Error where it cannot be read; the data is half loaded then
 */
export async function loadOnFlows(
  handle: FileHandle,
  threads: RdbThreads,
  parts: RdbFlowsParts,
): Promise<LoadedRdb | null> {
  const header = newRegion(HEADER_BYTES);
  const { bytesRead } = await handle.read(header.bytes, 0, HEADER_BYTES, 0);
  const version = versionOf(header, 0, bytesRead);
  const loaded = await new Load(threads, parts, version).run();
  if (loaded === null) return null;
  const sum = new Crc64();
  sum.update(header, 0, HEADER_BYTES);
  return { shares: loaded, offset: verify(sum, loaded) };
}

class Load {
  private readonly ranges: FileRanges;
  private readonly shares: RdbShare[] = [];
  private running = 0;
  private failure: string | null = null;

  constructor(
    private readonly threads: RdbThreads,
    private readonly parts: RdbFlowsParts,
    private readonly version: number,
  ) {
    this.ranges = new FileRanges(FileRanges.create(HEADER_BYTES), threads.owner);
  }

  async run(): Promise<readonly RdbShare[] | null> {
    const { ranges, parts } = this;
    const flows = this.start();
    let isGivenUp = false;
    while (this.running > 0) {
      await sleep(POLL_MS);
      if (isGivenUp || parts.goesOn(ranges.bytesDone, ranges.keysDone)) continue;
      isGivenUp = true;
      ranges.stop();
      for (const flow of flows) this.threads.flows.end(flow);
    }
    if (isGivenUp) return null;
    if (this.failure !== null) throw new Error(this.failure);
    this.throwFirst();
    return this.shares;
  }

  private start(): number[] {
    const { threads, parts, version, ranges } = this;
    const { path, nowMs, keepsExpired, replaces, bytes } = parts;
    const count = Math.min(threads.flows.count, Math.ceil(bytes / RANGE_BYTES));
    return Array.from({ length: count }, (_, index) => {
      this.running++;
      const listener = {
        rdbLoaded: (share: RdbShare) => this.shares.push(share),
        ended: (reason: string) => {
          this.running--;
          if (reason === '') return;
          this.failure ??= reason;
          ranges.stop();
        },
      };
      return threads.flows.start(index, listener, (flow) => ({
        ...{ kind: 'load-rdb', flow, path, bytes, version, ranges: ranges.buffer },
        ...{ nowMs, keepsExpired, replaces },
      }));
    });
  }

  /** The failure that one reader would have met. */
  private throwFirst(): void {
    const failures = this.shares.flatMap(({ failure }) => (failure === null ? [] : [failure]));
    const [first] = failures.sort((a, b) => a.from - b.from);
    if (first === undefined) return;
    throw first.isDamage ? new RdbError(first.text) : new Error(first.text);
  }
}

/** @returns where the RDB ends @throws RdbError when the checksum is wrong */
function verify(sum: Crc64, shares: readonly RdbShare[]): number {
  const end = shares.find((share) => share.end !== null)?.end;
  const ranges = shares.flatMap(({ ranges: all }) =>
    Array.from({ length: all.length / 4 }, (_, i) => all.slice(i * 4, i * 4 + 4)),
  );
  let at = HEADER_BYTES;
  for (const [from, bytes, low, high] of ranges.sort((a, b) => a[0]! - b[0]!)) {
    if (from !== at) throw new Error(`bytes ${at} to ${from} of the file were not loaded`);
    joinChecksum(sum, bytes!, low!, high!);
    at = from + bytes!;
  }
  if (end === undefined || end === null) throw new Error('the end of the file was not loaded');
  const { claimed, offset } = end;
  if (claimed === null || agrees(sum, claimed)) return offset;
  throw new RdbError(WRONG_CHECKSUM, at);
}
