/**
 * As many clients as the limit of descriptors leaves room for, with Redis's log lines; raising the limit
 * is tried first. Node.js has raised it to the hard limit already: more is for privileged users only.
 */
import type { Log } from '../../base/log.js';
import { textOfErrorName } from '../../base/system-error.js';
import { descriptorLimit, raiseDescriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import { errorName } from '../../platform/ffi/libc.js';
import type { DescriptorShare } from '../channel/main-io.js';
import { clientsPossible } from '../config/descriptor-budget.js';

/**
 * @param wanted maxclients as configured
 * @returns maxclients as it is going to be
 * @throws Error when there is no room for any
 */
export function fitMaxClients(
  wanted: number,
  { reserved, perClient }: Omit<DescriptorShare, 'acceptSingly'>,
  log: Log,
): number {
  const before = descriptorLimit();
  const needed = wanted * perClient + reserved;
  if (before >= needed) return wanted;
  const failure = raiseDescriptorLimit(needed);
  const limit = descriptorLimit();
  if (limit >= needed) {
    log.notice(
      `Increased maximum number of open files to ${limit} (it was originally set to ${before}).`,
    );
    return wanted;
  }
  const possible = clientsPossible(limit, reserved, perClient);
  if (possible === 0) {
    throw new Error(
      `Your current 'ulimit -n' of ${limit} is not enough for the server to start. ` +
        `Please increase your open file limit to at least ${needed}. Exiting.`,
    );
  }
  log.warning(
    `You requested maxclients of ${wanted} requiring at least ${needed} max file descriptors.`,
  );
  log.warning(
    `Server can't set maximum open files to ${needed} because of OS error: ` +
      `${textOfErrorName(errorName(failure))}.`,
  );
  log.warning(
    `Current maximum open files is ${limit}. maxclients has been reduced to ${possible} to ` +
      "compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
  );
  return possible;
}
