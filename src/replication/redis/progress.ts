/**
 * Figures of a link to a Redis, in shared memory: written by the thread that follows, read by all for
 * INFO, ROLE and the log. Each is a double of its own; nothing needs two that belong together while
 * the link is there.
 *
 *   0      f64  offset in the primary's stream up to which all is applied
 *   8      f64  offset up to which the stream was received
 *   16     f64  bytes received on this link
 *   24     f64  bytes received of the RDB
 *   32     f64  bytes that the RDB has; -1: not known
 *   40     f64  keys stored from the RDB
 *   48     f64  when bytes came last, in milliseconds since 1970
 *   56     f64  number of the database that the stream writes to
 *   64     f64  1: a change of the stream could not be applied, the data may be wrong
 *   72     f64  index of the last command of the stream in the registry, -1 before the first
 */
import type { RedisHistory } from './handshake.js';

const OFFSET = 0;
const RECEIVED = 1;
const LINK_BYTES = 2;
const RDB_BYTES = 3;
const RDB_TOTAL_BYTES = 4;
const KEYS = 5;
const RECEIVED_MS = 6;
const DATABASE = 7;
const WRONG = 8;
const LAST_COMMAND = 9;
const FIGURES = 10;

export class RedisProgress {
  private readonly figures: Float64Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.figures = new Float64Array(buffer);
  }

  /** For a link that begins here. */
  static create(history: RedisHistory | null): SharedArrayBuffer {
    const progress = new RedisProgress(new SharedArrayBuffer(FIGURES * 8));
    progress.offset = history?.offset ?? 0;
    progress.receivedOffset = progress.offset;
    progress.database = history?.database ?? 0;
    progress.rdbTotalBytes = -1;
    progress.lastCommand = -1;
    return progress.buffer;
  }

  get offset(): number {
    return this.figures[OFFSET]!;
  }

  set offset(offset: number) {
    this.figures[OFFSET] = offset;
  }

  get receivedOffset(): number {
    return this.figures[RECEIVED]!;
  }

  set receivedOffset(offset: number) {
    this.figures[RECEIVED] = offset;
  }

  get linkBytes(): number {
    return this.figures[LINK_BYTES]!;
  }

  set linkBytes(bytes: number) {
    this.figures[LINK_BYTES] = bytes;
  }

  get rdbBytes(): number {
    return this.figures[RDB_BYTES]!;
  }

  set rdbBytes(bytes: number) {
    this.figures[RDB_BYTES] = bytes;
  }

  get rdbTotalBytes(): number {
    return this.figures[RDB_TOTAL_BYTES]!;
  }

  set rdbTotalBytes(bytes: number) {
    this.figures[RDB_TOTAL_BYTES] = bytes;
  }

  get keys(): number {
    return this.figures[KEYS]!;
  }

  set keys(keys: number) {
    this.figures[KEYS] = keys;
  }

  get receivedMs(): number {
    return this.figures[RECEIVED_MS]!;
  }

  set receivedMs(ms: number) {
    this.figures[RECEIVED_MS] = ms;
  }

  get database(): number {
    return this.figures[DATABASE]!;
  }

  set database(database: number) {
    this.figures[DATABASE] = database;
  }

  get lastCommand(): number {
    return this.figures[LAST_COMMAND]!;
  }

  set lastCommand(index: number) {
    this.figures[LAST_COMMAND] = index;
  }

  get isWrong(): boolean {
    return this.figures[WRONG] !== 0;
  }

  /** The data may no longer be the primary's. */
  fail(): void {
    this.figures[WRONG] = 1;
  }
}
