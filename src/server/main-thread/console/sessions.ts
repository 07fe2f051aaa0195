/**
 * Who is logged in to the console. A session has two connections to the server, both its user's: one for
 * what the page asks, one for what is typed on its command line (so that SELECT, MULTI and WATCH there
 * change nothing else). It keeps no password: when one of them ends, so does the session.
 *
 *   POST login ──▶ session ──┬─ POST logout
 *                            ├─ a connection ends: CLIENT KILL, ACL DELUSER, timeout, no reply in time
 *                            ├─ not used for SESSION_IDLE_MS, and nobody looks
 *                            └─ SESSION_MS after the log-in
 *
 * The browser has a random token in a cookie; here is its hash only. A second random token comes with the
 * page's requests that change something: a page of another site does not know it.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { OwnConnection } from './own-connection.js';

export const SESSIONS_MAX = 16;
export const SESSION_IDLE_MS = 15 * 60_000;
export const SESSION_MS = 12 * 60 * 60_000;
const CHECK_PERIOD_MS = 10_000;
const TOKEN_BYTES = 32;

export interface SessionConnections {
  readonly page: OwnConnection;
  readonly commandLine: OwnConnection;
}

export class Session {
  usedMs: number;
  hasEnded = false;
  /** Event streams that are open. */
  viewers = 0;
  /** Called once, when it has ended. */
  readonly onEnd = new Set<() => void>();

  constructor(
    readonly key: string,
    readonly user: string,
    /** What requests that change something bring along. */
    readonly requestToken: string,
    readonly startedMs: number,
    readonly connections: SessionConnections,
  ) {
    this.usedMs = startedMs;
  }

  knowsRequestToken(token: unknown): boolean {
    if (typeof token !== 'string') return false;
    const [given, own] = [Buffer.from(token), Buffer.from(this.requestToken)];
    return given.length === own.length && timingSafeEqual(given, own);
  }
}

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

export class Sessions {
  private readonly sessions = new Map<string, Session>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly now: () => number = Date.now) {}

  get count(): number {
    return this.sessions.size;
  }

  /**
   * Makes room if it can: who has not looked for longest goes.
   * @returns the token for the cookie; null when there is no room
   */
  begin(user: string, connections: SessionConnections): { token: string; session: Session } | null {
    if (this.sessions.size >= SESSIONS_MAX && !this.endIdlest()) return null;
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const requestToken = randomBytes(TOKEN_BYTES).toString('base64url');
    const session = new Session(keyOf(token), user, requestToken, this.now(), connections);
    this.sessions.set(session.key, session);
    for (const connection of [connections.page, connections.commandLine]) {
      connection.onEnd = () => this.end(session);
    }
    this.timer ??= setInterval(() => this.expire(), CHECK_PERIOD_MS).unref();
    return { token, session };
  }

  /** @returns the session of a cookie's token, which is used with that */
  find(token: string): Session | undefined {
    const session = this.sessions.get(keyOf(token));
    if (session === undefined || this.endIfExpired(session)) return undefined;
    session.usedMs = this.now();
    return session;
  }

  end(session: Session): void {
    if (!this.sessions.delete(session.key)) return;
    session.hasEnded = true;
    session.connections.page.end('the session has ended');
    session.connections.commandLine.end('the session has ended');
    for (const ended of [...session.onEnd]) ended();
    if (this.sessions.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  endAll(): void {
    for (const session of [...this.sessions.values()]) this.end(session);
  }

  /** Ends what is too old. */
  expire(): void {
    for (const session of [...this.sessions.values()]) this.endIfExpired(session);
  }

  private endIfExpired(session: Session): boolean {
    const nowMs = this.now();
    const isIdle = session.viewers === 0 && nowMs - session.usedMs > SESSION_IDLE_MS;
    if (!isIdle && nowMs - session.startedMs <= SESSION_MS) return false;
    this.end(session);
    return true;
  }

  private endIdlest(): boolean {
    let idlest: Session | undefined;
    for (const session of this.sessions.values()) {
      const isIdler = idlest === undefined || session.usedMs < idlest.usedMs;
      if (session.viewers === 0 && isIdler) idlest = session;
    }
    if (idlest === undefined) return false;
    this.end(idlest);
    return true;
  }
}
