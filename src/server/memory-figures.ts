/** How much memory the process uses, from the control block, the system and the JS engine. */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { PAGE_BYTES } from '../base/limits.js';
import type { MemoryFigures, MemoryPort } from '../commands/contract/server-port.js';
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

/** What the process needs besides its data: resident memory, less the pages in use. */
export function startupBytes(control: ControlBlock): number {
  return Math.max(0, residentBytes() - control.load(WORD_USED_PAGES) * PAGE_BYTES);
}

export class Memory implements MemoryPort {
  /**
   * @param startupBytes what the process had resident before it held data
   * @param release gives free memory of all shards back to the system
   */
  constructor(
    private readonly control: ControlBlock,
    private readonly startupBytes: number,
    private readonly release: () => void,
  ) {}

  figures(): MemoryFigures {
    const peakPages = this.control.notePeak();
    const dataset = this.control.load(WORD_USED_PAGES) * PAGE_BYTES;
    return {
      dataset,
      used: dataset + this.startupBytes,
      overhead: this.startupBytes,
      peak: peakPages * PAGE_BYTES + this.startupBytes,
      startup: this.startupBytes,
      resident: residentBytes(),
      javascriptHeap: process.memoryUsage().heapUsed,
      system: totalmem(),
    };
  }

  purge(): void {
    this.release();
  }
}
