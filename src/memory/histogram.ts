/**
 * Histograms of times. Buckets are eight to an octave of nanoseconds, up to 2^30 ns (about a
 * second); longer times count in the last one. So a percentile is exact to an eighth, with 232
 * counts.
 */
const BUCKETS_PER_OCTAVE = 8;
const OCTAVES_MAX = 30;
export const HISTOGRAM_BUCKETS = (OCTAVES_MAX - 2) * BUCKETS_PER_OCTAVE + BUCKETS_PER_OCTAVE;

/** The bucket of a time. */
export function bucketOf(nanoseconds: number): number {
  if (nanoseconds < BUCKETS_PER_OCTAVE) return nanoseconds < 0 ? 0 : nanoseconds | 0;
  if (nanoseconds >= 0x4000_0000) return HISTOGRAM_BUCKETS - 1;
  const whole = nanoseconds | 0;
  const octave = 31 - Math.clz32(whole);
  return (octave - 2) * BUCKETS_PER_OCTAVE + ((whole >>> (octave - 3)) & 7);
}

/** The greatest whole number of nanoseconds that falls into a bucket. */
export function bucketEndNanoseconds(bucket: number): number {
  if (bucket < BUCKETS_PER_OCTAVE) return bucket;
  const octave = Math.floor(bucket / BUCKETS_PER_OCTAVE) + 2;
  return 2 ** (octave - 3) * (BUCKETS_PER_OCTAVE + (bucket % BUCKETS_PER_OCTAVE) + 1) - 1;
}

/** The time in microseconds that `percent` of the counts in a histogram did not exceed. */
export function percentileMicroseconds(counts: Float64Array, percent: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const wanted = Math.max(1, Math.ceil((total * percent) / 100));
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    seen += counts[bucket]!;
    if (seen >= wanted) return bucketEndNanoseconds(bucket) / 1000;
  }
  return 0;
}
