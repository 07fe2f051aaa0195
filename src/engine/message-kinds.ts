/** Kinds of messages in mailboxes (memory/mailbox.ts): one table, so that no two are the same. */

/** To a waiting client's thread: it was served. See serving.ts. */
export const MESSAGE_SERVED = 1;
/** To a waiting client's thread: its key has something, and its command is to be tried there. */
export const MESSAGE_TRY = 2;
/** To the thread of clients that have a key in their cache: it has changed. See tracking/sender.ts. */
export const MESSAGE_INVALIDATED = 3;
/** To a thread with clients that track prefixes: keys that have changed. */
export const MESSAGE_BROADCAST = 4;
/** To all threads with clients that track: their caches are void. */
export const MESSAGE_FORGOTTEN = 5;
/** To the thread of a client that gets the invalidations of another one. See tracking/tracker.ts. */
export const MESSAGE_REDIRECTED = 6;
/** Back: there is no such client. */
export const MESSAGE_REDIRECT_BROKEN = 7;
