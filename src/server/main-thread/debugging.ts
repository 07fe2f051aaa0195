/** What could show the data to others than clients: Node's inspector, and core dumps. */
import { url } from 'node:inspector';
import type { Log } from '../../base/log.js';
import { forbidCoreDumps } from '../../platform/ffi/core-limit.js';
import type { Config } from '../config/config.js';

/**
 * SIGUSR1 would open Node's inspector: bin/darter takes it before anything else, and nothing follows.
 * Who has started the process with `--inspect` has asked for it, and is told what that means.
 */
export function guardAgainstDebugging(config: Config, log: Log): void {
  if (!config.flag('core-dumps')) forbidCoreDumps();
  const address = url();
  if (address === undefined) return;
  log.warning(
    `Node's inspector listens (${address}): whoever reaches that port reads and changes everything. ` +
      'It was asked for on the command line or in NODE_OPTIONS.',
  );
}
