/** Persistence as an I/O thread sees it: commands ask the main thread, figures are in shared memory. */
import type { Context } from '../../commands/contract/context.js';
import type { PersistencePort } from '../../commands/contract/persistence-port.js';
import type { Answer } from '../../commands/contract/replication-port.js';
import { BLOCKED_CLIENTS } from '../../engine/counters.js';
import type { ControlBlock } from '../../memory/control.js';
import type { PersistenceAnswer, PersistenceRequest } from '../channel/persistence.js';
import { LAST_SAVE_MS, SAVE_STARTED_MS } from '../channel/persistence-figures.js';
import type { DurabilityMark, ThreadDurability } from './durability.js';

/** A client in WAITAOF. */
interface Waiter {
  readonly mark: DurabilityMark;
  readonly untilTime: boolean;
  readonly deadlineMs: number;
  readonly done: (isDurable: boolean) => void;
}

export class ThreadPersistence implements PersistencePort {
  /** Set before clients are served. */
  durability!: ThreadDurability;
  private readonly waiters: Waiter[] = [];
  private lastRequest = 0;
  private readonly answers = new Map<number, Answer>();

  constructor(
    private readonly control: ControlBlock,
    private readonly isOn: () => boolean,
    private readonly ask: (id: number, request: PersistenceRequest) => void,
  ) {}

  get isJournalOn(): boolean {
    return this.isOn();
  }

  isDurable(): boolean {
    return this.isOn() && this.durability.isReached(this.durability.markNow());
  }

  waitDurable(
    untilTime: boolean,
    timeoutMs: number,
    done: (isDurable: boolean) => void,
  ): () => void {
    const deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + timeoutMs;
    const waiter = { mark: this.durability.markNow(), untilTime, deadlineMs, done };
    this.waiters.push(waiter);
    this.control.word(BLOCKED_CLIENTS).add(1);
    return () => this.forget(waiter);
  }

  private forget(waiter: Waiter): void {
    const index = this.waiters.indexOf(waiter);
    if (index < 0) return;
    this.waiters.splice(index, 1);
    this.control.word(BLOCKED_CLIENTS).add(-1);
  }

  /** Once a turn, outside of commands. @returns milliseconds until it wants another turn */
  background(nowMs: number): number {
    if (this.waiters.length === 0) return Number.POSITIVE_INFINITY;
    for (const waiter of [...this.waiters]) {
      const isDurable = this.isOn() && this.durability.isReached(waiter.mark);
      if ((!isDurable || waiter.untilTime) && nowMs < waiter.deadlineMs) continue;
      this.forget(waiter);
      waiter.done(isDurable);
    }
    return this.waiters.length === 0 ? Number.POSITIVE_INFINITY : 1;
  }

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
