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

interface Mark {
  readonly heads: Float64Array;
  /** The streams before it are durable. */
  behind: number;
}

export class ThreadDurability implements ReplyGate {
  isOn = false;
  /** Writes that are not in the sink: libraries of functions. */
  otherWrites = 0;
  private marked = 0;
  private marksReached = 0;
  private readonly open: Mark[] = [];
  private readonly spare: Mark[] = [];

  constructor(
    private readonly durable: DurableLsns,
    private readonly rings: readonly JournalRing[],
    private readonly sink: JournalSink,
    private readonly thread: number,
  ) {}

  /** Once a turn, before its first command. */
  beginTurn(): void {
    this.isOn = this.durable.holdsReplies;
  }

  get writes(): number {
    return this.sink.appended + this.otherWrites;
  }

  /** The number of the system's error for which writes are refused; 0: they are not. */
  get refusal(): number {
    return this.durable.refusal;
  }

  mark(): number {
    const mark = this.spare.pop() ?? { heads: new Float64Array(this.rings.length), behind: 0 };
    this.readHeads(mark.heads);
    mark.behind = 0;
    this.open.push(mark);
    return ++this.marked;
  }

  /** Reads how far all streams are written. */
  readHeads(heads: Float64Array = new Float64Array(this.rings.length)): Float64Array {
    for (let stream = 0; stream < heads.length; stream++) {
      heads[stream] = this.rings[stream]!.peekHead();
    }
    return heads;
  }

  reached(): number {
    const { open, durable } = this;
    const isOff = !durable.holdsReplies;
    let done = 0;
    while (done < open.length) {
      const mark = open[done]!;
      mark.behind = durable.firstBehind(mark.heads, mark.behind);
      if (mark.behind < this.rings.length && !isOff) break;
      this.spare.push(mark);
      done++;
    }
    if (done > 0) open.splice(0, done);
    this.marksReached += done;
    return this.marksReached;
  }

  /** Whether all streams are durable up to these heads. */
  covers(heads: Float64Array): boolean {
    return this.durable.firstBehind(heads, 0) === heads.length;
  }

  /** The thread is about to sleep, and wants to be woken when more is durable. */
  awaitMore(): void {
    this.durable.awaitMore(this.thread);
  }
}
