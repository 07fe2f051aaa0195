/**
 * What a configuration declares besides directives: users and new names of commands. Both are checked
 * as they are read, like Redis does, and take effect when the server starts.
 */
import { commandModules } from '../../commands/index.generated.js';
import { DeclaredUsers } from '../../engine/acl/user-file.js';
import { createUserTable } from '../../engine/acl/user-table.js';
import { definitionsOf } from '../../engine/definitions.js';
import { COMMAND_NAME_BYTES_MAX, Registry } from '../../engine/registry.js';
import type { Values } from './values.js';

export class Declarations {
  /** The words of `user` lines. */
  readonly users: (readonly string[])[] = [];
  /** New names of commands by their own; '': nobody can call it. */
  readonly renames = new Map<string, string>();
  /** The original name by the one that clients use; made when it is needed. */
  private names: Map<string, string> | null = null;
  private trial: DeclaredUsers | null = null;

  constructor(private readonly values: Values) {}

  /** @returns what is wrong, or null */
  declareUser(words: readonly string[]): string | null {
    const { values } = this;
    this.trial ??= new DeclaredUsers(
      createUserTable(createRegistry(), {
        get allChannels() {
          return values.get('acl-pubsub-default') === 'allchannels';
        },
      }),
    );
    const error = this.trial.declare(words);
    if (error === null) this.users.push(words);
    return error;
  }

  /** @returns what is wrong, or null */
  rename(from: string, to: string): string | null {
    this.names ??= new Map([...createRegistry().commands.keys()].map((name) => [name, name]));
    const original = this.names.get(from.toLowerCase());
    if (original === undefined) return 'No such command in rename-command';
    const name = to.toLowerCase();
    if (name.length > COMMAND_NAME_BYTES_MAX) {
      return `a command's name may have ${COMMAND_NAME_BYTES_MAX} bytes`;
    }
    this.names.delete(from.toLowerCase());
    if (this.names.has(name)) return 'Target command name already exists';
    if (name !== '') this.names.set(name, original);
    this.renames.set(original, name);
    return null;
  }
}

function createRegistry(): Registry {
  return new Registry(definitionsOf(commandModules));
}
