/**
 * How much memory the server uses. `used` are the pages of all shards in use, which is what
 * maxmemory bounds; what node itself occupies is apart from it, and does not grow with the data.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { PAGE_BYTES } from '../base/limits.js';
import type { MemoryFigures, MemoryPort } from '../commands/contract/server-port.js';
import type { Shards } from '../keyspace/shards.js';
import { type ControlBlock, WORD_USED_PAGES } from '../memory/control.js';

/** Resident bytes of the process; node's own figure where there is no /proc. */
function residentBytes(): number {
  try {
    const pages = Number(readFileSync('/proc/self/statm', 'latin1').split(' ')[1]);
    return pages * PAGE_BYTES;
  } catch {
    return process.memoryUsage.rss();
  }
}

/** Keys and values with their lengths. Read without locks: a write under way may be missing. */
function liveBytes(shards: Shards): number {
  let bytes = 0;
  for (let shard = 0; shard < shards.count; shard++) {
    for (let database = 0; database < shards.databases; database++) {
      bytes += shards.table(shard, database).liveBytes;
    }
  }
  return bytes;
}

export class Memory implements MemoryPort {
  private readonly processBytes: number;
  /** Pages that hold no data: the tables' roots. */
  private readonly startupBytes: number;

  /** @param release finishes at once the compaction that gives memory back to the system */
  constructor(
    private readonly control: ControlBlock,
    private readonly shards: Shards,
    private readonly release: () => void,
  ) {
    const used = control.load(WORD_USED_PAGES) * PAGE_BYTES;
    this.processBytes = Math.max(0, residentBytes() - used);
    this.startupBytes = Math.min(used, shards.count * PAGE_BYTES);
  }

  figures(): MemoryFigures {
    const used = this.control.load(WORD_USED_PAGES) * PAGE_BYTES;
    const dataset = Math.min(used, liveBytes(this.shards));
    return {
      used,
      dataset,
      overhead: used - dataset,
      peak: this.control.notePeak() * PAGE_BYTES,
      startup: this.startupBytes,
      resident: residentBytes(),
      process: this.processBytes,
      javascriptHeap: process.memoryUsage().heapUsed,
      system: totalmem(),
    };
  }

  purge(): void {
    this.release();
  }
}
