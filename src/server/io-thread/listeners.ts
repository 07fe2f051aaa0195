/** Where an I/O thread listens, and how many clients it may get at most. */
import { descriptorLimit, raiseDescriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import type { Transport } from '../../platform/transport.js';
import type { DescriptorShare, IoThreadData } from '../channel/main-io.js';
import type { Config } from '../config/config.js';
import { clientsPossible } from '../config/descriptor-budget.js';

/**
 * All threads listen on the same port, each with a queue of its own; thread 0 also on the unix socket.
 * @throws Error of the system, when an address that must be there cannot be bound
 */
export async function listen(
  transport: Transport,
  config: Config,
  data: Pick<IoThreadData, 'thread' | 'threads' | 'descriptors'>,
): Promise<void> {
  const backlog = Number(config.value('tcp-backlog'));
  const singly = data.descriptors.acceptSingly;
  const path = config.value('unixsocket');
  if (path !== '' && data.thread === 0) {
    const mode = Number.parseInt(config.value('unixsocketperm'), 8);
    await transport.listen({ path, mode, backlog, singly });
  }
  const port = Number(config.value('port'));
  if (port === 0) return;
  for (const word of config.value('bind').split(' ')) {
    // '-address' may be missing on this machine.
    const optional = word.startsWith('-');
    const host = optional ? word.slice(1) : word;
    try {
      const reusePort = data.threads > 1;
      await transport.listen({ host, port, backlog, reusePort, singly });
    } catch (error) {
      if (!optional) throw error;
    }
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
