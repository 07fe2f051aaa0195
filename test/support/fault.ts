/**
 * A fault in one thread of a server, for tests: loaded into every thread of the process by
 * NODE_OPTIONS=--import, so that the server's own code has no way to it.
 *
 *   DARTER_FAULT_THREAD   io-thread, flow-thread or main-thread; embedded-thread, which is the main
 *                         thread of a server within a program's process
 *   DARTER_FAULT_KIND     'exception': thrown out of the clock, which every turn asks; out of that
 *                         of an I/O thread again and again;
 *                         'memory': the heap is filled until V8 ends the thread;
 *                         'late': the thread does not begin before
 *   DARTER_FAULT_FILE     it happens once this file is there
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';

const { DARTER_FAULT_THREAD, DARTER_FAULT_KIND, DARTER_FAULT_FILE } = process.env;
const now = Date.now;
let lastLookMs = 0;
let isOver = false;

function isHere(): boolean {
  if (isMainThread) return DARTER_FAULT_THREAD === 'main-thread';
  const name = new RegExp(`/${DARTER_FAULT_THREAD}[.]c?js`);
  return process.argv.some((argument) => name.test(argument));
}

function fillHeap(): never {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(10_000).fill(kept.length));
}

if (DARTER_FAULT_FILE !== undefined && DARTER_FAULT_KIND === 'late') {
  while (isHere() && !existsSync(DARTER_FAULT_FILE)) await sleep(20);
} else if (DARTER_FAULT_FILE !== undefined && isHere()) {
  Date.now = () => {
    const nowMs = now();
    // Who has kept this function asks it again, however much later.
    if (isOver || nowMs - lastLookMs < 20) return nowMs;
    lastLookMs = nowMs;
    if (!existsSync(DARTER_FAULT_FILE)) return nowMs;
    if (DARTER_FAULT_KIND === 'memory') fillHeap();
    // An I/O thread logs a single exception and goes on. Others tell their end, with the time of day.
    if (DARTER_FAULT_THREAD === 'io-thread') lastLookMs = 0;
    else isOver = true;
    throw new Error('injected fault');
  };
}
