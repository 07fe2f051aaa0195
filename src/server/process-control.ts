/**
 * SHUTDOWN: an I/O thread asks the main thread, which alone can save and end the process.
 *
 *   I/O thread ── tell 'shutdown' ──▶ main: saves, waits for replicas, stops the threads
 *              ◀─ tell 'shutdown-failed' ── when that came to nothing
 */
import type { ProcessPort, ShutdownRequest } from '../commands/contract/server-port.js';
import type { Session } from '../commands/contract/session.js';
import { type ControlBlock, WORD_EXPIRY_CYCLE_OFF } from '../memory/control.js';
import type { Gatherer } from './gather.js';
import { isLoopback } from './thread-clients.js';

interface ShutdownMessage {
  readonly thread: number;
  readonly request: ShutdownRequest;
}

export class ProcessControl implements ProcessPort {
  /** Those who have asked and not been refused. */
  private waiting: ((text: string) => void)[] = [];

  /** @param mainThread the main thread's number in gathers */
  constructor(
    private readonly thread: number,
    private readonly mainThread: number,
    private readonly gatherer: Gatherer,
    private readonly control: ControlBlock,
  ) {
    gatherer.register('shutdown-failed', (text) => {
      const { waiting } = this;
      this.waiting = [];
      for (const failed of waiting) failed(text);
      return '';
    });
    gatherer.register('shutdown-abort', () => '0');
  }

  shutdown(request: ShutdownRequest, failed: (text: string) => void): void {
    this.waiting.push(failed);
    const message: ShutdownMessage = { thread: this.thread, request };
    this.gatherer.tell(this.mainThread, 'shutdown', JSON.stringify(message));
  }

  abortShutdown(): boolean {
    return this.gatherer.gather('shutdown-abort').includes('1');
  }

  setExpiryCycle(enabled: boolean): void {
    this.control.store(WORD_EXPIRY_CYCLE_OFF, enabled ? 0 : 1);
  }

  isLocal(session: Session): boolean {
    return isLoopback(session.address);
  }
}

export interface ShutdownHooks {
  /** Ends the process; returns only what went wrong. */
  readonly shutdown: (request: ShutdownRequest) => Promise<string>;
  /** Calls it off. False when none is under way. */
  readonly abort: () => boolean;
}

/**
 * What the main thread answers: it serves no clients, and so has nothing to tell of them, but it
 * takes part in every gather.
 */
export function answerInMainThread(gatherer: Gatherer, hooks: ShutdownHooks): void {
  for (const name of ['client-list', 'slowlog-get', 'latency-events', 'latency-reset']) {
    gatherer.register(name, () => '[]');
  }
  for (const name of ['client-kill', 'client-unblock']) gatherer.register(name, () => '0');
  for (const name of ['slowlog-reset', 'statistics-reset']) gatherer.register(name, () => '');
  gatherer.register('shutdown-abort', () => (hooks.abort() ? '1' : '0'));
  gatherer.register('shutdown', (payload) => {
    const { thread, request } = JSON.parse(payload) as ShutdownMessage;
    void hooks.shutdown(request).then((text) => gatherer.tell(thread, 'shutdown-failed', text));
    return '';
  });
}
