/** Kinds of messages in mailboxes (memory/mailbox.ts): one table, so that no two are the same. */

/** To a waiting client's thread: it was served. See serving.ts. */
export const MESSAGE_SERVED = 1;
/** To a waiting client's thread: its key has something, and its command is to be tried there. */
export const MESSAGE_TRY = 2;
