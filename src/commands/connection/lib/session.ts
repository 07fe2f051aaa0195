/** What AUTH, HELLO and CLIENT do alike: passwords and names. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CLIENT_NAME, type ErrorReply, WRONG_PASS } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';

/** The one user there is. */
export const DEFAULT_USER = 'default';

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text, 'latin1').digest());
}

/**
 * Whether the user may log in with this password. Without requirepass any will do. Digests are
 * compared, in constant time, so that an answer's time tells nothing about the password.
 */
export function authenticate(context: Context, user: string, password: string): ErrorReply | null {
  const wanted = context.server.configuration.value('requirepass');
  const right = wanted === '' || timingSafeEqual(digest(wanted), digest(password));
  if (user !== DEFAULT_USER || !right) return WRONG_PASS;
  context.session.authenticated = true;
  context.session.user = user;
  return null;
}

/** Printable ASCII without blanks: CLIENT LIST separates fields by blanks. */
export function isPlainWord(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

export function setName(context: Context, name: string): ErrorReply | null {
  if (!isPlainWord(name)) return CLIENT_NAME;
  context.session.name = name;
  return null;
}
