/** Replies of suspended commands that have become ready: written at the end of the turn, one client after the other. */
import type { NetSession } from './runner.js';

interface Resumption<S> {
  readonly session: S;
  readonly write: () => void;
}

export class Resumptions<S extends NetSession> {
  private waiting: Resumption<S>[] = [];

  get hasSome(): boolean {
    return this.waiting.length > 0;
  }

  add(session: S, write: () => void): void {
    this.waiting.push({ session, write });
  }

  has(session: S): boolean {
    return this.waiting.some((one) => one.session === session);
  }

  /** Also those that come meanwhile. @param resume false: not yet, it is kept for another turn */
  serve(resume: (session: S, write: () => void) => boolean): void {
    const later: Resumption<S>[] = [];
    for (;;) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      if (!resume(next.session, next.write)) later.push(next);
    }
    this.waiting = later;
  }
}
