/** Coordinates and distances as text, digit for digit as printf gives them to Redis. */

const DISTANCE_DIGITS = 4;
const COORDINATE_DIGITS = 17;
const PAIR_DIGITS = 6;

/** A distance, in any unit: "%.4f". */
export function formatDistance(distance: number): string {
  return fixed(distance, DISTANCE_DIGITS);
}

/** A coordinate: "%.17Lf" without the zeros at its end. */
export function formatCoordinate(degrees: number): string {
  const text = fixed(degrees, COORDINATE_DIGITS).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

/** The error for coordinates out of range. */
export function invalidPairText(longitude: number, latitude: number): string {
  const pair = `${fixed(longitude, PAIR_DIGITS)},${fixed(latitude, PAIR_DIGITS)}`;
  return `ERR invalid longitude,latitude pair ${pair}`;
}

/** "%.<digits>f". */
function fixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  const sign = x < 0 || Object.is(x, -0) ? '-' : '';
  const magnitude = Math.abs(x);
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}.${'0'.repeat(digits)}`;
  const text = magnitude.toFixed(digits);
  if (!isTie(magnitude, digits) || Number(text.at(-1)) % 2 === 0) return sign + text;
  // JavaScript has rounded up to an odd digit.
  return `${sign}${text.slice(0, -1)}${Number(text.at(-1)) - 1}`;
}

/**
 * Whether a number is exactly between two of so many digits. C then takes the even one, JavaScript
 * the larger one. It is so when x × 10^digits is an odd multiple of 1/2, hence x one of
 * 1/2^(digits + 1).
 */
function isTie(x: number, digits: number): boolean {
  return (x * 2 ** (digits + 1)) % 2 === 1;
}
