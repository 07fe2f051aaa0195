/**
 * Publish and subscribe on an I/O thread: joins the engine's part to the mailboxes and the clients'
 * connections.
 *
 * A thread may be behind for long (DEBUG SLEEP, one slow command), and a mailbox keeps a bounded number
 * of bytes. What is beyond that is lost. Then the thread closes its subscribers, as it does with
 * readers that are too slow: none of them misses a message without noticing.
 */
import type { Dispatcher } from '../../engine/dispatch.js';
import { SubscriptionDirectory } from '../../engine/pubsub/directory.js';
import { PubSub } from '../../engine/pubsub/pubsub.js';
import type { ClientSession } from '../../engine/session.js';
import type { Region } from '../../base/region.js';
import type { ControlBlock } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import type { Frontend } from '../../net/frontend.js';
import { attachPagedRegion } from '../../platform/ffi/region.js';
import { MAIL_LOST, MAIL_PUBLISHED } from '../channel/mail-kinds.js';

export interface ThreadPubSubParts {
  readonly thread: number;
  readonly threads: number;
  /** Of the SubscriptionDirectory. */
  readonly directory: SharedArrayBuffer;
  readonly control: ControlBlock;
  readonly mailbox: Mailbox;
  readonly frontend: Frontend<ClientSession>;
  readonly dispatcher: Dispatcher;
  /** All clients of the thread. */
  readonly sessions: Iterable<ClientSession>;
  readonly warn: (text: string) => void;
}

export class ThreadPubSub {
  readonly pubsub: PubSub;
  readonly directory: SubscriptionDirectory;
  /** By thread: it has been told that messages were lost, and none was sent since. */
  private readonly isTold: boolean[];

  constructor(private readonly parts: ThreadPubSubParts) {
    const { thread, threads, control, mailbox, frontend, dispatcher } = parts;
    const region = attachPagedRegion(parts.directory);
    this.directory = new SubscriptionDirectory(region, control, thread);
    this.isTold = new Array<boolean>(threads).fill(false);
    this.pubsub = new PubSub({
      thread,
      threads,
      directory: this.directory,
      output: frontend,
      command: dispatcher,
      reply: dispatcher.reply,
      send: (to, message, length) => this.send(to, message, length),
    });
    mailbox.handles(MAIL_PUBLISHED, (message, offset) => this.pubsub.receive(message, offset));
    mailbox.handles(MAIL_LOST, () => this.closeSubscribers());
  }

  private send(thread: number, message: Region, length: number): void {
    const { mailbox } = this.parts;
    const { isTold } = this;
    if (mailbox.send(thread, MAIL_PUBLISHED, message, 0, length)) {
      isTold[thread] = false;
    } else if (!isTold[thread]) {
      isTold[thread] = true;
      mailbox.sendAlways(thread, MAIL_LOST, message, 0, 0);
    }
  }

  private closeSubscribers(): void {
    const { sessions, frontend, warn } = this.parts;
    const subscribed = [...sessions].filter(({ subscriptions }) => subscriptions !== null);
    if (subscribed.length === 0) return;
    warn(`Closing ${subscribed.length} subscribers: this thread was too far behind their messages`);
    for (const session of subscribed) frontend.endSession(session);
  }
}
