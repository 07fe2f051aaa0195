/** Medians and spreads. A ratio is taken within a round, between runs that followed each other. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Round by round, the quotient of two series; then its median, smallest and largest. */
export function ratios(of: readonly number[], by: readonly number[]): Spread {
  if (of.length !== by.length) throw new Error('ratios need as many rounds on both sides');
  return spread(of.map((value, round) => value / by[round]!));
}

/** Nearest-rank percentile (0-100) of raw values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1]!;
}
