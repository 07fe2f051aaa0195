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
import { beginWait, type PolledWait, PolledWaits } from './polled-waits.js';

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
  /** So many more clients of this thread wait for replicas. */
  noteWaiting(more: number): void;
}

export class ThreadPersistence implements PersistencePort {
  /** Set before clients are served. */
  durability!: ThreadDurability;
  replicas!: DurableReplicas;
  private readonly waits = new PolledWaits<Waiter>();
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
    wanted: WantedDurability,
    done: (outcome: DurabilityOutcome) => void,
  ): () => DurabilityOutcome {
    const wait = beginWait(wanted.timeoutMs);
    const mark = this.durability.markNow();
    const waiter = { ...wait, mark, cut: this.replicas.newCut(), wanted, done };
    this.waits.add(waiter);
    this.control.word(BLOCKED_CLIENTS).add(1);
    this.noteForReplicas(waiter, 1);
    return () => {
      this.forget(waiter);
      return this.outcomeOf(waiter);
    };
  }

  private forget(waiter: Waiter): void {
    if (!this.waits.delete(waiter)) return;
    this.control.word(BLOCKED_CLIENTS).add(-1);
    this.noteForReplicas(waiter, -1);
  }

  /** What replicas acknowledge wakes this thread. */
  private noteForReplicas({ wanted }: Waiter, more: number): void {
    if (wanted.replicas > 0) this.replicas.noteWaiting(more);
  }

  /** Once a turn, outside of commands. @returns milliseconds until it wants another turn */
  background(nowMs: number): number {
    return this.waits.look(nowMs, true, (waiter) => {
      const outcome = this.outcomeOf(waiter);
      if (nowMs < waiter.deadlineMs && !isReached(outcome, waiter.wanted)) return true;
      this.forget(waiter);
      waiter.done(outcome);
      return false;
    });
  }

  private outcomeOf({ mark, cut, wanted }: Waiter): DurabilityOutcome {
    if (this.replicas.isReplica) return 'replica';
    if (wanted.isLocal && !this.isOn()) return 'no-journal';
    const isLocal = this.isOn() && this.durability.isReached(mark);
    return { isLocal, replicas: this.replicas.countDurableAt(cut) };
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

/** Whether nothing is left to wait for. */
function isReached(outcome: DurabilityOutcome, wanted: WantedDurability): boolean {
  if (typeof outcome === 'string') return true;
  return (outcome.isLocal || !wanted.isLocal) && outcome.replicas >= wanted.replicas;
}
