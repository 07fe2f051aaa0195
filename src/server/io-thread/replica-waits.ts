/**
 * WAIT on an I/O thread: how many replicas have a cut, and the clients that wait until so many have it.
 */
import { BLOCKED_CLIENTS } from '../../engine/counters.js';
import type { NewestCut } from '../../journal/cuts.js';
import type { JournalRing } from '../../journal/ring.js';
import type { ControlBlock, SharedWord } from '../../memory/control.js';
import type { SharedSignal } from '../../memory/signal.js';
import {
  REPLICAS_AWAITED,
  WAITING_FOR_REPLICAS,
  WAITING_OF_THREAD,
} from '../../replication/counters.js';
import {
  SUM_CUT,
  SUM_DURABLE_CUT,
  type SyncSession,
} from '../../replication/primary/sync-session.js';
import { beginWait, type PolledWait, PolledWaits } from './polled-waits.js';

interface Waiter extends PolledWait {
  /** Offset of the cut that replicas must have applied. */
  readonly target: number;
  readonly replicas: number;
  readonly done: (count: number | null) => void;
}

export interface ReplicaWaitsParts {
  readonly thread: number;
  readonly control: ControlBlock;
  readonly rings: readonly JournalRing[];
  readonly cuts: NewestCut;
  readonly journalWritten: SharedSignal;
  readonly replicas: () => readonly { readonly session: SyncSession }[];
}

export class ReplicaWaits {
  private readonly waits = new PolledWaits<Waiter>();
  private readonly blocked: SharedWord;
  private readonly waiting: SharedWord;
  private readonly awaited: SharedSignal;
  /** Offset of the cut that each replica has, -1 before it has all; the greatest first. As seen last. */
  private acknowledged: number[] = [];

  constructor(private readonly parts: ReplicaWaitsParts) {
    this.blocked = parts.control.word(BLOCKED_CLIENTS);
    this.waiting = parts.control.word(WAITING_FOR_REPLICAS);
    this.awaited = parts.control.signal(REPLICAS_AWAITED);
  }

  countAcknowledged(): number {
    return this.countAt(this.newCut());
  }

  countDurable(): number {
    return this.countDurableAt(this.newCut());
  }

  /** The replicas that have a cut on their disk. */
  countDurableAt(target: number): number {
    return this.count(SUM_DURABLE_CUT, target);
  }

  /** The offset of a cut with all that was written before; flows are told to send it. */
  newCut(): number {
    const { cuts, rings, journalWritten } = this.parts;
    const offset = cuts.make(rings, Date.now());
    journalWritten.raise();
    return offset;
  }

  private countAt(target: number): number {
    return this.count(SUM_CUT, target);
  }

  private count(sum: number, target: number): number {
    let count = 0;
    for (const { session } of this.parts.replicas()) {
      if (session.allDone && session.sums[sum]! >= target) count++;
    }
    return count;
  }

  wait(replicas: number, timeoutMs: number, done: (count: number | null) => void): () => number {
    const wait = beginWait(timeoutMs);
    const waiter: Waiter = { ...wait, target: this.newCut(), replicas, done };
    this.waits.add(waiter);
    this.blocked.add(1);
    this.noteWaiting(1);
    // None rests before it has sent the cut; those that carry to a Redis ask it now how far it is.
    this.awaited.raise();
    return () => {
      this.forget(waiter);
      return this.countAt(waiter.target);
    };
  }

  /** A replica cannot tell what its replicas have of what it wrote as a primary. */
  endAll(): void {
    for (const waiter of this.waits.all()) {
      this.forget(waiter);
      const count = this.countAt(waiter.target);
      waiter.done(count >= waiter.replicas ? count : null);
    }
  }

  private forget(waiter: Waiter): void {
    if (!this.waits.delete(waiter)) return;
    this.blocked.add(-1);
    this.noteWaiting(-1);
  }

  /** So many more clients of this thread wait for replicas: what these acknowledge wakes it. */
  noteWaiting(more: number): void {
    const { control, thread } = this.parts;
    this.waiting.add(more);
    control.threads[thread]!.add(WAITING_OF_THREAD, more);
  }

  /** Once a turn. @returns milliseconds until it wants another turn */
  background(nowMs: number): number {
    if (this.waits.size === 0) return Number.POSITIVE_INFINITY;
    const hasNews = this.takeNews();
    const { acknowledged } = this;
    return this.waits.look(nowMs, hasNews, (waiter) => {
      const { replicas, target, deadlineMs } = waiter;
      const isReached = replicas <= acknowledged.length && acknowledged[replicas - 1]! >= target;
      if (!isReached && nowMs < deadlineMs) return true;
      this.forget(waiter);
      waiter.done(acknowledged.filter((offset) => offset >= target).length);
      return false;
    });
  }

  /** @returns whether a replica has come further, or is another one */
  private takeNews(): boolean {
    const before = this.acknowledged;
    this.acknowledged = this.parts
      .replicas()
      .map(({ session }) => (session.allDone ? session.sums[SUM_CUT]! : -1))
      .sort((a, b) => b - a);
    const { acknowledged } = this;
    return (
      acknowledged.length !== before.length ||
      acknowledged.some((offset, i) => offset !== before[i])
    );
  }
}
