/** SHUTDOWN as an I/O thread sees it: the main thread does it. */
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import type { ControlBlock } from '../../memory/control.js';
import { SHUTDOWN, SHUTDOWN_CALLED_OFF, SHUTDOWN_WAITS } from '../channel/process-figures.js';

export class ThreadShutdown {
  /** Clients that wait for it. */
  private waiting: ((text: string) => void)[] = [];

  constructor(
    private readonly control: ControlBlock,
    private readonly ask: (request: ShutdownRequest) => void,
  ) {}

  begin(request: ShutdownRequest, failed: (text: string) => void): void {
    this.waiting.push(failed);
    this.ask(request);
  }

  /** Only while it waits for replicas, as in Redis. False when it does not. */
  abort(): boolean {
    const word = this.control.word(SHUTDOWN);
    if (word.load() !== SHUTDOWN_WAITS) return false;
    word.store(SHUTDOWN_CALLED_OFF);
    return true;
  }

  /** It has come to nothing. */
  failed(text: string): void {
    for (const told of this.waiting.splice(0)) told(text);
  }
}
