/**
 * A link to a Redis without sockets and timers: its step, what of the primary's history the data is,
 * and when to try again.
 *
 *   connect ─▶ handshake ─▶ sync ─▶ online
 *      ▲ back-off │           │        │
 *      └──────────┴───lost────┴────────┘
 *
 * The history (id and offset) is kept as long as the data is exactly that: not from the moment on when
 * a full sync drops the data until it is whole, and not after a change that could not be applied.
 */
import { RETRY_MS_FIRST, RETRY_MS_MAX } from '../replica/replica-state.js';
import type { RedisHistory } from './handshake.js';

export type RedisLinkStep = 'connect' | 'handshake' | 'sync' | 'online';

export class RedisLinkState {
  step: RedisLinkStep = 'connect';
  /** Whose data it is; the offset is that of the last link's end. Null: nobody's, or in pieces. */
  history: RedisHistory | null;
  /** Whether the data was dropped and has not become whole again. */
  isInPieces = false;
  retryAtMs: number;
  private retryMs = RETRY_MS_FIRST;
  private id = '';

  constructor(history: RedisHistory | null, nowMs: number) {
    this.history = history;
    this.retryAtMs = nowMs;
  }

  /** The id under which the data is counted, '' when there is none. */
  get replicationId(): string {
    return this.step === 'online' ? this.id : (this.history?.id ?? '');
  }

  isDue(nowMs: number): boolean {
    return this.step === 'connect' && nowMs >= this.retryAtMs;
  }

  connected(): void {
    this.step = 'handshake';
  }

  /** The primary has consented to a full sync; the data is still there. */
  consented(id: string): void {
    this.step = 'sync';
    this.id = id;
  }

  /** The full sync's data comes: the old data goes. */
  replacing(): void {
    this.history = null;
    this.isInPieces = true;
  }

  /** The full sync's data is whole. */
  loaded(): void {
    this.isInPieces = false;
    this.becomeOnline();
  }

  /** The stream goes on, perhaps under another id. */
  continued(id: string): void {
    this.id = id;
    this.becomeOnline();
  }

  private becomeOnline(): void {
    this.step = 'online';
    this.retryMs = RETRY_MS_FIRST;
  }

  /**
   * The link is gone, and nothing is applied any more.
   * @param place how far the stream is applied
   * @param isDataWrong whether a change of the stream could not be applied as it came
   */
  lost(nowMs: number, place: Omit<RedisHistory, 'id'>, isDataWrong: boolean): void {
    if (this.step === 'online') this.history = isDataWrong ? null : { id: this.id, ...place };
    // What failed right after a sync may fail again: the next full sync waits longer.
    if (isDataWrong) this.retryMs = RETRY_MS_MAX;
    this.step = 'connect';
    this.retryAtMs = nowMs + this.retryMs;
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
  }
}
