/**
 * The control block: what all threads of the process share besides the data. One SharedArrayBuffer:
 *
 *   bytes 0..255       process words (Int32, WORD_*)
 *   bytes 256..767     process doubles (Float64, VALUE_*; the two ids are 64-bit integers)
 *   bytes 768..4863    names of error codes seen, ERROR_NAMES entries of 32 bytes, zero padded
 *   then per thread    counters | errors by name | per command: calls, time, rejected, failed |
 *                      histograms of the commands' times
 *
 * A thread writes only its own section, with plain stores, as nobody else does; readers add the
 * sections up. A reader may see a value one command old, which is all that statistics need. The
 * process words that several threads change are changed by the atomic functions below.
 */
import { lockBlocking, unlock } from './lock.js';

/** Pages of shard memory in use: Space counts them. */
export const WORD_USED_PAGES = 0;
/** maxmemory in pages, 0 = no limit. */
export const WORD_MAXMEMORY_PAGES = 1;
export const WORD_CONNECTED_CLIENTS = 2;
/** CLIENT PAUSE: 0 none, 1 writes, 2 everything, until VALUE_PAUSE_END_MS. */
export const WORD_PAUSE_MODE = 3;
/** What SHUTDOWN asked for, as bits; 0 = nothing. */
export const WORD_SHUTDOWN_REQUEST = 4;
export const WORD_REPLICA_FLAGS = 5;
/** How many error names have been given an index; a name is complete before this counts it. */
const WORD_ERROR_COUNT = 6;
const WORD_ERROR_LOCK = 7;
/** DEBUG SET-ACTIVE-EXPIRE 0 sets it to 1. */
export const WORD_EXPIRY_CYCLE_OFF = 8;
export const WORD_PEAK_PAGES = 9;
export const WORD_BLOCKED_CLIENTS = 10;
export const WORD_LOADING = 11;
/** Counts turns that wrote to the journal while a flow slept; and how many flows sleep. */
const WORD_JOURNAL_WRITES = 12;
const WORD_JOURNAL_SLEEPERS = 13;
/** Questions to all threads under way, and messages under way that such a question must not miss. */
const WORD_QUESTIONS = 14;
const WORD_CARRIED = 15;
/** First of the words that count what was sent to each thread (see `announce`). */
const WORD_MAIL = 16;
const PROCESS_WORDS = 64;
/** Threads that can take part: those with a word for their mail. */
export const THREADS_MAX = PROCESS_WORDS - WORD_MAIL;

const ID_CLIENT = 0;
const ID_SLOW_LOG = 1;
export const VALUE_PAUSE_END_MS = 2;
export const VALUE_STARTED_MS = 3;
/** Rates over the last 1.6 seconds, written by the main thread. */
export const VALUE_COMMANDS_PER_SECOND = 4;
export const VALUE_INPUT_KIB_PER_SECOND = 5;
export const VALUE_OUTPUT_KIB_PER_SECOND = 6;
export const VALUE_REPLICATION_INPUT_KIB_PER_SECOND = 7;
export const VALUE_REPLICATION_OUTPUT_KIB_PER_SECOND = 8;
/** COUNTER_CHANGES' sum when the dataset was last saved. */
export const VALUE_CHANGES_SAVED = 9;
/** Resident bytes of the process when it was ready and held no data. */
export const VALUE_STARTUP_BYTES = 10;
const PROCESS_VALUES = 64;

export const COUNTER_COMMANDS = 0;
export const COUNTER_CONNECTIONS = 1;
export const COUNTER_REJECTED_CONNECTIONS = 2;
export const COUNTER_INPUT_BYTES = 3;
export const COUNTER_OUTPUT_BYTES = 4;
export const COUNTER_REPLICATION_INPUT_BYTES = 5;
export const COUNTER_REPLICATION_OUTPUT_BYTES = 6;
export const COUNTER_HITS = 7;
export const COUNTER_MISSES = 8;
export const COUNTER_EXPIRED = 9;
export const COUNTER_ERROR_REPLIES = 10;
export const COUNTER_READS = 11;
export const COUNTER_WRITES = 12;
export const COUNTER_FULL_SYNCS = 13;
export const COUNTER_PARTIAL_SYNCS = 14;
export const COUNTER_PARTIAL_SYNCS_REFUSED = 15;
/** Milliseconds spent looking for expired keys. */
export const COUNTER_EXPIRY_CYCLE_MS = 16;
/** How often that took all the time it may. */
export const COUNTER_EXPIRY_TIMEOUTS = 17;
/** Writes that waited for the sake of a replica, and those of them that waited in vain. */
export const COUNTER_WRITES_PUT_OFF = 18;
export const COUNTER_WRITES_OVERRULED = 19;
/** Counters from here on outlive CONFIG RESETSTAT. */
const COUNTER_LASTING = 48;
/** Changes to the dataset. */
export const COUNTER_CHANGES = 48;
const COUNTERS = 64;

