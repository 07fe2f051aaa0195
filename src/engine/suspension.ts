/**
 * Suspended commands: a client whose command waits for something, and the way its reply gets to it
 * later. Each wait has a number, so that a late `resume` of an older one does nothing.
 */
import type { Context, Suspension } from '../commands/contract/context.js';
import type { ClientSession } from './session.js';

export type Cancellation = 'closed' | 'unblock' | 'unblock-error';

/**
 * Lets the session wait.
 *
 * @param resumed called when it can go on, with what writes its reply in a context that shows it
 */
export function suspendSession(
  session: ClientSession,
  cancelled: (reason: Cancellation) => void,
  resumed: (session: ClientSession, write: (context: Context) => void) => void,
): Suspension {
  session.suspended = true;
  session.cancelSuspension = cancelled;
  const number = ++session.suspensions;
  let isOver = false;
  return {
    resume(write) {
      if (isOver || !session.suspended || session.suspensions !== number) return;
      isOver = true;
      session.cancelSuspension = null;
      // Until its reply is written it stays suspended: what it sends meanwhile stands behind that.
      resumed(session, (context) => {
        session.suspended = false;
        write(context);
      });
    },
  };
}
