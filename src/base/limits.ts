/** Sizes that more than one layer relies on. */

/** Bytes of a page: what the system gives and takes back. */
export const PAGE_BYTES = 4096;

/** The longest string value or argument, in bytes, as in Redis. */
export const STRING_LIMIT_BYTES = 512 * 1024 * 1024;
