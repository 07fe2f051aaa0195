/** Where an I/O thread listens, and how many clients it may get at most. */
import { descriptorLimit, raiseDescriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import type { Transport } from '../../platform/transport.js';
import type { DescriptorShare, IoThreadData } from '../channel/main-io.js';
import type { Config } from '../config/config.js';
import { clientsPossible } from '../config/descriptor-budget.js';

/**
 * All threads listen on the same port, each with a queue of its own; thread 0 also on the unix socket.
 * @returns the TCP port, 0 without one
 * @throws Error of the system, when an address that must be there cannot be bound
 */
export async function listen(
  transport: Transport,
  config: Config,
  data: Pick<IoThreadData, 'thread' | 'threads' | 'descriptors' | 'anyPort'>,
): Promise<number> {
  const backlog = Number(config.value('tcp-backlog'));
  const singly = data.descriptors.acceptSingly;
  const path = config.value('unixsocket');
  if (path !== '' && data.thread === 0) {
    const mode = Number.parseInt(config.value('unixsocketperm'), 8);
    await transport.listen({ path, mode, backlog, singly });
  }
  const port = config.number('port');
  if (port === 0 && data.anyPort) return listenOnAnyPort(transport, config, data);
  await Promise.all(listenOnTcp(transport, config, data));
  return port;
}

type ListenData = Pick<IoThreadData, 'threads' | 'descriptors'>;

/** The first address has the system's choice, and the others follow. */
async function listenOnAnyPort(
  transport: Transport,
  config: Config,
  data: ListenData,
): Promise<number> {
  let port = 0;
  for (const word of config.words('bind')) {
    port = (await listenAt(transport, config, data, word, port)) ?? port;
  }
  return port;
}

/** All are bound before this returns, but for names that must be looked up (see Transport.listen). */
function listenOnTcp(
  transport: Transport,
  config: Config,
  data: ListenData,
): Promise<number | undefined>[] {
  const port = config.number('port');
  if (port === 0) return [];
  return config.words('bind').map((word) => listenAt(transport, config, data, word, port));
}

/** Resolves to the port; to undefined when the address may be missing on this machine, and is. */
function listenAt(
  transport: Transport,
  config: Config,
  { threads, descriptors }: ListenData,
  word: string,
  port: number,
): Promise<number | undefined> {
  const isOptional = word.startsWith('-');
  const opened = transport.listen({
    ...{ host: isOptional ? word.slice(1) : word, port },
    ...{ backlog: config.number('tcp-backlog'), reusePort: threads > 1 },
    singly: descriptors.acceptSingly,
  });
  return isOptional ? opened.catch(() => undefined) : opened;
}

/** CONFIG SET has changed `port` or `bind`. guard-listeners.ts has tried the new addresses. */
export function listenAnew(
  transport: Transport,
  config: Config,
  data: ListenData,
  warn: (text: string) => void,
): void {
  transport.closeListeners('tcp');
  for (const opened of listenOnTcp(transport, config, data)) {
    opened.catch((error: Error) =>
      warn(`Could not create server TCP listening socket: ${error.message}`),
    );
  }
}

/**
 * What CONFIG SET answers when the system has no descriptors for so many clients; null: it has.
 */
export function whyTooManyClients(
  clients: number,
  { reserved, perClient }: DescriptorShare,
): string | null {
  raiseDescriptorLimit(clients * perClient + reserved);
  const possible = clientsPossible(descriptorLimit(), reserved, perClient);
  if (clients <= possible) return null;
  return `The operating system is not able to handle the specified number of clients, try with ${possible}`;
}
