/** What INFO and LASTSAVE tell of persistence: written by the main thread, read by all. */
import { declareValue } from '../../memory/control-layout.js';

/** When the data was last saved, or found as it was at the start; milliseconds since 1970. */
export const LAST_SAVE_MS = declareValue('persistence.last-save-ms');
/** Seconds that the last background save took, and one more: 0 when there was none. */
export const LAST_SAVE_SECONDS = declareValue('persistence.last-save-seconds');
/** When the save under way began; 0 when there is none. */
export const SAVE_STARTED_MS = declareValue('persistence.save-started-ms');
/** Whether SAVE or BGSAVE began it: 1 for BGSAVE. */
export const SAVE_IN_BACKGROUND = declareValue('persistence.save-in-background');
export const SAVES = declareValue('persistence.saves');
export const SAVE_KEYS_DONE = declareValue('persistence.save-keys-done');
export const SAVE_KEYS_TOTAL = declareValue('persistence.save-keys-total');
/** Of the load at the start. */
export const LOAD_STARTED_MS = declareValue('persistence.load-started-ms');
export const LOAD_BYTES_TOTAL = declareValue('persistence.load-bytes-total');
export const LOAD_BYTES_DONE = declareValue('persistence.load-bytes-done');
export const LOADED_KEYS = declareValue('persistence.loaded-keys');
