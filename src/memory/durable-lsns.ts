/**
 * How far the streams of the journal are on disk, for the threads whose clients wait for that.
 *
 *   0      i32          whether replies to writes wait until these are durable: bits, and version of the
 *                       configuration
 *                         1  appendfsync is always     2  the journal keeps what that says
 *                         4  the disk is late with everysec
 *   4      i32          number of the system's error for which writes are refused, as the journal
 *                       cannot be written; 0: they are not
 *   8      i32          chain of the journal that was begun last: they count from 1 in a process
 *   12     i32          the last chain whose base was whole
 *   16     i32          syncs under way
 *   20     i32          milliseconds of the slowest sync since somebody has asked
 *   24     i32 × 48     by I/O thread: 1 while it waits
 *   216    f64 × stream LSN up to which it is durable; written by the stream's flow thread alone
 *
 * LSNs of different chains have nothing to do with each other. Whatever was written before a chain was
 * begun is in its base: it is durable when that is whole.
 *
 * The configuration's bit is set by the thread that has changed it, before the client has its OK: so
 * whatever is written after that waits. Threads may come to it in another order than they have changed the
 * configuration: the newest version counts.
 *
 * The word of a thread is what keeps a wake-up from being lost. A waiter stores it and then looks at
 * the LSNs a last time; whoever moves LSNs writes them and then takes the words. Both are sequentially
 * consistent: so either the waiter sees the LSN or the writer sees the waiter.
 */
import { MAIL_THREADS_MAX } from './mail.js';

const HOLDS = 0;
const REFUSAL = 1;
const CHAIN = 2;
const WHOLE_CHAIN = 3;
const SYNCS = 4;
const SLOWEST_SYNC_MS = 5;
const WAITERS = 6;
const ALWAYS = 1;
const PROMISED = 2;
const LATE = 4;
const VERSION_SHIFT = 3;
const LSNS_OFFSET = (WAITERS + MAIL_THREADS_MAX) * 4;

export class DurableLsns {
  private readonly words: Int32Array;
  readonly lsns: Float64Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, WAITERS + MAIL_THREADS_MAX);
    this.lsns = new Float64Array(buffer, LSNS_OFFSET);
  }

  static create(streams: number): SharedArrayBuffer {
    return new SharedArrayBuffer(LSNS_OFFSET + streams * 8);
  }

  /** Whether replies to writes wait. Any thread. */
  get holdsReplies(): boolean {
    const holds = Atomics.load(this.words, HOLDS);
    return (holds & (ALWAYS | PROMISED)) === (ALWAYS | PROMISED) || (holds & LATE) !== 0;
  }

  /** What a version of the configuration says of appendfsync always. By each thread that takes it over. */
  configure(isAlways: boolean, version: number): void {
    const { words } = this;
    for (let seen = Atomics.load(words, HOLDS); seen >> VERSION_SHIFT <= version; ) {
      const wanted = (version << VERSION_SHIFT) | (seen & (PROMISED | LATE));
      // Against the main thread, and threads with other versions.
      const before = Atomics.compareExchange(words, HOLDS, seen, wanted | (isAlways ? ALWAYS : 0));
      if (before === seen) break;
      seen = before;
    }
  }

  /** Whether the journal keeps what always promises. */
  get isPromised(): boolean {
    return (Atomics.load(this.words, HOLDS) & PROMISED) !== 0;
  }

  /** By the main thread; who waits is to be woken after it. */
  set isPromised(isPromised: boolean) {
    this.setHold(PROMISED, isPromised);
  }

  /** Whether the disk is late with everysec. */
  get isLate(): boolean {
    return (Atomics.load(this.words, HOLDS) & LATE) !== 0;
  }

  set isLate(isLate: boolean) {
    this.setHold(LATE, isLate);
  }

  /** Other threads may change the other bits meanwhile. */
  private setHold(bit: number, isSet: boolean): void {
    if (isSet) Atomics.or(this.words, HOLDS, bit);
    else Atomics.and(this.words, HOLDS, ~bit);
  }

  /** The number of the error for which writes are refused, 0 when they are not. Any thread. */
  get refusal(): number {
    return Atomics.load(this.words, REFUSAL);
  }

  /** By the main thread. */
  set refusal(errorNumber: number) {
    Atomics.store(this.words, REFUSAL, errorNumber);
  }

  /** The chain that was begun last. Any thread; before the heads are read that belong to it. */
  get chain(): number {
    return Atomics.load(this.words, CHAIN);
  }

  /** The last chain whose base was whole. Any thread. */
  get wholeChain(): number {
    return Atomics.load(this.words, WHOLE_CHAIN);
  }

  /** Whether the LSNs are of the data that is there: the chain has a base. Any thread. */
  get isWhole(): boolean {
    return this.chain === this.wholeChain && this.chain > 0;
  }

  /** A chain begins, or is about to; nothing of it is durable. By the main thread, while no flow writes LSNs. */
  beginChain(): void {
    this.lsns.fill(-1);
    Atomics.add(this.words, CHAIN, 1);
  }

  /** The base of the chain that was begun last is whole. By the main thread. */
  baseWhole(): void {
    Atomics.store(this.words, WHOLE_CHAIN, this.chain);
  }

  /** Syncs under way. Any thread. */
  get syncs(): number {
    return Atomics.load(this.words, SYNCS);
  }

  /** By a flow thread. */
  syncBegins(): void {
    Atomics.add(this.words, SYNCS, 1);
  }

  /** By a flow thread. */
  syncEnds(milliseconds: number): void {
    const { words } = this;
    Atomics.sub(words, SYNCS, 1);
    const whole = Math.min(2 ** 30, Math.floor(milliseconds));
    // Another thread may have noted a slower one meanwhile: that one stays.
    for (let seen = Atomics.load(words, SLOWEST_SYNC_MS); seen < whole; ) {
      const before = Atomics.compareExchange(words, SLOWEST_SYNC_MS, seen, whole);
      if (before === seen) break;
      seen = before;
    }
  }

  /** Milliseconds of the slowest sync since this was called last. By the main thread. */
  takeSlowestSyncMs(): number {
    return Atomics.exchange(this.words, SLOWEST_SYNC_MS, 0);
  }

  /** An I/O thread is about to sleep until more is durable. It looks again after this. */
  awaitMore(thread: number): void {
    Atomics.store(this.words, WAITERS + thread, 1);
  }

  /** Whether the thread waits, and is to be woken: told once. After the LSNs were written. */
  takeWaiter(thread: number): boolean {
    return Atomics.exchange(this.words, WAITERS + thread, 0) !== 0;
  }

  /**
   * The first stream from `from` on that is not durable up to its LSN in `heads`; the number of
   * streams when there is none. What was durable once stays so: a caller goes on from the result.
   */
  firstBehind(heads: Float64Array, from: number): number {
    const { lsns } = this;
    let stream = from;
    while (stream < lsns.length && lsns[stream]! >= heads[stream]!) stream++;
    return stream;
  }
}
