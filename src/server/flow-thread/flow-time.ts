/** Time as a flow that writes files sees it: of the machine, or simulated. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SharedSignal } from '../../memory/signal.js';

export interface FlowTime {
  nowMs(): number;
  sleep(ms: number): Promise<unknown>;
  /** Sleeps until the rings have news, or the time is up; not at all unless `isIdle` says so. */
  untilWritten(isIdle: () => boolean, ms: number): Promise<unknown>;
}

/** @param written raised when the rings have news */
export function machineTime(written: SharedSignal): FlowTime {
  return {
    nowMs: () => performance.now(),
    sleep: (ms) => sleep(ms),
    untilWritten: (isIdle, ms) => written.sleep(isIdle, ms),
  };
}
