/**
 * The end of a file that several threads write: each claims the place of what it writes next. So threads
 * write at the same time, and nothing overlaps.
 *
 *   0   i64   where the next claim begins, in bytes
 */
export class FileTail {
  private readonly end: BigInt64Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.end = new BigInt64Array(buffer, 0, 1);
  }

  static create(): FileTail {
    return new FileTail(new SharedArrayBuffer(8));
  }

  get bytes(): number {
    return Number(Atomics.load(this.end, 0));
  }

  /** Before anybody claims. */
  begin(bytes: number): void {
    Atomics.store(this.end, 0, BigInt(bytes));
  }

  /**
   * Any thread. The addition is atomic, so that no two claims overlap; it orders nothing else.
   * @returns where the claimed bytes begin
   */
  claim(bytes: number): number {
    return Number(Atomics.add(this.end, 0, BigInt(bytes)));
  }
}
