/**
 * A fault in one thread of a server, for tests: loaded into every thread of the process by
 * NODE_OPTIONS=--import, so that the server's own code has no way to it.
 *
 *   DARTER_FAULT_THREAD   io-thread, flow-thread or main-thread
 *   DARTER_FAULT_KIND     'exception': thrown out of the clock, which every turn asks; out of that
 *                         of an I/O thread again and again;
 *                         'memory': the heap is filled until V8 ends the thread
 *   DARTER_FAULT_FILE     it happens once this file is there
 */
import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const { DARTER_FAULT_THREAD, DARTER_FAULT_KIND, DARTER_FAULT_FILE } = process.env;
const now = Date.now;
let lastLookMs = 0;

function isHere(): boolean {
  if (isMainThread) return DARTER_FAULT_THREAD === 'main-thread';
  return process.argv[2]?.includes(`/${DARTER_FAULT_THREAD}.js`) === true;
}

function fillHeap(): never {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(10_000).fill(kept.length));
}

if (DARTER_FAULT_FILE !== undefined && isHere()) {
  Date.now = () => {
    const nowMs = now();
    if (nowMs - lastLookMs < 20) return nowMs;
    lastLookMs = nowMs;
    if (!existsSync(DARTER_FAULT_FILE)) return nowMs;
    if (DARTER_FAULT_KIND === 'memory') fillHeap();
    // An I/O thread logs a single exception and goes on.
    if (DARTER_FAULT_THREAD === 'io-thread') lastLookMs = 0;
    throw new Error('injected fault');
  };
}
