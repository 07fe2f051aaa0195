/** Publish and subscribe: what its commands call, wired in server/. */

/** The sorts of names that clients subscribe to. */
export const CHANNEL = 0;
export const PATTERN = 1;
export const SHARD_CHANNEL = 2;
/** Commands as MONITOR shows them; its one name is empty. */
export const MONITOR = 3;
export type NameKind = typeof CHANNEL | typeof PATTERN | typeof SHARD_CHANNEL | typeof MONITOR;

export interface PubSubPort {
  /**
   * Subscribes the context's client to the name that is argument `index`.
   * @returns false: there is no room for the name; nothing has changed
   */
  subscribe(kind: NameKind, index: number): boolean;
  /** The opposite. No matter whether the client was subscribed. */
  unsubscribe(kind: NameKind, index: number): void;
  /**
   * Ends the client's subscriptions of a kind, the oldest first.
   * @param ended called after each, with the name as one char per byte
   */
  unsubscribeAll(kind: NameKind, ended: (name: string) => void): void;
  /** Ends all of the client's subscriptions without a word (RESET). */
  leave(): void;
  /** MONITOR. @returns false: the context's client watches already */
  watchCommands(): boolean;
  /** What confirmations tell: how many names of this kind's family the client is subscribed to. */
  subscriptionsOf(kind: NameKind): number;
  /**
   * Sends argument 2 to the subscribers of the channel that is argument 1, and of patterns that match
   * a CHANNEL. @returns how many there are on all threads
   */
  publish(kind: NameKind): number;
  /** How many clients are subscribed to the name that is argument `index`. */
  subscribers(kind: NameKind, index: number): number;
  /** How many names of the kind have subscribers. */
  names(kind: NameKind): number;
  /** Such names, one char per byte: those that match the pattern in argument `index`, 0 for all. */
  list(kind: NameKind, index: number): Iterable<string>;
}
