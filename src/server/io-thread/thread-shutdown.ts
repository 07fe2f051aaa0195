/** SHUTDOWN as an I/O thread sees it: the main thread does it. */
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import type { ControlBlock } from '../../memory/control.js';
import { SHUTDOWN, SHUTDOWN_CALLED_OFF, SHUTDOWN_WAITS } from '../channel/process-figures.js';

export class ThreadShutdown {
  /** Clients that wait for it, by the number of their request. */
  private readonly waiting = new Map<number, (text: string) => void>();
  private asked = 0;

  constructor(
    private readonly control: ControlBlock,
    private readonly ask: (number: number, request: ShutdownRequest) => void,
  ) {}

  begin(request: ShutdownRequest, failed: (text: string) => void): void {
    this.waiting.set(++this.asked, failed);
    this.ask(this.asked, request);
  }

  /** Only while it waits for replicas, as in Redis. False when it does not. */
  abort(): boolean {
    const word = this.control.word(SHUTDOWN);
    if (word.load() !== SHUTDOWN_WAITS) return false;
    word.store(SHUTDOWN_CALLED_OFF);
    return true;
  }

  /** It has come to nothing, for all up to this one: a script may have kept this thread from hearing so. */
  failed(text: string, upTo: number): void {
    for (const [number, told] of this.waiting) {
      if (number > upTo) return;
      this.waiting.delete(number);
      told(text);
    }
  }
}
