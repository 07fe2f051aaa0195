/**
 * What the keyspace keeps in the header of a shard's space (word indexes):
 *
 *   0    the shard's lock (owner's thread number + 1, 0 = free)
 *   16   byte offset of the run with the databases' table roots (64 bytes each)
 *   17   number of watched keys (see watch.ts)
 *   18   byte offset of the watch table's run, 0 = none
 *   19   pages of that run, 0 or a power of two
 *   20   the watch version given out last
 *   21   in shard 0: lock of the thread that waits for locks while it holds some (engine/shard-set.ts)
 *   22   byte offset of the newest page of the reclaim list, 0 = none (reclaim-list.ts)
 *   23   pages of that list
 *   24   values that wait in it
 *   25   byte offset of the page with the queues of waiting clients, 0 = none (tickets.ts)
 *   26   tickets in them
 *   27   keys that clients with caches have read (see tracked-keys.ts)
 *   28   pairs of such a key and a client
 *   29   grows when all of them were forgotten without a message to their clients
 */
import { LOCK_WORD } from '../memory/space-layout.js';

export const WORD_LOCK = LOCK_WORD;
export const WORD_ROOTS = 16;
export const WORD_WATCHED = 17;
export const WORD_WATCH_RUN = 18;
export const WORD_WATCH_PAGES = 19;
export const WORD_WATCH_VERSION = 20;
export const WORD_ORDER_LOCK = 21;
export const WORD_RECLAIM_PAGE = 22;
export const WORD_RECLAIM_PAGES = 23;
export const WORD_RECLAIM_OBJECTS = 24;
export const WORD_TICKETS = 25;
export const WORD_WAITING = 26;
export const WORD_TRACKED = 27;
export const WORD_TRACKED_ITEMS = 28;
export const WORD_FORGOTTEN = 29;
