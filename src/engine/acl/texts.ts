/** What clients are told about permissions, in Redis 7.0's words. */
import * as errors from '../../protocol/errors.js';
import { DENIED_CHANNEL, DENIED_COMMAND, DENIED_KEY } from './permissions.js';

export const NO_ACL_FILE_TEXT =
  'ERR This Redis instance is not configured to use an ACL file. You may want to specify users via ' +
  'the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis ' +
  'configuration file set) in order to store users in the Redis configuration.';
export const SAVE_FAILED_TEXT =
  'ERR There was an error trying to save the ACLs. Please check the server logs for more information';
export const DEFAULT_USER_STAYS_TEXT = "ERR The 'default' user cannot be removed";
export const USER_NAME_TEXT = "ERR Usernames can't contain spaces or null characters";

/** The error of a command that is denied. */
export function denialText(reason: number, fullName: string): string {
  switch (reason) {
    case DENIED_COMMAND:
      return errors.noPermCommand(fullName).text;
    case DENIED_KEY:
      return errors.NO_PERM_KEY.text;
    case DENIED_CHANNEL:
      return errors.NO_PERM_CHANNEL.text;
    default:
      return 'NOPERM lacking the permissions for the command';
  }
}

/** The error of a queued command that may not run any more. */
export function changedSinceQueuedText(reason: number): string {
  return (
    'NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. ' +
    `This command is no longer allowed for the following reason: ${shortReason(reason)}`
  );
}

/** The error of a command that a script calls. */
export function deniedInScriptText(reason: number): string {
  const denied = "ERR The user executing the script can't";
  switch (reason) {
    case DENIED_COMMAND:
      return `${denied} run this command or subcommand`;
    case DENIED_KEY:
      return `${denied} access at least one of the keys mentioned in the command arguments`;
    default:
      return `${denied} publish to the channel mentioned in the command`;
  }
}

function shortReason(reason: number): string {
  switch (reason) {
    case DENIED_COMMAND:
      return 'no permission to execute the command or subcommand';
    case DENIED_KEY:
      return 'no permission to touch the specified keys';
    default:
      return 'no permission to access one of the channels used as arguments';
  }
}

/** What ACL DRYRUN answers for a command that would be denied; not an error. */
export function dryRunText(reason: number, fullName: string, argument: string): string {
  const denied = 'This user has no permissions to';
  if (reason === DENIED_COMMAND) return `${denied} run the '${fullName}' command`;
  const kind = reason === DENIED_KEY ? 'key' : 'channel';
  return `${denied} access the '${errors.untilNul(argument)}' ${kind}`;
}

export function userNotFoundText(name: string): string {
  return `ERR User '${errors.untilNul(name)}' not found`;
}

export function commandNotFoundText(name: string): string {
  return `ERR Command '${errors.untilNul(name)}' not found`;
}
