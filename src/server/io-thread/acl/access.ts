/** What AUTH and the ACL commands ask for, carried out on this thread's users (thread-users.ts). */
import { resolve } from 'node:path';
import { systemErrorText } from '../../../base/system-error.js';
import type {
  AclAnswer,
  AclLogLine,
  AclPort,
  SelectorDescription,
  UserDescription,
} from '../../../commands/contract/acl-port.js';
import type { Session } from '../../../commands/contract/session.js';
import { argumentText } from '../../../engine/acl/access-control.js';
import { FROM_CLIENT, FROM_TRANSACTION } from '../../../engine/acl/acl-log.js';
import { describeChannels, describeCommands, describeKeys } from '../../../engine/acl/describe.js';
import { generatePassword, PASSWORD_BITS_TEXT } from '../../../engine/acl/passwords.js';
import { ALLOWED, DENIED_AUTH } from '../../../engine/acl/permissions.js';
import type { Selector } from '../../../engine/acl/selector.js';
import {
  commandNotFoundText,
  dryRunText,
  NO_ACL_FILE_TEXT,
  SAVE_FAILED_TEXT,
  userNotFoundText,
} from '../../../engine/acl/texts.js';
import { allUsersRecords, deletionRecords, putRecords } from '../../../engine/acl/user-changes.js';
import { loadUsers, saveUsers } from '../../../engine/acl/user-file.js';
import { DEFAULT_USER } from '../../../engine/acl/users.js';
import type { Dispatcher } from '../../../engine/dispatch.js';
import { ClientSession } from '../../../engine/session.js';
import type { ChangeRecord } from '../../../memory/shared-changes.js';
import { type ErrorReply, WRONG_PASS, wrongArity } from '../../../protocol/errors.js';
import type { Config } from '../../config/config.js';
import { readTextFile, replaceTextFile } from '../../config/text-file.js';
import { argumentsOf } from './argument-vector.js';
import type { Denials } from './denials.js';
import type { ThreadUsers } from './thread-users.js';

export interface AccessParts {
  readonly threadUsers: ThreadUsers;
  readonly denials: Denials;
  readonly dispatcher: Dispatcher;
  readonly config: Config;
  readonly warn: (text: string) => void;
}

export class Access implements AclPort {
  constructor(private readonly parts: AccessParts) {}

  private get users() {
    return this.parts.threadUsers.users;
  }

  get isOpen(): boolean {
    return this.parts.threadUsers.isOpen;
  }

  authenticate(session: Session, name: string, password: string): ErrorReply | null {
    const { threadUsers, denials, dispatcher } = this.parts;
    const client = own(session);
    const user = this.users.authenticate(name, password);
    if (user === null) {
      const context = dispatcher.inTransaction ? FROM_TRANSACTION : FROM_CLIENT;
      const object = argumentText(dispatcher.args, 0);
      denials.note(client, DENIED_AUTH, context, object, name);
      return WRONG_PASS;
    }
    threadUsers.login(client, user);
    client.isLoggedIn = true;
    client.authenticated = true;
    return null;
  }

  hasUser(name: string): boolean {
    return this.users.has(name);
  }

  userNames(): readonly string[] {
    return this.users.names();
  }

  userLines(): readonly string[] {
    return this.users.lines('client');
  }

  describe(name: string): UserDescription | null {
    const user = this.users.get(name);
    if (user === undefined) return null;
    const [root, ...selectors] = user.selectors.map((one) => this.describeSelector(one));
    return { flags: user.flagNames(), passwords: user.passwords, root: root!, selectors };
  }

  private describeSelector(selector: Selector): SelectorDescription {
    return {
      commands: describeCommands(this.users.catalog, selector),
      keys: describeKeys(selector),
      channels: describeChannels(selector),
    };
  }

  setUser(name: string, rules: readonly string[]): string | null {
    return this.change(() => this.users.setUser(name, rules) ?? putRecords(this.users, name));
  }

