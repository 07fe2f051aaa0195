/** Persistence as an I/O thread sees it: commands ask the main thread, figures are in shared memory. */
import type { Context } from '../../commands/contract/context.js';
import type {
  DurabilityOutcome,
  PersistencePort,
  WantedDurability,
} from '../../commands/contract/persistence-port.js';
import type { Answer } from '../../commands/contract/replication-port.js';
import { BLOCKED_CLIENTS } from '../../engine/counters.js';
import type { ControlBlock } from '../../memory/control.js';
import type { PersistenceAnswer, PersistenceRequest } from '../channel/persistence.js';
import { LAST_SAVE_MS, SAVE_STARTED_MS } from '../channel/persistence-figures.js';
import type { DurabilityMark, ThreadDurability } from './durability.js';
import { beginWait, nextLookMs, type PolledWait } from './polled-waits.js';

/** A client in WAITAOF. */
interface Waiter extends PolledWait {
  readonly mark: DurabilityMark;
  /** Offset of a cut with all that was written. */
  readonly cut: number;
  readonly wanted: WantedDurability;
  readonly done: (outcome: DurabilityOutcome) => void;
}

/** What replicas tell of their disks. */
export interface DurableReplicas {
  readonly isReplica: boolean;
  /** The offset of a cut with all that was written before; replicas are told of it. */
  newCut(): number;
  /** How many have it on disk. */
  countDurableAt(cut: number): number;
}

export class ThreadPersistence implements PersistencePort {
  /** Set before clients are served. */
  durability!: ThreadDurability;
  replicas!: DurableReplicas;
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

  waitDurable(wanted: WantedDurability, done: (outcome: DurabilityOutcome) => void): () => void {
    const wait = beginWait(wanted.timeoutMs);
    const mark = this.durability.markNow();
    const waiter = { ...wait, mark, cut: this.replicas.newCut(), wanted, done };
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
      const outcome = this.outcomeOf(waiter, nowMs);
      if (outcome === null) continue;
      this.forget(waiter);
      waiter.done(outcome);
    }
    return nextLookMs(this.waiters, nowMs);
  }

  /** @returns null while it waits */
  private outcomeOf(
    { mark, cut, wanted, deadlineMs }: Waiter,
    nowMs: number,
  ): DurabilityOutcome | null {
    if (this.replicas.isReplica) return 'replica';
    if (wanted.isLocal && !this.isOn()) return 'no-journal';
    const isLocal = this.isOn() && this.durability.isReached(mark);
    const replicas = this.replicas.countDurableAt(cut);
    const isReached = (isLocal || !wanted.isLocal) && replicas >= wanted.replicas;
    return isReached || nowMs >= deadlineMs ? { isLocal, replicas } : null;
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

  reload(saves: boolean, flushes: boolean, merges: boolean, answer: Answer): void {
    this.request({ kind: 'reload', saves, flushes, merges }, answer);
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
