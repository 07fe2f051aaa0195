/** What all threads know of clients that track keys without a lock. */
import { declareWord } from '../../memory/control-layout.js';

export const TRACKING_CLIENTS = declareWord('tracking.clients');
/** Different prefixes of such clients. */
export const TRACKED_PREFIXES = declareWord('tracking.prefixes');
