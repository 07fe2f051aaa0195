/** Numbers as people read them. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T'];

function scaled(value: number, base: number, units: readonly string[]): [string, string] {
  let left = Math.abs(value);
  let unit = 0;
  while (left >= base && unit < units.length - 1) {
    left /= base;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(left) ? 0 : left < 10 ? 2 : left < 100 ? 1 : 0;
  return [`${value < 0 ? '−' : ''}${left.toFixed(digits)}`, units[unit]!];
}

export function bytes(value: number): string {
  return scaled(value, 1024, BYTE_UNITS).join(' ');
}

export function count(value: number): string {
  return scaled(value, 1000, COUNT_UNITS).join(' ').trimEnd();
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;
}

export function microseconds(value: number): string {
  if (value === 0) return '0 µs';
  if (value < 1000)
    return `${value < 10 ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0)} µs`;
  if (value < 1e6) return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} ms`;
  return `${(value / 1e6).toFixed(2)} s`;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: readonly [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(' ');
}

/** Local time of day. @param seconds since 1970 */
export function timeOfDay(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (number: number) => String(number).padStart(2, '0');
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}
