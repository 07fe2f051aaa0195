/** What is counted of the journal, over all threads. */
import { declareCounter, declareSignal } from '../memory/control-layout.js';

/** Writes that waited for the sake of a replica, and those of them that waited in vain. */
export const WRITES_DELAYED = declareCounter('journal.writes-delayed');
export const WRITES_OVERRULED = declareCounter('journal.writes-overruled');
/** Something was appended: flows with nothing to send sleep for it. */
export const JOURNAL_WRITTEN = declareSignal('journal.written');
