/** What is counted of keys, over all threads. */
import { declareCounter, declareValue, declareWord } from '../memory/control-layout.js';

export const HITS = declareCounter('keyspace.hits');
export const MISSES = declareCounter('keyspace.misses');
export const EXPIRED = declareCounter('keyspace.expired');
export const EVICTED = declareCounter('keyspace.evicted');
/** Milliseconds for which more memory was used than maxmemory allows. */
export const EVICTION_EXCEEDED_MS = declareCounter('keyspace.eviction-exceeded-ms');
/** Since when that is so, in milliseconds since 1970; 0 while it is not. */
export const EVICTION_EXCEEDED_SINCE = declareValue('keyspace.eviction-exceeded-since');
/** Elements that expired inside their values. */
export const EXPIRED_ELEMENTS = declareCounter('keyspace.expired-elements');
/** Values freed by way of a reclaim list. */
export const RECLAIMED = declareCounter('keyspace.reclaimed');
/** Changes to the dataset. */
export const CHANGES = declareCounter('keyspace.changes', { lasting: true });
/** CHANGES' sum when the dataset was last saved. */
export const CHANGES_SAVED = declareValue('keyspace.changes-saved');
/** Milliseconds spent looking for expired keys. */
export const EXPIRY_CYCLE_MS = declareCounter('keyspace.expiry-cycle-ms');
/** How often that took all the time it may. */
export const EXPIRY_TIMEOUTS = declareCounter('keyspace.expiry-timeouts');
/** DEBUG SET-ACTIVE-EXPIRE 0 sets it to 1. */
export const EXPIRY_CYCLE_OFF = declareWord('keyspace.expiry-cycle-off');
