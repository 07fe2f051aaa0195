/** A file that is not what was written: which, where, and why. */
export class DamagedFile extends Error {
  constructor(
    readonly path: string,
    readonly offset: number,
    readonly reason: string,
  ) {
    super(`${path} is damaged at offset ${offset}: ${reason}`);
  }
}
