/** Joins clients that wait for keys to the mailboxes and the connections of an I/O thread. */
import { REPLY_ON } from '../../commands/contract/session.js';
import { BLOCKING_KEYS } from '../../engine/counters.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import { Serving } from '../../engine/serving.js';
import type { ClientSession } from '../../engine/session.js';
import { Waits } from '../../engine/waits.js';
import { Claims } from '../../memory/claims.js';
import type { ControlBlock } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import type { Frontend } from '../../net/frontend.js';

export interface ThreadWaitsParts {
  readonly thread: number;
  /** Of Claims. */
  readonly claims: SharedArrayBuffer;
  readonly control: ControlBlock;
  readonly mailbox: Mailbox;
  readonly dispatcher: Dispatcher;
  readonly frontend: Frontend<ClientSession>;
}

/** Lets clients wait for keys, and serves those of all threads. */
export function letClientsWait(parts: ThreadWaitsParts): void {
  const { thread, control, mailbox, dispatcher, frontend } = parts;
  const claims = new Claims(parts.claims);
  const shared = { claims, mailbox, blockingKeys: control.word(BLOCKING_KEYS) };
  const serving = new Serving(dispatcher, shared);
  dispatcher.serving = serving;
  dispatcher.waits = new Waits({
    ...shared,
    ...{ thread, dispatcher, serving, control },
    answer: (session, region, offset, length) => {
      // What it gets may be a write of another thread.
      frontend.hold(session);
      if (session.replyMode === REPLY_ON) frontend.push(session, region, offset, length);
      frontend.resume(session, () => {
        session.suspended = false;
        dispatcher.suppressResumed(session);
      });
    },
    resumed: (session, write) =>
      frontend.resume(session, () => {
        dispatcher.session = session;
        write(dispatcher);
        dispatcher.suppressResumed(session);
      }),
  });
}
