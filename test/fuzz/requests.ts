/** Random requests for fuzz targets: well-formed ones, and what is left of them after some damage. */
import type { Random } from '../support/random.js';

const PIECES = [
  ...['\r\n', '\n', '\r', '\0', '*', '$', '-1', '*1\r\n', '$3\r\n', '$-1\r\n', '*0\r\n', '*-1\r\n'],
  ...['*2147483647\r\n', '$536870912\r\n', '$536870913\r\n', '99999999999999999999', '"', "'", ' '],
  ...['GET a\r\n', '\\x4', '$0\r\n\r\n', '$00\r\n', '*+1\r\n', '\xff', 'PING\r\n', '$10\r\n'],
];

export function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

/** A word as it may stand in an inline command, quoted one way or the other. */
export function inlineWord(random: Random, word: string): string {
  if (/^[!#-&(-)+-~]+$/.test(word) && random.chance(0.5)) return word;
  const escaped = [...word].map((char) => {
    const code = char.charCodeAt(0);
    return code < 32 || code > 126 || char === '"' || char === '\\'
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : char;
  });
  return `"${escaped.join('')}"`;
}

/** Short words mostly; some hold bytes that mean something to the parser, some are longer. */
export function randomWord(random: Random): string {
  const kind = random.below(10);
  if (kind < 5) return random.binary(random.below(8));
  if (kind < 7) return random.pick(PIECES);
  if (kind < 9) return 'x'.repeat(random.pick([9, 10, 11, 99, 100, 127]) + random.below(3));
  return 'y'.repeat(random.between(990, 1100));
}

/** Damages bytes in some places: changed, left out, doubled, with pieces of protocol put in. */
export function damage(random: Random, text: string): string {
  let damaged = text;
  for (let times = random.between(1, 4); times > 0; times--) {
    const at = random.below(damaged.length + 1);
    const kind = random.below(4);
    const cut = kind === 0 ? 0 : random.between(0, 4);
    const put =
      kind === 1 ? '' : kind === 2 ? String.fromCharCode(random.below(256)) : random.pick(PIECES);
    const from = kind === 3 ? Math.max(0, at - random.below(12)) : at;
    damaged = damaged.slice(0, at) + put + damaged.slice(from + cut);
  }
  return damaged;
}

/** Where a stream of so many bytes is cut into arrivals, ascending, the last one at its end. */
export function randomCuts(random: Random, length: number): number[] {
  const cuts = Array.from({ length: random.below(6) }, () => random.below(length + 1));
  return [...cuts.sort((one, other) => one - other), length];
}
