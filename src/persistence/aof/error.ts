/** What is wrong with an append-only file of Redis, or with its manifest, and where. */

export class AofError extends Error {
  override readonly name = 'AofError';

  /** @param place 'offset 17' or 'line 3' */
  constructor(
    readonly reason: string,
    readonly place: string,
  ) {
    super(`${reason}, at ${place}`);
  }
}
