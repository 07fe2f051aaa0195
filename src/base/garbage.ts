/** V8's collector, called by hand. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * A full collection of this thread's heap. V8 offers it only behind a flag, which may be set at any time. It is
 * the process's, and stays set: a thread that took it back could do so while another one asks.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
