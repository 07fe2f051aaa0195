/**
 * The samples of the last minutes: a column of times and one for each series, as the plots take them.
 * A series that begins later has gaps before.
 */

export type Values = Readonly<Record<string, number | null>>;

export class History {
  readonly times: number[] = [];
  private readonly columns = new Map<string, (number | null)[]>();

  /** @param capacity samples that are kept */
  constructor(private readonly capacity: number) {}

  /** @param seconds since 1970, later than those before */
  add(seconds: number, values: Values): void {
    for (const name of Object.keys(values)) {
      if (!this.columns.has(name))
        this.columns.set(
          name,
          this.times.map(() => null),
        );
    }
    this.times.push(seconds);
    for (const [name, column] of this.columns) column.push(values[name] ?? null);
    if (this.times.length <= this.capacity) return;
    this.times.shift();
    for (const column of this.columns.values()) column.shift();
  }

  /** @param seconds how far back from the last sample */
  window(names: readonly string[], seconds: number): [number[], ...(number | null)[][]] {
    const from = this.firstAfter((this.times.at(-1) ?? 0) - seconds);
    const gap = this.times.slice(from).map(() => null);
    return [
      this.times.slice(from),
      ...names.map((name) => this.columns.get(name)?.slice(from) ?? gap),
    ];
  }

  last(name: string): number | null {
    return this.columns.get(name)?.at(-1) ?? null;
  }

  private firstAfter(seconds: number): number {
    return Math.max(
      this.times.findIndex((time) => time > seconds),
      0,
    );
  }
}