const ERROR_NAMES = 128;
const ERROR_NAME_BYTES = 32;

/**
 * A histogram's buckets: eight to an octave of nanoseconds, up to 2^30 ns (about a second); what
 * took longer is in the last one.
 */
const BUCKETS_PER_OCTAVE = 8;
const OCTAVES_MAX = 30;
export const HISTOGRAM_BUCKETS = (OCTAVES_MAX - 2) * BUCKETS_PER_OCTAVE + BUCKETS_PER_OCTAVE;

const ERRORS_OFFSET = PROCESS_WORDS * 4 + PROCESS_VALUES * 8;
const SECTIONS_OFFSET = ERRORS_OFFSET + ERROR_NAMES * ERROR_NAME_BYTES;

function sectionBytes(commands: number): number {
  const doubles = COUNTERS + ERROR_NAMES + 4 * commands;
  return (doubles * 8 + commands * HISTOGRAM_BUCKETS * 4 + 63) & ~63;
}

/** Bytes of a control block. */
export function controlBytes(threads: number, commands: number): number {
  return SECTIONS_OFFSET + threads * sectionBytes(commands);
}

/** The histogram bucket of a time. */
export function bucketOf(nanoseconds: number): number {
  if (nanoseconds < BUCKETS_PER_OCTAVE) return nanoseconds < 0 ? 0 : nanoseconds | 0;
  if (nanoseconds >= 0x4000_0000) return HISTOGRAM_BUCKETS - 1;
  const whole = nanoseconds | 0;
  const octave = 31 - Math.clz32(whole);
  return (octave - 2) * BUCKETS_PER_OCTAVE + ((whole >>> (octave - 3)) & 7);
}

/** The greatest whole number of nanoseconds that falls into a bucket. */
export function bucketEndNanoseconds(bucket: number): number {
  if (bucket < BUCKETS_PER_OCTAVE) return bucket;
  const octave = Math.floor(bucket / BUCKETS_PER_OCTAVE) + 2;
  return 2 ** (octave - 3) * (BUCKETS_PER_OCTAVE + (bucket % BUCKETS_PER_OCTAVE) + 1) - 1;
}

/** One thread's section. Its owner changes the arrays directly. */
export class ThreadStatistics {
  readonly counters: Float64Array;
  /** By the index that `ControlBlock.errorIndex` gives a name. */
  readonly errors: Float64Array;
  /** By the index of a command in the registry, as are the next three. */
  readonly calls: Float64Array;
  readonly microseconds: Float64Array;
  readonly rejected: Float64Array;
  readonly failed: Float64Array;
  /** HISTOGRAM_BUCKETS counts for each command. */
  readonly histograms: Uint32Array;

  constructor(buffer: SharedArrayBuffer, offset: number, commands: number) {
    let at = offset;
    const doubles = (count: number): Float64Array => {
      const array = new Float64Array(buffer, at, count);
      at += count * 8;
      return array;
    };
    this.counters = doubles(COUNTERS);
    this.errors = doubles(ERROR_NAMES);
    this.calls = doubles(commands);
    this.microseconds = doubles(commands);
    this.rejected = doubles(commands);
    this.failed = doubles(commands);
    this.histograms = new Uint32Array(buffer, at, commands * HISTOGRAM_BUCKETS);
  }

  /** `count` runs of a command took `microseconds` together. Owner only. */
  commandEnded(command: number, microseconds: number, count: number): void {
    this.calls[command]! += count;
    this.microseconds[command]! += microseconds;
    const bucket = bucketOf((microseconds * 1000) / count);
    this.histograms[command * HISTOGRAM_BUCKETS + bucket]! += count;
  }

  /** CONFIG RESETSTAT. Owner only. */
  reset(): void {
    this.counters.fill(0, 0, COUNTER_LASTING);
    this.errors.fill(0);
    for (let command = 0; command < this.calls.length; command++) {
      // Rows never used are left alone: a page never touched costs no memory.
      if (this.calls[command] === 0) continue;
      const from = command * HISTOGRAM_BUCKETS;
      this.histograms.fill(0, from, from + HISTOGRAM_BUCKETS);
    }
    this.calls.fill(0);
    this.microseconds.fill(0);
    this.rejected.fill(0);
    this.failed.fill(0);
  }
}

