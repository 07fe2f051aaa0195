/** What is answered to writes while the data cannot be brought to the disk, by the gates (gates.ts). */
import { ErrorReply, MISCONF } from '../protocol/errors.js';
import { systemErrorText } from '../protocol/system-errors.js';
import { DISK_ERROR_SHIFT, GATE_SAVE_FAILED } from './gates.js';

const SCRIPTS_BLOCKED = "Writable scripts are blocked. Use 'no-writes' flag for read only scripts.";
const SCRIPT_SAVE_FAILED = new ErrorReply(
  "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " +
    `disk. ${SCRIPTS_BLOCKED}`,
);

/** What is answered for one of the system's errors. */
interface JournalRefusals {
  readonly command: ErrorReply;
  readonly script: ErrorReply;
}

/** By the number of the error: as many as were met. */
const journalRefusals = new Map<number, JournalRefusals>();

function refusalsOf(gates: number): JournalRefusals {
  const errorNumber = gates >>> DISK_ERROR_SHIFT;
  const known = journalRefusals.get(errorNumber);
  if (known !== undefined) return known;
  const text = systemErrorText(errorNumber);
  const refusals = {
    command: new ErrorReply(`MISCONF Errors writing to the AOF file: ${text}`),
    script: new ErrorReply(
      "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist " +
        `to disk. ${SCRIPTS_BLOCKED} AOF error: ${text}`,
    ),
  };
  journalRefusals.set(errorNumber, refusals);
  return refusals;
}

/** The error for a command; one of GATES_DISK is set. */
export function diskRefusal(gates: number): ErrorReply {
  return (gates & GATE_SAVE_FAILED) !== 0 ? MISCONF : refusalsOf(gates).command;
}

/** The error for a script whose flags say that it may write. */
export function scriptDiskRefusal(gates: number): ErrorReply {
  return (gates & GATE_SAVE_FAILED) !== 0 ? SCRIPT_SAVE_FAILED : refusalsOf(gates).script;
}
