/** What became of a command that the network layer handed to the dispatcher. */

/** It ran (or was refused) and its reply is written. */
export const DONE = 0;
/** A shard was taken for longer than a spin: try the same vector again later. */
export const BUSY = 1;
/** CLIENT PAUSE holds it: try again when the pause is over. */
export const PAUSED = 2;
/** Back-pressure: a replica lags, so the write waits. Try the same vector again a little later. */
export const DEFERRED = 4;
/** It waits for something; the reply comes through `resume`. */
export const SUSPENDED = 3;
