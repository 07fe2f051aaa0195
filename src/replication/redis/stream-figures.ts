/**
 * Figures of the merged stream of one history, in shared memory: the thread that makes the stream writes
 * them, INFO reads them, and the main thread ends the stream before the journals get another history.
 *
 *   0      i32  1: the history is over, nothing more is emitted
 *   4      i32  rule: what this server's role lets the stream do, see below
 *   8      f64  offset of the end of the stream
 *   16     f64  oldest offset from which a replica can go on
 *   24     f64  changes when a Darter has got a full sync: it knows no mark before, and needs a full one
 */
/** A primary without Darters behind it: the stream has marks if it had some. */
export const RULE_FREE = 0;
/** A primary with Darters behind it, which are told how the stream is made. */
export const RULE_MARKED = 1;
/** A takeover is under way, or this is a replica: nothing is told that an heir does not know. */
export const RULE_HELD = 2;
/** The server ends: replicas get all there is, the journals nothing more. */
export const RULE_ENDING = 3;
export type StreamRule =
  | typeof RULE_FREE
  | typeof RULE_MARKED
  | typeof RULE_HELD
  | typeof RULE_ENDING;

/**
 * @param writes whether this server is a primary that accepts writes
 * @param darters that follow it
 */
export function streamRule(ends: boolean, writes: boolean, darters: number): StreamRule {
  if (ends) return RULE_ENDING;
  if (!writes) return RULE_HELD;
  return darters > 0 ? RULE_MARKED : RULE_FREE;
}

const ENDED = 0;
const RULE = 1;
const END_VALUE = 1;
const START_VALUE = 2;
const DARTERS_VALUE = 3;

export class MergedStreamFigures {
  private readonly words: Int32Array;
  private readonly values: Float64Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, 2);
    this.values = new Float64Array(buffer);
  }

  static create(): SharedArrayBuffer {
    return new SharedArrayBuffer(32);
  }

  /** Written and read under the locks of the streams, or before these change. */
  get ended(): boolean {
    return this.words[ENDED] !== 0;
  }

  finish(): void {
    this.words[ENDED] = 1;
  }

  /** Written under the lock of the stream without keys. */
  get rule(): StreamRule {
    return this.words[RULE] as StreamRule;
  }

  set rule(rule: StreamRule) {
    this.words[RULE] = rule;
  }

  get darters(): number {
    return this.values[DARTERS_VALUE]!;
  }

  set darters(count: number) {
    this.values[DARTERS_VALUE] = count;
  }

  get end(): number {
    return this.values[END_VALUE]!;
  }

  get start(): number {
    return this.values[START_VALUE]!;
  }

  set(start: number, end: number): void {
    this.values[START_VALUE] = start;
    this.values[END_VALUE] = end;
  }
}
