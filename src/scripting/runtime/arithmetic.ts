/** Operators on numbers that JavaScript computes differently. */

/** Lua computes it exactly so, also for infinities and fractions. */
export function moduloNumbers(a: number, b: number): number {
  return a - Math.floor(a / b) * b;
}

/** C's pow knows cases in which JavaScript has no number. */
export function powerNumbers(a: number, b: number): number {
  if (a === 1 || (a === -1 && (b === Number.POSITIVE_INFINITY || b === Number.NEGATIVE_INFINITY))) {
    return 1;
  }
  return a ** b;
}
