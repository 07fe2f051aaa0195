/**
 * How much memory the server uses. `used` are the pages of all shards in use, and what clients
 * take: that is what maxmemory bounds; what node itself occupies is apart from it, and does not grow with the data.
 */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { PAGE_BYTES } from '../../base/limits.js';
import type { MemoryFigures, MemoryPort } from '../../commands/contract/server-port.js';
import type { Shards } from '../../keyspace/shards.js';
import type { ControlBlock } from '../../memory/control.js';
import { notePeakPages, USED_PAGES } from '../../memory/used-pages.js';
import { CLIENT_PAGES } from '../../net/counters.js';
import type { ContainerLimits } from '../../platform/container.js';
import { STARTUP_BYTES } from '../channel/process-figures.js';

/** Resident bytes of the process; null when no descriptor is left to read it with. */
function residentBytes(): number | null {
  try {
    return process.memoryUsage.rss();
  } catch {
    return null;
  }
}

/** Of each shard, outside of its tables: the page with their roots. */
const ROOT_PAGES = 1;

/**
 * Keys and values with their lengths, and the pages that values own. Read without locks: a write under
 * way may be missing.
 */
function liveBytes(shards: Shards): number {
  let bytes = 0;
  for (let shard = 0; shard < shards.count; shard++) {
    let ownedPages = shards.spaces[shard]!.residentPages - ROOT_PAGES;
    for (let database = 0; database < shards.databases; database++) {
      const table = shards.table(shard, database);
      bytes += table.liveBytes;
      ownedPages -= table.allocatedPages;
    }
    bytes += Math.max(0, ownedPages) * PAGE_BYTES;
  }
  return bytes;
}

export class Memory implements MemoryPort {
  private residentBytes = 0;

  /**
   * @param release finishes at once the compaction that gives memory back to the system
   * @param container what the process is granted
   */
  constructor(
    private readonly control: ControlBlock,
    private readonly shards: Shards,
    private readonly release: () => void,
    private readonly container: ContainerLimits,
  ) {}

  figures(): MemoryFigures {
    const { control, shards } = this;
    const clients = control.word(CLIENT_PAGES).load() * PAGE_BYTES;
    const used = control.word(USED_PAGES).load() * PAGE_BYTES + clients;
    const startupBytes = control.get(STARTUP_BYTES);
    this.residentBytes = residentBytes() ?? Math.max(this.residentBytes, startupBytes);
    const dataset = Math.min(used, liveBytes(shards));
    return {
      used,
      clients,
      dataset,
      overhead: used - dataset,
      // The pages with the roots of tables.
      startup: Math.min(used, shards.count * PAGE_BYTES),
      peak: Math.max(used, notePeakPages(control) * PAGE_BYTES),
      resident: this.residentBytes,
      process: startupBytes,
      javascriptHeap: getHeapStatistics().used_heap_size,
      system: Math.min(totalmem(), this.container.memoryBytes ?? Number.POSITIVE_INFINITY),
      container: this.container.memoryBytes ?? 0,
    };
  }

  purge(): void {
    this.release();
  }
}