/** The block as one thread sees it. Every thread makes its own over the same buffer. */
export class ControlBlock {
  /** The process words. `words[WORD_USED_PAGES]` is what Space counts in. */
  readonly words: Int32Array;
  readonly values: Float64Array;
  readonly threads: readonly ThreadStatistics[];
  private readonly ids: BigInt64Array;
  private readonly errorNames: Uint8Array;
  private readonly knownErrors = new Map<string, number>();

  /**
   * @param buffer controlBytes(threads, commands) bytes, zero at first
   * @param commands how many the registry holds, subcommands included
   */
  constructor(
    readonly buffer: SharedArrayBuffer,
    threads: number,
    readonly commands: number,
  ) {
    this.words = new Int32Array(buffer, 0, PROCESS_WORDS);
    this.values = new Float64Array(buffer, PROCESS_WORDS * 4, PROCESS_VALUES);
    this.ids = new BigInt64Array(buffer, PROCESS_WORDS * 4, 2);
    this.errorNames = new Uint8Array(buffer, ERRORS_OFFSET, ERROR_NAMES * ERROR_NAME_BYTES);
    const bytes = sectionBytes(commands);
    this.threads = Array.from(
      { length: threads },
      (_, thread) => new ThreadStatistics(buffer, SECTIONS_OFFSET + thread * bytes, commands),
    );
  }

  static create(threads: number, commands: number): ControlBlock {
    if (threads > THREADS_MAX) throw new Error(`at most ${THREADS_MAX} threads can take part`);
    const buffer = new SharedArrayBuffer(controlBytes(threads, commands));
    return new ControlBlock(buffer, threads, commands);
  }

  /** A counter over all threads. */
  sum(counter: number): number {
    let sum = 0;
    for (const thread of this.threads) sum += thread.counters[counter]!;
    return sum;
  }

  sumErrors(error: number): number {
    let sum = 0;
    for (const thread of this.threads) sum += thread.errors[error]!;
    return sum;
  }

  sumOfCommand(kind: 'calls' | 'microseconds' | 'rejected' | 'failed', command: number): number {
    let sum = 0;
    for (const thread of this.threads) sum += thread[kind][command]!;
    return sum;
  }

  /** A command's histogram over all threads. */
  histogram(command: number): Float64Array {
    const buckets = new Float64Array(HISTOGRAM_BUCKETS);
    const from = command * HISTOGRAM_BUCKETS;
    for (const { histograms } of this.threads) {
      for (let i = 0; i < HISTOGRAM_BUCKETS; i++) buckets[i]! += histograms[from + i]!;
    }
    return buckets;
  }

  // The additions are atomic as threads draw from the same word: no id is given out twice.

  nextClientId(): number {
    return Number(Atomics.add(this.ids, ID_CLIENT, 1n)) + 1;
  }

  nextSlowLogId(): number {
    return Number(Atomics.add(this.ids, ID_SLOW_LOG, 1n));
  }

  /** Adds to a process word that several threads change. @returns the new value */
  add(word: number, delta: number): number {
    return Atomics.add(this.words, word, delta) + delta;
  }

  load(word: number): number {
    return Atomics.load(this.words, word);
  }

  /** What was written before is visible to who loads the word. */
  store(word: number, value: number): void {
    Atomics.store(this.words, word, value);
  }

  /** Pauses commands (mode 1: writes, 2: all), which only ever extends and widens a pause. */
  pause(mode: number, endMs: number, nowMs: number): void {
    const running = this.pauseMode(nowMs);
    if (running === 0 || this.values[VALUE_PAUSE_END_MS]! < endMs) {
      this.values[VALUE_PAUSE_END_MS] = endMs;
    }
    this.store(WORD_PAUSE_MODE, Math.max(running, mode));
  }

  unpause(): void {
    this.store(WORD_PAUSE_MODE, 0);
  }

  /** Cheap enough to ask before every command: one load while nothing is paused. */
  pauseMode(nowMs: number): number {
    const mode = Atomics.load(this.words, WORD_PAUSE_MODE);
    return mode !== 0 && this.values[VALUE_PAUSE_END_MS]! > nowMs ? mode : 0;
  }

  /** Keeps the highest use of memory seen. Any thread: a lost race costs one sample. */
  notePeak(): number {
    const used = Atomics.load(this.words, WORD_USED_PAGES);
    const peak = Math.max(used, Atomics.load(this.words, WORD_PEAK_PAGES));
    Atomics.store(this.words, WORD_PEAK_PAGES, peak);
    return peak;
  }

