/** Why a rule is refused, in Redis's words. */

export type RuleError =
  | 'unknown'
  | 'syntax'
  | 'all-keys'
  | 'all-channels'
  | 'no-such-password'
  | 'bad-hash'
  | 'duplicate-user'
  | 'first-argument-of-subcommand';

const TEXTS: Readonly<Record<RuleError, string>> = {
  unknown: 'Unknown command or category name in ACL',
  syntax: 'Syntax error',
  'all-keys':
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have " +
    "any effect. Try 'resetkeys' to start with an empty list of patterns",
  'all-channels':
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not " +
    "have any effect. Try 'resetchannels' to start with an empty list of channels",
  'no-such-password': 'The password you are trying to remove from the user does not exist',
  'bad-hash':
    'The password hash must be exactly 64 characters and contain only lowercase hexadecimal ' +
    'characters',
  'duplicate-user': 'Duplicate user found. A user can only be defined once in config files',
  'first-argument-of-subcommand': 'Allowing first-arg of a subcommand is not supported',
};

export function ruleErrorText(error: RuleError): string {
  return TEXTS[error];
}
