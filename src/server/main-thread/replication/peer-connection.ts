/** Asking another Darter: the authentication every connection begins with, and single questions. */
import { shownFromPeer } from '../../../base/peer-text.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import type { Config } from '../../config/config.js';
import { readClientOptions } from '../../config/tls.js';
import { ControlClient, type ControlReply } from './resp-client.js';

/** Of the messages about roles, which the command DARTER checks. */
export const ROLES_VERSION = '1';

export type Ask = (...words: string[]) => Promise<ControlReply>;

/** As `masterauth` and `masteruser` say: a server is the same user on all others. */
export async function authenticate(config: Config, ask: Ask): Promise<void> {
  const password = config.value('masterauth');
  if (password === '') return;
  const user = config.value('masteruser');
  demandOk(await ask('AUTH', ...(user === '' ? [password] : [user, password])));
}

/**
 * With TLS where tls-replication says so: its files are read each time.
 * @throws Error when there is no connection
 */
export function connectControl(
  config: Config,
  address: HostAndPort,
  timeoutMs: number,
): Promise<ControlClient> {
  const tls = readClientOptions((name) => config.value(name));
  const source = config.value('bind-source-addr');
  return ControlClient.connect({ ...address, tls, source }, timeoutMs);
}

/**
 * Asks one question over a connection of its own.
 * @throws Error when there is no connection, or no answer in time
 */
export async function askOnce(
  config: Config,
  { host, port }: HostAndPort,
  words: readonly string[],
  timeoutMs: number,
): Promise<ControlReply> {
  const client = await connectControl(config, { host, port }, timeoutMs);
  try {
    await authenticate(config, (...auth) => client.command(auth, timeoutMs));
    return await client.command(words, timeoutMs);
  } finally {
    client.end('');
  }
}

export function lineOf(reply: ControlReply): string {
  return typeof reply === 'string' ? shownFromPeer(reply) : 'an array';
}

export function demandOk(reply: ControlReply): void {
  if (reply !== '+OK') throw new Error(`the primary answers ${lineOf(reply)}`);
}
