/** Scores as the text that commands and digests have, in memory that is used again. */
import { formatDouble } from '../../base/double-text.js';
import { Region } from '../../base/region.js';

const SCORE_TEXT_MAX = 32;

export const scoreText = new Region(new SharedArrayBuffer(SCORE_TEXT_MAX), 0);

/** Writes a score to `scoreText`. @returns its length */
export function writeScore(score: number): number {
  const text = formatDouble(score);
  for (let i = 0; i < text.length; i++) scoreText.bytes[i] = text.charCodeAt(i);
  return text.length;
}
