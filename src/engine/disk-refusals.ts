/** What is answered to writes while the data cannot be brought to the disk, by the gates (gates.ts). */
import { ErrorReply, MISCONF, MISCONF_DISK_FAILED, MISCONF_DISK_FULL } from '../protocol/errors.js';
import { GATE_JOURNAL_FULL, GATE_SAVE_FAILED } from './gates.js';

const SCRIPT_SAVE_FAILED = new ErrorReply(
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " +
    "disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.",
);
const SCRIPT_DISK_FULL = scriptError('No space left on device');
const SCRIPT_DISK_FAILED = scriptError('Input/output error');

function scriptError(text: string): ErrorReply {
  return new ErrorReply(
    "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to " +
      `disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts. ` +
      `AOF error: ${text}`,
  );
}

/** The error for a command; one of GATES_DISK is set. */
export function diskRefusal(gates: number): ErrorReply {
  if ((gates & GATE_SAVE_FAILED) !== 0) return MISCONF;
  return (gates & GATE_JOURNAL_FULL) !== 0 ? MISCONF_DISK_FULL : MISCONF_DISK_FAILED;
}

/** The error for a script whose flags say that it may write. */
export function scriptDiskRefusal(gates: number): ErrorReply {
  if ((gates & GATE_SAVE_FAILED) !== 0) return SCRIPT_SAVE_FAILED;
  return (gates & GATE_JOURNAL_FULL) !== 0 ? SCRIPT_DISK_FULL : SCRIPT_DISK_FAILED;
}
