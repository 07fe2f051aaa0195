/** MIGRATE on an I/O thread: requests go to the main thread, which talks to the other server. */
import type {
  MigrationOutcome,
  MigrationPort,
  MigrationRequest,
} from '../../commands/contract/migration-port.js';

type Answer = (outcome: MigrationOutcome) => void;

export class ThreadMigrations implements MigrationPort {
  private readonly waiting = new Map<number, Answer>();
  private lastId = 0;

  constructor(private readonly post: (id: number, request: MigrationRequest) => void) {}

  send(request: MigrationRequest, answer: Answer): void {
    const id = ++this.lastId;
    this.waiting.set(id, answer);
    this.post(id, request);
  }

  answered(id: number, outcome: MigrationOutcome): void {
    const answer = this.waiting.get(id);
    this.waiting.delete(id);
    answer?.(outcome);
  }
}
