/** The TYPE option of CLIENT LIST and CLIENT KILL. */

import type { Context } from '../../contract/context.js';
import { errorQuoting } from '../../contract/quote.js';
import type { ClientType } from '../../contract/server-port.js';

const TYPES: Readonly<Record<string, ClientType>> = {
  normal: 'normal',
  master: 'master',
  slave: 'replica',
  replica: 'replica',
  pubsub: 'pubsub',
};

/** Argument `index` as a type of client. Null: an error was written. */
export function clientTypeOf(context: Context, index: number): ClientType | null {
  const name = context.text(index);
  const type = TYPES[name.toLowerCase()];
  if (type !== undefined) return type;
  errorQuoting(context, "ERR Unknown client type '", index, "'");
  return null;
}
