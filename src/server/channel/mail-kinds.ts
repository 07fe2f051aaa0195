/** The kinds of messages that travel through mailboxes (memory/mailbox.ts). */

/** A message of a channel for subscribers that the receiver serves (engine/pubsub/message.ts). */
export const MAIL_PUBLISHED = 16;
/** Messages for the receiver's subscribers were lost: it was behind by more than a mailbox keeps. */
export const MAIL_LOST = 17;

/** Messages to subscribers in the stream without keys, for the replicas' subscribers. */
export const EFFECT_PUBLISH = 'PUBLISH';
export const EFFECT_SHARD_PUBLISH = 'SPUBLISH';