  /**
   * The index under which errors with this code ('ERR', 'WRONGTYPE') are counted; -1 when the
   * table of names is full, as it can become since scripts and modules make up names.
   */
  errorIndex(name: string): number {
    const known = this.knownErrors.get(name);
    if (known !== undefined) return known;
    const short = name.slice(0, ERROR_NAME_BYTES);
    lockBlocking(this.words, WORD_ERROR_LOCK, 1);
    let index = this.errorList().indexOf(short);
    if (index < 0) index = this.addErrorName(short);
    unlock(this.words, WORD_ERROR_LOCK);
    if (index >= 0) this.knownErrors.set(name, index);
    return index;
  }

  private addErrorName(name: string): number {
    const index = this.load(WORD_ERROR_COUNT);
    if (index === ERROR_NAMES) return -1;
    for (let i = 0; i < name.length; i++) {
      this.errorNames[index * ERROR_NAME_BYTES + i] = name.charCodeAt(i);
    }
    this.store(WORD_ERROR_COUNT, index + 1);
    return index;
  }

  /** The names of error codes seen so far, by index. */
  errorList(): string[] {
    const names: string[] = [];
    for (let index = 0; index < this.load(WORD_ERROR_COUNT); index++) {
      const from = index * ERROR_NAME_BYTES;
      const bytes = this.errorNames.slice(from, from + ERROR_NAME_BYTES);
      names.push(Buffer.from(bytes).toString('latin1').replace(/\0+$/, ''));
    }
    return names;
  }

  /** Tells a thread that waits in `awaitMail` that there is a message for it. */
  announce(thread: number): void {
    Atomics.add(this.words, WORD_MAIL + thread, 1);
    Atomics.notify(this.words, WORD_MAIL + thread);
  }

  /** How many announcements a thread has had: to be read before looking for messages. */
  mailCount(thread: number): number {
    return Atomics.load(this.words, WORD_MAIL + thread);
  }

  /** Sleeps until the thread has had more than `seen` announcements, or the time is up. */
  awaitMail(thread: number, seen: number, timeoutMs: number): void {
    Atomics.wait(this.words, WORD_MAIL + thread, seen, timeoutMs);
  }

  // A question to all threads and something that passes from one thread's state to another's (a
  // client that moves) exclude each other: otherwise the answers may have it twice, or not at all.
  // Each side announces itself before it looks at the other, so at least one of them sees the other.

  /** Keeps new `carry`s from beginning; those under way are counted by `carried`. */
  beginQuestion(): void {
    Atomics.add(this.words, WORD_QUESTIONS, 1);
  }

  endQuestion(): void {
    Atomics.sub(this.words, WORD_QUESTIONS, 1);
  }

  /** @returns whether something may pass to another thread now, which then says `arrived` */
  carry(): boolean {
    Atomics.add(this.words, WORD_CARRIED, 1);
    if (Atomics.load(this.words, WORD_QUESTIONS) === 0) return true;
    this.arrived();
    return false;
  }

  arrived(): void {
    Atomics.sub(this.words, WORD_CARRIED, 1);
  }

  /** How much is on its way between threads. */
  get carried(): number {
    return Atomics.load(this.words, WORD_CARRIED);
  }

  /** Something was appended to a journal in this turn: wakes the flows that sleep. Any thread. */
  journalWritten(): void {
    // A flow says that it sleeps before it looks at the journal a last time: so either it sees what
    // was appended before this load, or this load sees it.
    if (Atomics.load(this.words, WORD_JOURNAL_SLEEPERS) === 0) return;
    Atomics.add(this.words, WORD_JOURNAL_WRITES, 1);
    Atomics.notify(this.words, WORD_JOURNAL_WRITES);
  }

  /**
   * Sleeps until the next `journalWritten`, or until the time is up; not at all unless `isIdle` says,
   * after it was announced, that there is nothing to do. The thread's other work goes on.
   */
  async sleepUntilWritten(isIdle: () => boolean, timeoutMs: number): Promise<void> {
    const seen = Atomics.load(this.words, WORD_JOURNAL_WRITES);
    Atomics.add(this.words, WORD_JOURNAL_SLEEPERS, 1);
    try {
      if (isIdle()) await waitAsync(this.words, WORD_JOURNAL_WRITES, seen, timeoutMs);
    } finally {
      Atomics.sub(this.words, WORD_JOURNAL_SLEEPERS, 1);
    }
  }
}

interface WaitAsync {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
    timeoutMs: number,
  ): { readonly value: unknown };
}

/** Atomics.waitAsync of ES2024, which Node.js has had since 16. */
async function waitAsync(
  words: Int32Array,
  index: number,
  value: number,
  timeoutMs: number,
): Promise<void> {
  await (Atomics as unknown as WaitAsync).waitAsync(words, index, value, timeoutMs).value;
}
