/** Persistence as an I/O thread sees it: commands ask the main thread, figures are in shared memory. */
import type { Context } from '../../commands/contract/context.js';
import type { PersistencePort } from '../../commands/contract/persistence-port.js';
import type { Answer } from '../../commands/contract/replication-port.js';
import type { ControlBlock } from '../../memory/control.js';
import type { PersistenceAnswer, PersistenceRequest } from '../channel/persistence.js';
import { LAST_SAVE_MS, SAVE_STARTED_MS } from '../channel/persistence-figures.js';

export class ThreadPersistence implements PersistencePort {
  private lastRequest = 0;
  private readonly answers = new Map<number, Answer>();

  constructor(
    private readonly control: ControlBlock,
    private readonly ask: (id: number, request: PersistenceRequest) => void,
  ) {}

  get lastSaveSeconds(): number {
    return Math.floor(this.control.get(LAST_SAVE_MS) / 1000);
  }

  get isSaving(): boolean {
    return this.control.get(SAVE_STARTED_MS) !== 0;
  }

  save(answer: Answer): void {
    this.request({ kind: 'save' }, answer);
  }

  rewriteJournal(answer: Answer): void {
    this.request({ kind: 'rewrite' }, answer);
  }

  saveInBackground(isScheduled: boolean, answer: Answer): void {
    this.request({ kind: 'background-save', isScheduled }, answer);
  }

  private request(request: PersistenceRequest, answer: Answer): void {
    const id = ++this.lastRequest;
    this.answers.set(id, answer);
    this.ask(id, request);
  }

  answered(id: number, text: PersistenceAnswer): void {
    const answer = this.answers.get(id);
    this.answers.delete(id);
    answer?.(({ reply }: Context) => {
      if (text.startsWith('-')) reply.errorText(text.slice(1));
      else reply.simple(text.slice(1));
    });
  }
}
