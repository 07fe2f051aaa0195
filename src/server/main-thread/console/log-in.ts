/**
 * Logging in to the console: the server itself says whether a user and a password are right, by AUTH on the
 * connections that the session will have. So wrong ones stand in ACL LOG under the browser's address.
 *
 * Who needs no password (the user default of a new server) gets in from this machine only, whatever
 * protected-mode says: a page is reached by more than who means to.
 */
import type { IncomingMessage } from 'node:http';
import { type OwnConnection, type OwnServer, openOwnConnection } from './own-connection.js';
import { isError, type Reply } from './reply-reader.js';
import { addressText, isLoopback, RequestError } from './requests.js';
import type { SessionConnections } from './sessions.js';

export const DEFAULT_USER = 'default';
const LOG_IN_TIMEOUT_MS = 10_000;
/** Shown as lib-name in CLIENT LIST. */
const LIBRARY_NAME = 'darter-console';

export interface Credentials {
  /** '' is the default user. */
  readonly user: string;
  /** Null: as redis-cli does without `-a`. */
  readonly password: string | null;
}

export interface LogInParts {
  readonly server: OwnServer;
  /** Whether any password lets this user in. @param user one char per byte */
  readonly needsNoPassword: (user: string) => boolean;
}

/** As the server keeps texts: the bytes of UTF-8, one char each. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** @throws RequestError with the server's words */
export async function logIn(
  parts: LogInParts,
  request: IncomingMessage,
  credentials: Credentials,
): Promise<SessionConnections> {
  const { socket } = request;
  const user = bytesOf(credentials.user === '' ? DEFAULT_USER : credentials.user);
  // Without a password it is the user default that gets in, whatever name is given.
  if (credentials.password === null && user !== DEFAULT_USER) {
    throw new RequestError(400, 'A user with a name needs a password');
  }
  if (!isLoopback(socket.remoteAddress) && parts.needsNoPassword(user)) {
    throw new RequestError(403, 'A user without a password may log in from this machine only');
  }
  const peer = addressText(socket.remoteAddress, socket.remotePort);
  const local = addressText(socket.localAddress, socket.localPort);
  const opened: OwnConnection[] = [];
  const open = async (name: string): Promise<OwnConnection> => {
    const connection = openOwnConnection(parts.server, peer, local);
    opened.push(connection);
    await introduce(connection, user, credentials.password, name);
    return connection;
  };
  try {
    // One after the other: a wrong password counts once.
    const page = await open('console');
    const commandLine = await open('console-command-line');
    // Its user may be gone already.
    if (page.hasEnded) throw new Error('the connection has ended');
    return { page, commandLine };
  } catch (error) {
    for (const connection of opened) connection.end('the log-in failed');
    if (error instanceof RequestError) throw error;
    throw new RequestError(503, error instanceof Error ? error.message : String(error));
  }
}

async function introduce(
  connection: OwnConnection,
  user: string,
  password: string | null,
  name: string,
): Promise<void> {
  const ask = (...words: string[]) => connection.command(words, LOG_IN_TIMEOUT_MS);
  const reply = password === null ? await ask('PING') : await ask('AUTH', user, bytesOf(password));
  const isRefusal = isError(reply) && (password !== null || isNoEntry(reply));
  if (isRefusal) throw new RequestError(statusOf(reply.error), reply.error);
  // Its user may have no right to these: then it has no name.
  await ask('CLIENT', 'SETNAME', name);
  await ask('CLIENT', 'SETINFO', 'LIB-NAME', LIBRARY_NAME);
}

/** PING may be forbidden to somebody who is logged in, and may fail for other reasons. */
function isNoEntry(reply: Reply): boolean {
  return isError(reply) && /^(NOAUTH|DENIED|ERR max number of clients)/.test(reply.error);
}

function statusOf(error: string): number {
  if (/^(WRONGPASS|NOAUTH|ERR AUTH)/.test(error)) return 401;
  return error.startsWith('DENIED') ? 403 : 503;
}
