/**
 * How much memory the users have that all threads share: the main thread makes them from the
 * configuration, the I/O threads change them (io-thread/acl/).
 */

/** For all users together, as texts; a user without many rules takes about 250 bytes. */
export const USERS_BYTES_MAX = 32 * 1024 * 1024;
export const USERS_FULL_TEXT = `ERR all users together may have ${USERS_BYTES_MAX} bytes of rules`;
