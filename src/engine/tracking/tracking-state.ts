/** CLIENT TRACKING as one client has asked for it. */
import type { ClientTracking } from '../../commands/contract/tracking-port.js';

/** A client that tracks, as the engine keeps it. */
export class TrackingState implements ClientTracking {
  redirect = 0;
  /** That serves the client which gets the invalidations. */
  redirectThread = 0;
  broadcasts = false;
  optIn = false;
  optOut = false;
  noLoop = false;
  isBroken = false;
  cachingGiven = false;
  readonly prefixes = new Set<string>();
}
