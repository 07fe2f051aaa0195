/** Rates from counters: how much each has grown since the sample before, per second. */

export class Rates {
  private last: ReadonlyMap<string, number> = new Map();
  private lastMs = 0;

  /**
   * A counter that is new has no rate, and neither has one that is smaller than before: it was reset, or
   * the server is another one.
   */
  next(atMs: number, counters: ReadonlyMap<string, number>): Map<string, number> {
    const rates = new Map<string, number>();
    const seconds = (atMs - this.lastMs) / 1000;
    for (const [name, value] of counters) {
      const before = this.last.get(name);
      if (before === undefined || value < before || seconds <= 0) continue;
      rates.set(name, (value - before) / seconds);
    }
    this.last = new Map(counters);
    this.lastMs = atMs;
    return rates;
  }

  /** After a gap nothing is compared with what was before it. */
  forget(): void {
    this.last = new Map();
  }
}

/** The names with the greatest rates, the greatest first; those without any are left out. */
export function greatest(rates: ReadonlyMap<string, number>, count: number): string[] {
  return [...rates]
    .filter(([, rate]) => rate > 0)
    .sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1))
    .slice(0, count)
    .map(([name]) => name);
}
