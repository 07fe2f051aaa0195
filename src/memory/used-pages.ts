/** How much of the shards' memory is in use, and was at most, over all threads. In pages. */
import type { ControlBlock } from './control.js';
import { declareWord } from './control-layout.js';

/** Space counts in it. */
export const USED_PAGES = declareWord('memory.used-pages');
export const PEAK_PAGES = declareWord('memory.peak-pages');

/** Keeps the highest use seen. Any thread: a lost race costs one sample. @returns it */
export function notePeakPages(control: ControlBlock): number {
  const peakPages = control.word(PEAK_PAGES);
  const peak = Math.max(control.word(USED_PAGES).load(), peakPages.load());
  peakPages.store(peak);
  return peak;
}
