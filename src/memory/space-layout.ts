/**
 * Where things lie in a shard's space, and how big they are.
 *
 *   page 0   0     words 0..63: the shard's own (lock in word 0, keyspace in 16..63)
 *            256   state of the page allocator (the words below)
 *            2048  room for 32 roots of 64 bytes; a shard does not use it, tests lay roots there
 *   page 1…  page tags, three words a page: see page-runs.ts
 *   reserved…  pages the shard asked for on formatting; no run, so they outlive reset()
 *   dataPage…  the runs given out by allocate(), from a multiple of a frame on
 */
export const PAGE_BYTES = 4096;
export const PAGE_SHIFT = 12;
export const FRAME_PAGES = 16;
export const FRAME_BYTES = FRAME_PAGES * PAGE_BYTES;

/** Words at the start of page 0 that no layer below the keyspace touches, but for the lock. */
export const SHARD_WORDS = 64;
export const LOCK_WORD = 0;
/** Room for 64-byte roots of tables and sequences in page 0, for tests. */
export const ROOTS_OFFSET = 2048;
export const ROOT_BYTES = 64;
export const ROOT_COUNT = 32;

/** Allocator state, as word indices of the space. */
export const MAGIC_WORD = 64;
/** First page of the wilderness (never given out, or grown back), and the page after its last. */
export const LOW_WORD = 65;
export const HIGH_WORD = 66;
/** Pages in the free lists (the wilderness and the pending runs not counted). */
export const LISTED_WORD = 67;
export const RESIDENT_WORD = 68;
export const PENDING_COUNT_WORD = 69;
export const PENDING_PAGES_WORD = 70;
export const DATA_PAGE_WORD = 71;
export const END_PAGE_WORD = 72;
/** First of the pages that the shard reserved for itself on formatting. */
export const RESERVED_PAGE_WORD = 73;
/** The key of the dataset's hash, two words. */
export const HASH_KEY_WORD = 74;
/** Over how many shards the keys with one hash tag are spread. */
export const HASH_SPREAD_WORD = 76;
/** Raised whenever the key is set: hashes computed before are invalid. */
export const HASH_EPOCH_WORD = 77;
/** The fewest pages that pended since `trimUnused` looked last: what nobody needed. */
export const PENDING_LEAST_WORD = 78;
/** One bit per free list, set when it is not empty: LIST_COUNT bits in words of 32. */
export const LIST_BITS_WORD = 80;
/** Heads of the free lists: a page number, 0 when empty. */
export const LIST_HEADS_WORD = 96;
export const LIST_COUNT = 152;
/** Runs freed and not yet given back: pairs of page and length. */
export const PENDING_WORD = 256;
export const PENDING_MAX = 64;

export const TAGS_PAGE = 1;
export const TAG_WORDS = 3;
export const SPACE_MAGIC = 0x44525431;
/** Space sizes are multiples of this. */
export const SPACE_GRAIN_BYTES = 1 << 20;
