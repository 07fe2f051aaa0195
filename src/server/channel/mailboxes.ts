/**
 * The process's mailboxes (memory/mailbox.ts): I/O threads receive, every thread may send.
 *
 * Numbers of senders are the numbers of threads, which are owner numbers of locks less one: the I/O
 * threads from 0, the main thread, one that is not used, the flow threads that serve and those that
 * follow.
 */
import { Claims } from '../../memory/claims.js';
import { Mailbox } from '../../memory/mailbox.js';
import { wakeTransport } from '../../platform/wake.js';
import { FLOW_THREADS_MAX } from './main-flow.js';

/** How soon a sender that nobody wakes tries again what found no room. */
const RETRY_MS = 1;

export interface MailboxMemory {
  readonly buffer: SharedArrayBuffer;
  /** Of Claims: who ends the wait of a client. */
  readonly claims: SharedArrayBuffer;
  readonly receivers: number;
  readonly senders: number;
  /** By I/O thread: the number that wakes its transport, 0 before it has one. */
  readonly wakers: Int32Array;
}

export function createMailboxes(ioThreads: number, wakers: Int32Array): MailboxMemory {
  const senders = ioThreads + 2 + 2 * Math.min(ioThreads, FLOW_THREADS_MAX);
  const buffer = Mailbox.createBuffer(ioThreads, senders);
  const claims = Claims.createBuffer(ioThreads);
  return { buffer, claims, receivers: ioThreads, senders, wakers };
}

/** @param failed told of exceptions in handlers */
export function openMailbox(
  memory: MailboxMemory,
  thread: number,
  failed: (error: unknown) => void,
): Mailbox {
  const { buffer, receivers, senders, wakers } = memory;
  const wake = (other: number): void => {
    // A thread that is not up yet looks by itself at its start. Others than I/O threads have none.
    const waker = wakers[other];
    if (waker !== undefined && waker !== 0) wakeTransport(waker);
  };
  return new Mailbox({ buffer, receivers, senders, thread, wake, failed });
}

/** For a thread with an event loop, which only sends: it tries until everything has found room. */
export class SendingMailbox {
  readonly mailbox: Mailbox;
  private timer: NodeJS.Timeout | null = null;

  constructor(memory: MailboxMemory, thread: number) {
    this.mailbox = openMailbox(memory, thread, () => {});
  }

  /** What was sent is on its way from here on. */
  flush(): void {
    if (!this.mailbox.flush() || this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.flush();
    }, RETRY_MS);
  }
}
