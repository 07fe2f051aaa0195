/**
 * A disk whose syncs are slow, for tests: loaded into every thread of a server by
 * NODE_OPTIONS=--import, so that the server's own code has no way to it. While DARTER_SLOW_FILE is
 * there, fdatasync takes as many milliseconds longer as the file says; it ends when the file goes.
 */
import fs, { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { DARTER_SLOW_FILE } = process.env;

function delayMs(): number {
  try {
    return Number(readFileSync(DARTER_SLOW_FILE!, 'utf8'));
  } catch {
    return 0;
  }
}

if (DARTER_SLOW_FILE !== undefined) {
  const handle = await open('/dev/null', 'r');
  const prototype = Object.getPrototypeOf(handle) as { datasync(): Promise<void> };
  const { datasync } = prototype;
  prototype.datasync = async function slowly(this: unknown): Promise<void> {
    const beganMs = performance.now();
    while (performance.now() - beganMs < delayMs()) await sleep(20);
    await datasync.call(this);
  };
  await handle.close();
  const { fdatasyncSync } = fs;
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  fs.fdatasyncSync = (descriptor) => {
    const beganMs = performance.now();
    while (performance.now() - beganMs < delayMs()) Atomics.wait(nothing, 0, 0, 20);
    fdatasyncSync(descriptor);
  };
  // Also for who has imported it by its name.
  syncBuiltinESMExports();
}