  deleteUsers(names: readonly string[]): AclAnswer<number> {
    let count = 0;
    const error = this.change(() => {
      const deleted = this.users.deleteUsers(names);
      if ('error' in deleted) return deleted.error;
      count = deleted.length;
      return count === 0 ? null : deletionRecords(deleted);
    });
    return error === null ? { answer: count } : { error };
  }

  /** requirepass has another value. @returns the error's text, or null */
  takePassword(): string | null {
    return this.change(() => {
      const { config } = this.parts;
      // Here, as another thread may have changed it once more.
      config.refresh();
      const password = config.value('requirepass');
      this.users.setDefaultPassword(password === '' ? null : password);
      return putRecords(this.users, DEFAULT_USER);
    });
  }

  generatePassword(bits: number): AclAnswer<string> {
    const password = generatePassword(bits);
    return password === null ? { error: PASSWORD_BITS_TEXT } : { answer: password };
  }

  dryRun(name: string, words: readonly string[]): AclAnswer<string> {
    const { registry, access } = this.parts.dispatcher;
    const user = this.users.get(name);
    if (user === undefined) return { error: userNotFoundText(name) };
    const container = registry.commands.get(words[0]!.toLowerCase());
    const isContainer = container?.hasSubcommands === true && words.length > 1;
    const command = isContainer ? container.subcommands.get(words[1]!.toLowerCase()) : container;
    if (command === undefined) return { error: commandNotFoundText(words[0]!) };
    const { fullName } = command;
    if (!command.accepts(words.length)) return { error: wrongArity(fullName).text };
    const args = argumentsOf(words);
    const reason = access.check(this.users.permissionsOf(user), command, args);
    if (reason === ALLOWED) return { answer: 'OK' };
    return { answer: dryRunText(reason, fullName, words[access.deniedArgument]!) };
  }

  membersOf(category: string): readonly string[] | null {
    const { catalog } = this.users;
    const found = catalog.findCategory(category);
    return found === undefined ? null : catalog.membersOf(found);
  }

  log(count: number): readonly AclLogLine[] {
    return this.parts.denials.lines(count);
  }

  resetLog(): void {
    this.parts.denials.reset();
  }

  load(): string | null {
    const path = this.filePath();
    if (path === null) return NO_ACL_FILE_TEXT;
    let text: string;
    try {
      text = readTextFile(path);
    } catch (error) {
      return `ERR Error loading ACLs, opening file '${this.fileName}': ${systemErrorText(error)}`;
    }
    return this.change(() => {
      const error = loadUsers(this.users, text, this.fileName);
      return error === null ? allUsersRecords(this.users) : `ERR ${error}`;
    });
  }

  save(): string | null {
    const path = this.filePath();
    if (path === null) return NO_ACL_FILE_TEXT;
    try {
      replaceTextFile(path, saveUsers(this.users));
      return null;
    } catch (error) {
      this.parts.warn(`Saving the ACL file ${this.fileName}: ${systemErrorText(error)}`);
      return SAVE_FAILED_TEXT;
    }
  }

  private get fileName(): string {
    return this.parts.config.value('aclfile');
  }

  private filePath(): string | null {
    const { config } = this.parts;
    return this.fileName === '' ? null : resolve(config.path('dir'), config.path('aclfile'));
  }

  /** @param edit @returns an error's text, the records of a change, or null when nothing changes */
  private change(edit: () => string | readonly ChangeRecord[] | null): string | null {
    let refused: string | null = null;
    const error = this.parts.threadUsers.change(() => {
      const outcome = edit();
      if (outcome !== null && typeof outcome === 'object') return outcome;
      refused = outcome;
      return null;
    });
    return error ?? refused;
  }
}

function own(session: Session): ClientSession {
  if (session instanceof ClientSession) return session;
  throw new Error('a session of another engine');
}
