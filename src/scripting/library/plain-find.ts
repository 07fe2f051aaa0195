/**
 * Finds a text in another one, in steps of bounded time. V8's own search can take the product of both
 * lengths, and nothing interrupts it: a script that searches a million times `a` for many of them and
 * a `b` would hold its thread for hours, beyond the reach of SCRIPT KILL.
 *
 * So a text is searched in windows, and of a long pattern only the head. Where that is found, the rest
 * is compared in pieces. The script's time is counted after each step.
 */
import { meter } from '../runtime/meter.js';

const HEAD_CHARACTERS = 64;
const WINDOW_CHARACTERS = 2 ** 16;

/** @returns where the pattern begins at or after `from`, or -1 */
export function plainFind(text: string, pattern: string, from: number): number {
  if (pattern.length <= HEAD_CHARACTERS) return findHead(text, pattern, from);
  const head = pattern.slice(0, HEAD_CHARACTERS);
  const last = text.length - pattern.length;
  for (let at = from; at <= last; at++) {
    at = findHead(text, head, at);
    if (at < 0 || at > last) return -1;
    if (hasRest(text, pattern, at)) return at;
  }
  return -1;
}

function findHead(text: string, head: string, from: number): number {
  for (let start = from; ; start += WINDOW_CHARACTERS) {
    const end = start + WINDOW_CHARACTERS + head.length - 1;
    const isLast = end >= text.length;
    const isWhole = isLast && start === 0;
    const found = (isWhole ? text : text.slice(start, end)).indexOf(head);
    meter.workOnBytes(found < 0 ? Math.min(text.length - start, WINDOW_CHARACTERS) : found);
    if (found >= 0) return start + found;
    if (isLast) return -1;
  }
}

/** Whether what follows the head at `at` is there as well. */
function hasRest(text: string, pattern: string, at: number): boolean {
  for (let i = HEAD_CHARACTERS; i < pattern.length; i += WINDOW_CHARACTERS) {
    const piece = pattern.slice(i, i + WINDOW_CHARACTERS);
    if (text.slice(at + i, at + i + piece.length) !== piece) {
      meter.work(1);
      return false;
    }
    meter.workOnBytes(piece.length);
  }
  return true;
}
