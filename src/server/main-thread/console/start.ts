/** Puts the console together, from what the main thread has. */
import { applyChange, sharedTextsOf } from '../../../engine/acl/user-changes.js';
import { createUserTable } from '../../../engine/acl/user-table.js';
import type { Registry } from '../../../engine/registry.js';
import type { ControlBlock } from '../../../memory/control.js';
import { SharedChanges } from '../../../memory/shared-changes.js';
import type { Config } from '../../config/config.js';
import { CONSOLE_FOLDER } from '../console-folder.js';
import type { IoThreads } from '../io-threads.js';
import { ConsoleFigures } from './figures.js';
import type { OwnServer } from './own-connection.js';
import { Console, LOG_INS_MAX } from './routes.js';
import { SESSIONS_MAX } from './sessions.js';

/** Its ends of its connections; the others are clients' descriptors. */
export const CONSOLE_DESCRIPTORS = 2 * (SESSIONS_MAX + LOG_INS_MAX);

export interface ConsoleSources {
  readonly config: Config;
  readonly registry: Registry;
  /** Of rename-command: new names in lower case, by the commands' own. */
  readonly renames: ReadonlyMap<string, string>;
  readonly usersBuffer: SharedArrayBuffer;
  readonly control: ControlBlock;
  readonly ioThreads: IoThreads;
  /** By I/O thread: how many connections it serves. */
  readonly connections: Int32Array;
}

export function createConsole(sources: ConsoleSources): Console {
  const { config, control, connections, renames } = sources;
  const ownNames = new Map([...renames].map(([own, name]) => [name, own]));
  const figures = new ConsoleFigures(control, connections);
  return new Console({
    folder: CONSOLE_FOLDER,
    figures: () => figures.read(),
    ownName: (command) => ownNames.get(command.toLowerCase()) ?? command.toLowerCase(),
    port: () => config.number('metrics-port'),
    server: ownServer(sources),
    needsNoPassword: (user) => needsNoPassword(sources, user),
  });
}

function ownServer({ config, ioThreads }: ConsoleSources): OwnServer {
  return {
    takesPairs: () => ioThreads.transport !== 'portable',
    offer: (descriptor) => ioThreads.offer(descriptor),
    address: () => {
      const port = config.number('port');
      if (port === 0) return { path: config.value('unixsocket') };
      const [first = ''] = config.words('bind').map((word) => word.replace(/^-/, ''));
      const isAll = first === '*' || first === '0.0.0.0' || first === '';
      return { host: isAll ? '127.0.0.1' : first === '::*' ? '::1' : first, port };
    },
  };
}

/** Reads all users: only for a log-in from another machine. */
function needsNoPassword({ registry, config, usersBuffer }: ConsoleSources, name: string): boolean {
  const allChannels = config.value('acl-pubsub-default') === 'allchannels';
  const users = createUserTable(registry, { allChannels });
  const changes = new SharedChanges(usersBuffer);
  users.shared = sharedTextsOf(changes, (...change) => applyChange(users, ...change));
  users.shared.catchUp();
  return users.get(name)?.noPassword ?? false;
}
