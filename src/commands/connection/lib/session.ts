/** What HELLO and CLIENT do alike: names of connections. */
import { CLIENT_NAME, type ErrorReply } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';

/** Printable ASCII without blanks: CLIENT LIST separates fields by blanks. */
export function isPlainWord(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

export function setName(context: Context, name: string): ErrorReply | null {
  if (!isPlainWord(name)) return CLIENT_NAME;
  context.session.name = name;
  return null;
}
