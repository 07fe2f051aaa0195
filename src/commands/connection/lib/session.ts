/** What HELLO and CLIENT do alike: names of connections. */
import { CLIENT_NAME, ErrorReply } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';

/** Of each name that a client gives: its thread keeps them on its heap, and has many clients. */
export const NAME_BYTES_MAX = 65_536;
export const NAME_TOO_LONG = new ErrorReply(
  `ERR a name that a client gives may have ${NAME_BYTES_MAX} bytes`,
);

/** Printable ASCII without blanks: CLIENT LIST separates fields by blanks. */
export function isPlainWord(text: string): boolean {
  return /^[!-~]*$/.test(text);
}

export function setName(context: Context, name: string): ErrorReply | null {
  if (!isPlainWord(name)) return CLIENT_NAME;
  if (name.length > NAME_BYTES_MAX) return NAME_TOO_LONG;
  context.session.name = name;
  return null;
}
