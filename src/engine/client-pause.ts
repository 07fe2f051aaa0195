/** CLIENT PAUSE: which commands of all clients wait, and until when. In shared memory. */
import type { ControlBlock, SharedWord } from '../memory/control.js';
import { declareValue, declareWord } from '../memory/control-layout.js';

export const PAUSE_MODE = declareWord('engine.pause-mode');
export const PAUSE_END_MS = declareValue('engine.pause-end-ms');

export const PAUSE_NOTHING = 0;
export const PAUSE_WRITES = 1;
export const PAUSE_EVERYTHING = 2;

export class ClientPause {
  private readonly mode: SharedWord;

  constructor(private readonly control: ControlBlock) {
    this.mode = control.word(PAUSE_MODE);
  }

  /** Extends or widens a pause; never shortens or narrows one. */
  begin(mode: number, endMs: number, nowMs: number): void {
    const running = this.modeAt(nowMs);
    if (running === PAUSE_NOTHING || this.control.get(PAUSE_END_MS) < endMs) {
      this.control.set(PAUSE_END_MS, endMs);
    }
    this.mode.store(Math.max(running, mode));
  }

  end(): void {
    this.mode.store(PAUSE_NOTHING);
  }

  /** Milliseconds until the pause ends by itself; Infinity while there is none. */
  restMs(nowMs: number): number {
    if (this.modeAt(nowMs) === PAUSE_NOTHING) return Number.POSITIVE_INFINITY;
    return this.control.get(PAUSE_END_MS) - nowMs;
  }

  /** Cheap enough to ask in every turn: one load while nothing is paused. */
  modeAt(nowMs: number): number {
    const mode = this.mode.load();
    return mode !== PAUSE_NOTHING && this.control.get(PAUSE_END_MS) > nowMs ? mode : PAUSE_NOTHING;
  }
}
