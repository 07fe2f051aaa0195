/** Sends messages of channels to the threads that have subscribers, through their mailboxes. */
import type { Region } from '../../base/region.js';
import type { Mailbox } from '../../memory/mailbox.js';
import { MAIL_LOST, MAIL_PUBLISHED } from './mail-kinds.js';

export class MessageSender {
  /** By thread: it has been told that messages were lost, and none was sent since. */
  private readonly isTold: boolean[];

  constructor(private readonly mailbox: Mailbox) {
    this.isTold = new Array<boolean>(mailbox.receivers).fill(false);
  }

  /** @param length bytes of the message (engine/pubsub/message.ts) at the region's start */
  send(thread: number, message: Region, length: number): void {
    const { mailbox, isTold } = this;
    if (mailbox.send(thread, MAIL_PUBLISHED, message, 0, length)) {
      isTold[thread] = false;
    } else if (!isTold[thread]) {
      isTold[thread] = true;
      mailbox.sendAlways(thread, MAIL_LOST, message, 0, 0);
    }
  }
}
