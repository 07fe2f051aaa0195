/** What the server calls itself. */

/** Held equal to package.json by version.test.ts. */
export const DARTER_VERSION = '0.1.0';

/** The Redis whose behaviour this server reproduces, which clients ask about. */
export const REDIS_VERSION = '7.0.15';
