/** Blocks the calling thread. Only for commands that say so (DEBUG SLEEP). */
const never = new Int32Array(new SharedArrayBuffer(4));

export function sleep(milliseconds: number): void {
  Atomics.wait(never, 0, 0, milliseconds);
}
