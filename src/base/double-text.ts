/** Doubles as text, digit for digit as C prints them: what clients see, and what digests are made of. */

/** A double as printf's "%.17g": 17 significant digits without trailing zeros; "inf", "-inf". */
export function formatDouble(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  // Sixteen digits at most. Most scores are such numbers, and what follows takes microseconds.
  if (Number.isSafeInteger(x)) return String(x);
  const scientific = roundToSeventeen(Math.abs(x));
  const e = scientific.indexOf('e');
  const exponent = Number(scientific.slice(e + 1));
  const digits = `${scientific[0]}${scientific.slice(2, e)}`.replace(/0+$/, '');
  const sign = x < 0 ? '-' : '';
  if (exponent < -4 || exponent >= 17) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    const power = Math.abs(exponent).toString().padStart(2, '0');
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** Like toExponential(16), but with ties to even as C rounds them (JS rounds them up). */
function roundToSeventeen(x: number): string {
  const longer = x.toExponential(60);
  if (!/^\d\.\d{16}50*e/.test(longer)) return x.toExponential(16);
  const evenBelow = /^\d\.\d{15}[02468]/.test(longer);
  return evenBelow
    ? `${longer.slice(0, 18)}${longer.slice(longer.indexOf('e'))}`
    : x.toExponential(16);
}
