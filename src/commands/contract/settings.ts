/**
 * The directives that commands look at while they work on values, as numbers. The thread that serves
 * clients keeps them up to date. Where effects are replayed they stay as they begin: without a limit,
 * as the primary has decided, and an effect says what it decided.
 */
export class CommandSettings {
  /** hll-sparse-max-bytes: a longer sparse HyperLogLog becomes dense. */
  sparseHyperLogLogBytesMax = Number.MAX_SAFE_INTEGER;

  /** @param value gives a directive as CONFIG GET shows it */
  load(value: (name: string) => string): void {
    this.sparseHyperLogLogBytesMax = Number(value('hll-sparse-max-bytes'));
  }
}
