/** Client-side caching: what CLIENT TRACKING and its kin call, wired in server/. */
import type { Session } from './session.js';

/** What CLIENT TRACKING ON asks for. */
export interface TrackingOptions {
  /** Id of the client that gets the invalidations, 0 for the client itself. */
  redirect: number;
  broadcasts: boolean;
  optIn: boolean;
  optOut: boolean;
  noLoop: boolean;
  /** One char a byte. */
  readonly prefixes: string[];
}

/** A client that tracks. */
export interface ClientTracking {
  readonly redirect: number;
  readonly broadcasts: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  readonly noLoop: boolean;
  /** The client that `redirect` names was found to be gone. */
  readonly isBroken: boolean;
  /** CLIENT CACHING: the next command is an exception of OPTIN or OPTOUT. */
  cachingGiven: boolean;
  readonly prefixes: ReadonlySet<string>;
}

export interface TrackingPort {
  /**
   * Finds the client that is to get invalidations, on any thread, where it stays from now on.
   * @returns false when there is none with this id
   */
  findRedirect(id: number): boolean;
  /**
   * Begins, or changes what is asked for. The last client that was found gets the invalidations, if
   * `options.redirect` is its id.
   * @returns false: there is no room for the prefixes; nothing has changed
   */
  enable(session: Session, options: TrackingOptions): boolean;
  disable(session: Session): void;
}
