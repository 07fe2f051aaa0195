/**
 * The control block: what all threads of the process share besides the data. One SharedArrayBuffer:
 *
 *   Int32     signature | error names: count, lock | mail (MAIL_WORDS) | declared words and signals
 *   Float64   declared values
 *   Int64     declared sequences
 *   bytes     names of error codes (error-names.ts)
 *   then per thread, on cache lines of its own: what it counts (thread-statistics.ts)
 *
 * It knows no subject: who needs something here declares it (control-layout.ts). The signature says
 * which declarations and numbers the block was made for: a thread that was started from other code
 * than the process, as after an upgrade in place, refuses it instead of counting in wrong places.
 */
import type { ControlLayout, Counter, Sequence, Signal, Value, Word } from './control-layout.js';
import { ERROR_NAMES_BYTES, ErrorNames } from './error-names.js';
import { HISTOGRAM_BUCKETS } from './histogram.js';
import { MAIL_THREADS_MAX, MAIL_WORDS, Mail } from './mail.js';
import { SharedSignal } from './signal.js';
import { sectionBytes, ThreadStatistics } from './thread-statistics.js';

const SIGNATURE = 0;
const ERROR_COUNT = 1;
const ERROR_LOCK = 2;
const MAIL = 3;
const DECLARED_WORDS = MAIL + MAIL_WORDS;

/** Threads that can take part. */
export const THREADS_MAX = MAIL_THREADS_MAX;

/** A declared word in its place. */
export class SharedWord {
  constructor(
    private readonly words: Int32Array,
    /** In `ControlBlock.words`. */
    readonly index: number,
  ) {}

  load(): number {
    return Atomics.load(this.words, this.index);
  }

  /** What was written before is visible to threads that load the word. */
  store(value: number): void {
    Atomics.store(this.words, this.index, value);
  }

  /** @returns the new value */
  add(delta: number): number {
    return Atomics.add(this.words, this.index, delta) + delta;
  }
}

/** Where each part of a block begins, in bytes. */
function offsets(layout: ControlLayout) {
  const { word, value, sequence } = layout.counts;
  const values = ((DECLARED_WORDS + word) * 4 + 7) & ~7;
  const sequences = values + value * 8;
  const errorNames = sequences + sequence * 8;
  const sections = (errorNames + ERROR_NAMES_BYTES + 63) & ~63;
  return { values, sequences, errorNames, sections };
}

/** The block as one thread sees it. Every thread makes its own over the same buffer. */
export class ControlBlock {
  /** For code that counts in a word directly (Space): `words[control.word(...).index]`. */
  readonly words: Int32Array;
  readonly threads: readonly ThreadStatistics[];
  readonly mail: Mail;
  readonly errorNames: ErrorNames;
  private readonly values: Float64Array;
  private readonly sequences: BigInt64Array;
  private readonly sharedWords = new Map<Word, SharedWord>();

  private constructor(
    readonly buffer: SharedArrayBuffer,
    private readonly layout: ControlLayout,
    threads: number,
    readonly commands: number,
  ) {
    const at = offsets(layout);
    const { word, value, sequence } = layout.counts;
    this.words = new Int32Array(buffer, 0, DECLARED_WORDS + word);
    this.values = new Float64Array(buffer, at.values, value);
    this.sequences = new BigInt64Array(buffer, at.sequences, sequence);
    const names = new Uint8Array(buffer, at.errorNames, ERROR_NAMES_BYTES);
    this.errorNames = new ErrorNames(names, this.words, ERROR_COUNT, ERROR_LOCK);
    this.mail = new Mail(this.words, MAIL);
    const bytes = sectionBytes(layout, commands);
    this.threads = Array.from(
      { length: threads },
      (_, thread) => new ThreadStatistics(buffer, at.sections + thread * bytes, layout, commands),
    );
  }

  /**
   * @param threads how many count
   * @param commands how many the registry holds, subcommands included
   */
  static create(layout: ControlLayout, threads: number, commands: number): ControlBlock {
    if (threads > THREADS_MAX) throw new Error(`at most ${THREADS_MAX} threads can take part`);
    const bytes = offsets(layout).sections + threads * sectionBytes(layout, commands);
    const control = new ControlBlock(new SharedArrayBuffer(bytes), layout, threads, commands);
    control.words[SIGNATURE] = signatureOf(layout, threads, commands);
    return control;
  }

  /** @throws Error when the block was made for another layout, or other numbers */
  static attach(
    buffer: SharedArrayBuffer,
    layout: ControlLayout,
    threads: number,
    commands: number,
  ): ControlBlock {
    const found = new Int32Array(buffer, 0, 1)[SIGNATURE];
    if (found !== signatureOf(layout, threads, commands)) {
      throw new Error('this thread runs other code than the process that it belongs to');
    }
    return new ControlBlock(buffer, layout, threads, commands);
  }

  word(word: Word): SharedWord {
    const known = this.sharedWords.get(word);
    if (known !== undefined) return known;
    const shared = new SharedWord(this.words, DECLARED_WORDS + this.layout.placeOf(word));
    this.sharedWords.set(word, shared);
    return shared;
  }

  signal(signal: Signal): SharedSignal {
    return new SharedSignal(this.words, DECLARED_WORDS + this.layout.placeOf(signal));
  }

  get(value: Value): number {
    return this.values[this.layout.placeOf(value)]!;
  }

  set(value: Value, number: number): void {
    this.values[this.layout.placeOf(value)] = number;
  }

  /** The next number of a sequence, from 0. Atomic: none is given out twice. */
  next(sequence: Sequence): number {
    return Number(Atomics.add(this.sequences, this.layout.placeOf(sequence), 1n));
  }

  /** A counter over all threads. */
  sum(counter: Counter): number {
    let sum = 0;
    for (const thread of this.threads) sum += thread.get(counter);
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
}

/** Never 0, which fresh memory holds. */
function signatureOf(layout: ControlLayout, threads: number, commands: number): number {
  return (layout.signature ^ Math.imul(threads, 0x01000193) ^ Math.imul(commands, 0x85ebca6b)) | 1;
}
