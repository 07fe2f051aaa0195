/**
 * The end of a process that has servers. Node.js ends a process's Workers wherever they are, and that can
 * abort in native code. So the servers end first, with this thread blocked: nothing else may wait in an
 * 'exit' event. A process that a signal kills needs nothing of this.
 */
import type { Latch } from '../../platform/ffi/latch.js';

/** A server ends its threads in a few milliseconds; this bounds what is wrong. */
const LEAVE_TIMEOUT_MS = 3000;

export interface Leaver {
  readonly latch: Latch;
  /** Tells the server to end without saving. */
  leave(): void;
}

const running = new Set<Leaver>();

function leaveAll(): void {
  for (const server of running) server.leave();
  const endsMs = performance.now() + LEAVE_TIMEOUT_MS;
  for (const { latch } of running) latch.wait(Math.max(0, endsMs - performance.now()));
}

/** One listener for all servers: Node.js warns of many. */
export function leaveAtExit(server: Leaver): void {
  if (running.size === 0) process.on('exit', leaveAll);
  running.add(server);
}

/** The server has ended. */
export function hasLeft(server: Leaver): void {
  running.delete(server);
  if (running.size === 0) process.off('exit', leaveAll);
}
