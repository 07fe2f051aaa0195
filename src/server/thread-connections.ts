/** This thread's connections as CLIENT LIST and CLIENT KILL need them. */
import type { Session } from '../commands/contract/session.js';
import type { Dispatcher } from '../engine/dispatch.js';
import type { Registry } from '../engine/registry.js';
import { ClientSession } from '../engine/session.js';
import type { Frontend } from '../net/frontend.js';
import type { ClientDetails, LocalClients } from './clients.js';
import type { Gatherer } from './gather.js';
import type { ThreadClients } from './thread-clients.js';

interface Parts {
  readonly clients: ThreadClients;
  readonly frontend: Frontend;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly gatherer: Gatherer;
}

function own(session: Session): ClientSession {
  if (session instanceof ClientSession) return session;
  throw new Error('a session of another engine');
}

export class ThreadConnections implements LocalClients {
  constructor(private readonly parts: Parts) {}

  get sessions(): Iterable<Session> {
    return this.parts.clients.sessions.values();
  }

  details(session: Session): ClientDetails {
    const client = own(session);
    const { frontend, registry } = this.parts;
    const connection = frontend.connections.get(client.connection);
    return {
      descriptor: client.connection,
      type: client.isReplica ? 'replica' : 'normal',
      lastCommand: registry.all[client.lastCommand]?.fullName ?? '',
      queuedCommands: client.inMulti ? (client.queue?.length ?? 0) : -1,
      queuedBytes: 0,
      watchBroken: false,
      suspended: client.suspended,
      unixSocket: client.address.startsWith('/'),
      channels: 0,
      patterns: 0,
      shardChannels: 0,
      queryBytes: connection?.inputBytes ?? 0,
      queryFreeBytes: 0,
      outputBytes: connection?.outputBytes ?? 0,
    };
  }

  /** The client whose command is asking gets its reply first. */
  close(session: Session): void {
    const { gatherer, dispatcher, frontend } = this.parts;
    const client = own(session);
    if (gatherer.isGathering && dispatcher.session === client) client.closeAfterReply = true;
    else frontend.endSession(client);
  }

  unblock(session: Session, withError: boolean): boolean {
    const cancel = own(session).cancelSuspension;
    if (cancel === null) return false;
    cancel(withError ? 'unblock-error' : 'unblock');
    return true;
  }
}
