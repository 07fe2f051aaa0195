/** What is counted of the journal, over all threads. */
import { declareCounter, declareSignal } from '../memory/control-layout.js';

/** Writes that waited because a replica lagged, and those whose wait timed out. */
export const WRITES_DELAYED = declareCounter('journal.writes-delayed');
export const WRITES_OVERRULED = declareCounter('journal.writes-overruled');
/** Something was appended: flows with nothing to send sleep for it. */
export const JOURNAL_WRITTEN = declareSignal('journal.written');
/** Half of a ring is ahead of a reader: flows that rest between two writes to the disk sleep for it. */
export const JOURNAL_FILLING = declareSignal('journal.filling');
