/**
 * What an I/O thread knows of the journal's durability: the gate for its replies with appendfsync
 * always, and who waits in WAITAOF.
 *
 * A mark is the vector of all heads at the end of a turn. A write is recovered after a crash when all
 * before it in its stream is on disk, and every transaction there with all its parts. All these were
 * appended before the write was, under the locks of their shards. So they lie below the heads that
 * are read after the write, and it is safe once every stream is durable up to its head.
 */
import type { JournalRing } from '../../journal/ring.js';
import type { JournalSink } from '../../journal/sink.js';
import type { DurableLsns } from '../../memory/durable-lsns.js';
import type { ReplyGate } from '../../net/held-replies.js';

/** All that was written until a moment. */
export interface DurabilityMark {
  readonly heads: Float64Array;
  /** The chain of the journal that they belong to, or one after which they are in the next base. */
  chain: number;
  /** The streams before it are durable. */
  behind: number;
}

export class ThreadDurability implements ReplyGate {
  /** Writes that are not in the sink: libraries of functions. */
  otherWrites = 0;
  private marked = 0;
  private marksReached = 0;
  private readonly open: DurabilityMark[] = [];
  private readonly spare: DurabilityMark[] = [];

  constructor(
    private readonly durable: DurableLsns,
    private readonly rings: readonly JournalRing[],
    private readonly sink: JournalSink,
    private readonly thread: number,
  ) {}

  /** Looks each time: a command of a turn may follow the OK that another thread has sent meanwhile. */
  get isOn(): boolean {
    return this.durable.holdsReplies;
  }

  get writes(): number {
    return this.sink.appended + this.otherWrites;
  }

  /** The number of the system's error for which writes are refused; 0: they are not. */
  get refusal(): number {
    return this.durable.refusal;
  }

  mark(): number {
    this.open.push(this.markNow(this.spare.pop()));
    return ++this.marked;
  }

  /** A mark of this moment. */
  markNow(mark = this.createMark()): DurabilityMark {
    // In this order: if a chain begins in between, they are in its base.
    mark.chain = this.durable.chain;
    mark.behind = 0;
    this.readHeads(mark.heads);
    return mark;
  }

  private createMark(): DurabilityMark {
    return { heads: new Float64Array(this.rings.length), chain: 0, behind: 0 };
  }

  /** Reads how far all streams are written. */
  private readHeads(heads: Float64Array): void {
    for (let stream = 0; stream < heads.length; stream++) {
      heads[stream] = this.rings[stream]!.peekHead();
    }
  }

  reached(): number {
    const { open, durable } = this;
    const isOff = !durable.holdsReplies;
    let done = 0;
    while (done < open.length) {
      const mark = open[done]!;
      if (!isOff && !this.isReached(mark)) break;
      this.spare.push(mark);
      done++;
    }
    if (done > 0) open.splice(0, done);
    this.marksReached += done;
    return this.marksReached;
  }

  /** Whether all that was written until a mark is durable. */
  isReached(mark: DurabilityMark): boolean {
    const { durable } = this;
    if (mark.chain < durable.wholeChain) return true;
    mark.behind = durable.firstBehind(mark.heads, mark.behind);
    return mark.behind === mark.heads.length;
  }

  /** The thread is about to sleep, and wants to be woken when more is durable. */
  awaitMore(): void {
    this.durable.awaitMore(this.thread);
  }
}
