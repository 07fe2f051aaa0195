import type { TakeOver } from './handover.js';
import type { Backlog, PartialCommand } from './input.js';
import { Pending, type PendingRegions } from './output.js';
import type { NetSession } from './runner.js';

/** Commands in an arrival of a client that sends pipelines. */
const PIPELINE_MIN = 4;
/** Pipelines in a row on one shard, from which a client is bound to it; random keys do not get there. */
const BOUND_PIPELINES = 4;

/** A client's connection: what is received and not yet run, what is written and not yet sent. */
export class Connection<S extends NetSession> {
  partial: PartialCommand | null = null;
  backlog: Backlog | null = null;
  pending: Pending | null = null;
  /** In the frontend's list of connections whose command must be tried again. */
  retrying = false;
  /** The shard that it last found taken, -1 when there were several. */
  takenShard = -1;
  /**
   * How many more of its arrivals wait for the end of the turn, to be served together with those of
   * others that want that shard.
   */
  gathered = 0;
  /** The turn in which a send was queued last: one a turn. */
  sentTurn = -1;
  /** Where that send is in the turn's list. */
  sendIndex = 0;
  /** It closes as soon as its output is sent, and runs no more input. */
  inputEnded = false;
  /** The turn in which it may be closed: the one after its last send. */
  closeTurn = 0;
  closed = false;
  /** Takes the connection over once the transport has detached it. */
  takeOver: TakeOver | null = null;
  /** How often it found a shard taken, for placement. */
  contended = 0;
  /** The shard that its last pipelines ended with, and how many they were, up to a bound. */
  private pipelinedShard = -1;
  private pipelines = 0;
  /** The turn (as its input counts them) in which it was served last, and what it had of it. */
  servedTurn = -1;
  servedCommands = 0;
  servedBytes = 0;
  servedMicros = 0;
  /** By the clock, since the first commands of that turn; NaN before. A double from the start. */
  servedSinceMs = Number.NaN;
  /** Grows with what is received: how much work the client makes, for placement. */
  activity = 0;
  /** How many pieces of its output wait for writes to be durable, and their bytes. */
  held = 0;
  heldBytes = 0;
  /** When its output first passed the soft limit, 0 = it is below. */
  softLimitSinceMs = 0;

  constructor(
    /** The transport's, NOWHERE while the connection changes threads. */
    public slot: number,
    readonly session: S,
    private readonly regions: PendingRegions,
  ) {}

  /**
   * Notes what was served of it at once.
   * @param shard of its last command, -1 when it had none or several
   */
  noteServed(shard: number, commands: number): void {
    if (shard !== this.pipelinedShard) {
      this.pipelinedShard = shard;
      this.pipelines = 0;
    } else if (commands >= PIPELINE_MIN) {
      if (this.pipelines < 2 * BOUND_PIPELINES) this.pipelines++;
    } else if (this.pipelines > 0) this.pipelines--;
  }

  /**
   * The shard that all of its pipelines are for, -1 when there is none: it is under that shard's lock for
   * much of its time.
   */
  get boundShard(): number {
    return this.pipelines >= BOUND_PIPELINES ? this.pipelinedShard : -1;
  }

  get outputBytes(): number {
    return this.heldBytes + (this.pending === null ? 0 : this.pending.bytes);
  }

  /**
   * What counts for client-query-buffer-limit: received bytes that are no whole argument yet, or
   * whose command has to wait, and what a transaction has queued.
   */
  get queryBytes(): number {
    const { partial, backlog, session } = this;
    let bytes = session.queuedBytes;
    if (backlog !== null) bytes += backlog.length;
    return partial === null ? bytes : bytes + partial.begunBytes;
  }

  get inputBytes(): number {
    return (this.partial?.used ?? 0) + (this.backlog?.length ?? 0);
  }

  pendingQueue(): Pending {
    this.pending ??= new Pending(this.regions);
    return this.pending;
  }
}
