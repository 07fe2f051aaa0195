/**
 * Clients whose command could not run yet and is tried again, by the reason:
 *
 *   busy      a shard was taken: in the next turn, some microseconds later
 *   paused    CLIENT PAUSE: when the pause ends
 *   deferred  back-pressure, a replica lags: after a delay, which doubles up to a bound as long as
 *             none of these clients succeeds
 */
import { BUSY, DEFERRED, PAUSED } from '../base/outcome.js';
import type { Connection } from './connection.js';
import type { NetSession } from './runner.js';

/** How long to wait, in ms, before trying again a command whose shard was taken. */
const BUSY_MS = 0.05;
const DEFERRED_MS_MIN = 1;
const DEFERRED_MS_MAX = 8;

export class WaitingClients<S extends NetSession> {
  private busy: Connection<S>[] = [];
  private spare: Connection<S>[] = [];
  /** In the order in which they came. They may be many, and for long. */
  private paused = new Set<Connection<S>>();
  private deferred: Connection<S>[] = [];
  private deferredMs = DEFERRED_MS_MIN;
  /** When deferred clients are tried again. */
  private deferredUntilMs = 0;

  /** @param resume serves what the client sent, beginning with the command that waits */
  constructor(private readonly resume: (connection: Connection<S>) => void) {}

  get pausedCount(): number {
    return this.paused.size;
  }

  /** The client that is tried first in the next turn because a shard was taken. */
  get firstBusy(): Connection<S> | undefined {
    return this.busy[0];
  }

  isPaused(connection: Connection<S>): boolean {
    return this.paused.has(connection);
  }

  /** @param outcome of the client's command: BUSY, PAUSED or DEFERRED */
  add(connection: Connection<S>, outcome: number, nowMs: number): void {
    if (connection.retrying) return;
    connection.retrying = true;
    if (outcome === BUSY) this.busy.push(connection);
    else if (outcome === PAUSED) this.paused.add(connection);
    else if (outcome === DEFERRED) this.defer(connection, nowMs);
  }

  private defer(connection: Connection<S>, nowMs: number): void {
    if (this.deferred.length === 0) this.deferredUntilMs = nowMs + this.deferredMs;
    this.deferred.push(connection);
  }

  /** The client is gone. Who waits for a shard or a replica is tried again soon, and found gone then. */
  remove(connection: Connection<S>): void {
    this.paused.delete(connection);
  }

  /** Once a turn: tries the busy clients, and the deferred ones when they are due. */
  turn(nowMs: number): void {
    if (this.busy.length > 0) this.retryBusy();
    if (this.deferred.length > 0 && nowMs >= this.deferredUntilMs) this.retryDeferred();
  }

  resumePaused(): void {
    const waiting = this.paused;
    this.paused = new Set();
    for (const connection of waiting) this.resume(connection);
  }

  /** Milliseconds until some client is to be tried again; Infinity when none is. */
  dueMs(nowMs: number): number {
    if (this.busy.length > 0) return BUSY_MS;
    if (this.deferred.length === 0) return Number.POSITIVE_INFINITY;
    return Math.max(BUSY_MS, this.deferredUntilMs - nowMs);
  }

  private retryBusy(): void {
    const waiting = this.busy;
    this.busy = this.spare;
    for (let i = 0; i < waiting.length; i++) this.resume(waiting[i]!);
    waiting.length = 0;
    this.spare = waiting;
  }

  private retryDeferred(): void {
    const waiting = this.deferred;
    this.deferred = [];
    const { deferredMs } = this;
    // Those that are deferred again wait twice as long, unless one of them succeeded.
    this.deferredMs = Math.min(deferredMs * 2, DEFERRED_MS_MAX);
    for (const connection of waiting) this.resume(connection);
    if (this.deferred.length < waiting.length) this.deferredMs = DEFERRED_MS_MIN;
  }
}
