/** Time as a flow that writes files sees it: of the machine, or simulated. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { SharedSignal } from '../../memory/signal.js';

export interface FlowTime {
  nowMs(): number;
  sleep(ms: number): Promise<unknown>;
  /** Sleeps until the rings have news, or the time is up; not at all unless `isIdle` says so. */
  untilWritten(isIdle: () => boolean, ms: number): Promise<unknown>;
  /** Sleeps until a ring is half full, or the time is up. */
  untilFilling(ms: number): Promise<unknown>;
  /** Lets the thread's other work go on. */
  turn(): Promise<unknown>;
}

const always = (): boolean => true;

/**
 * @param written raised when the rings have news
 * @param filling raised while one of them is filling
 */
export function machineTime(written: SharedSignal, filling: SharedSignal): FlowTime {
  return {
    nowMs: () => performance.now(),
    sleep: (ms) => sleep(ms),
    untilWritten: (isIdle, ms) => written.sleep(isIdle, ms),
    untilFilling: (ms) => filling.sleep(always, ms),
    turn: () => setImmediate(),
  };
}
