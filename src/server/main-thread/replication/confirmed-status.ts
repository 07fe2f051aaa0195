/** Sends the state of replication to all I/O threads. It is in force when each has confirmed it. */
import type { ReplicationStatus } from '../../channel/replication.js';

interface Confirmation {
  readonly number: number;
  left: number;
  readonly resolve: () => void;
}

export class ConfirmedStatus {
  private lastNumber = 0;
  private confirmations: Confirmation[] = [];

  constructor(
    private readonly threads: number,
    private readonly sendToAll: (number: number, status: ReplicationStatus) => void,
  ) {}

  /** Resolves when every thread has taken it over. */
  send(status: ReplicationStatus): Promise<void> {
    const number = ++this.lastNumber;
    return new Promise((resolve) => {
      this.confirmations.push({ number, left: this.threads, resolve });
      this.sendToAll(number, status);
    });
  }

  /** A thread has taken over the status with this number. */
  taken(number: number): void {
    const waiting = this.confirmations.find((other) => other.number === number);
    if (waiting === undefined || --waiting.left > 0) return;
    this.confirmations = this.confirmations.filter((other) => other !== waiting);
    waiting.resolve();
  }
}
