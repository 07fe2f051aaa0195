/** The users that the server starts with: those of the ACL file, or of the configuration file. */
import { resolve } from 'node:path';
import { systemErrorText } from '../../base/system-error.js';
import { allUsersRecords } from '../../engine/acl/user-changes.js';
import { DeclaredUsers, loadUsers } from '../../engine/acl/user-file.js';
import { createUserTable } from '../../engine/acl/user-table.js';
import type { AclUsers } from '../../engine/acl/users.js';
import type { Registry } from '../../engine/registry.js';
import { SharedChanges } from '../../memory/shared-changes.js';
import { USERS_BYTES_MAX } from '../channel/users.js';
import type { Config } from '../config/config.js';
import { ConfigurationError } from '../config/file.js';
import { readTextFile } from '../config/text-file.js';
import type { UsersSummary } from './start-lines.js';

const BOTH =
  'Users are defined in the configuration file and an ACL file is named as well: define either an ' +
  'ACL file or users in the configuration, not both.';

export interface InitialUsers {
  readonly changes: SharedChanges;
  readonly summary: UsersSummary;
}

/**
 * @param declared the words of `user` lines
 * @returns what the threads share of the users, and what the log tells of them
 * @throws ConfigurationError when the server cannot start with them
 */
export function createSharedUsers(
  registry: Registry,
  config: Config,
  declared: readonly (readonly string[])[],
  warn: (text: string) => void,
): InitialUsers {
  const allChannels = config.value('acl-pubsub-default') === 'allchannels';
  const users = createUserTable(registry, { allChannels });
  const password = config.value('requirepass');
  if (password !== '') users.setDefaultPassword(password);
  if (config.value('aclfile') !== '' && declared.length > 0) throw new ConfigurationError(BOTH);
  applyDeclared(users, declared, warn);
  if (config.value('aclfile') !== '') loadFile(users, config);
  const changes = SharedChanges.create(USERS_BYTES_MAX);
  changes.update({
    takeOver: () => {},
    change: () => allUsersRecords(users),
    replaced: () => [],
    whole: () => allUsersRecords(users),
  });
  const { noPassword, enabled } = users.defaultUser;
  return { changes, summary: { count: users.count, isOpen: noPassword && enabled } };
}

function applyDeclared(
  users: AclUsers,
  declared: readonly (readonly string[])[],
  warn: (text: string) => void,
): void {
  const declarations = new DeclaredUsers(users);
  for (const words of declared) declarations.declare(words);
  const error = declarations.apply(warn);
  if (error !== null) throw new ConfigurationError(`Critical error while loading ACLs: ${error}`);
}

function loadFile(users: AclUsers, config: Config): void {
  const path = resolve(config.path('dir'), config.path('aclfile'));
  let error: string | null;
  try {
    error = loadUsers(users, readTextFile(path), config.value('aclfile'));
  } catch (reason) {
    error = `Error loading ACLs, opening file '${config.path('aclfile')}': ${systemErrorText(reason)}`;
  }
  if (error !== null)
    throw new ConfigurationError(`Aborting startup because of ACL errors: ${error}`);
}
