/** What is wrong with an RDB file or a DUMP payload, and where. */

export class RdbError extends Error {
  override readonly name = 'RdbError';

  /**
   * @param reason one sentence without its end
   * @param offset bytes from the beginning of the file or payload; -1 when not known yet
   * @param key the key under way, a char per byte; null when there is none
   */
  constructor(
    readonly reason: string,
    readonly offset = -1,
    readonly key: string | null = null,
  ) {
    super(describe(reason, offset, key));
  }

  /** The same error with its place, unless it has one. */
  at(offset: number, key: string | null): RdbError {
    return this.offset >= 0 ? this : new RdbError(this.reason, offset, key);
  }
}

function describe(reason: string, offset: number, key: string | null): string {
  const place = offset < 0 ? '' : `, at offset ${offset}`;
  return `${reason}${place}${key === null ? '' : `, key ${JSON.stringify(key)}`}`;
}
