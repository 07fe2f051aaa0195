/**
 * The end of the process, at once: _exit(2). Node's own `process.exit` first stops every thread wherever
 * it is, and to stop one that is still loading, or that is inside the kernel, can abort in native code.
 */
import { libc } from './libc.js';

/** Nothing runs after this. What was written with synchronous calls has gone out. */
export function endProcess(code: number): never {
  libc?.exitNow(code);
  process.exit(code);
}
