/**
 * Whether a script that runs for too long holds up a change of role. A change waits until every thread
 * has confirmed it, and the thread of an endless script never would. So the command is refused, as in
 * Redis: whoever gives it (an operator, Sentinel) knows that SCRIPT KILL comes first.
 */
import { BUSY, BUSY_FUNCTION, type ErrorReply } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';

export function busyError({ server }: Context): ErrorReply | null {
  const running = server.functions.running();
  if (running === null) return null;
  return running.kind === 'function' ? BUSY_FUNCTION : BUSY;
}
