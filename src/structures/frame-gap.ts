/**
 * The gap of a frame: bytes in the midst of its log that no entry lies in, so that an entry can grow into
 * them, move there or be put there. A frame knows one gap, that of the last entry that shrank, moved or went;
 * other garbage waits for a compaction. One is enough: who makes a value shorter makes it longer again
 * soon (a window that slides, a queue), and a key of the same kind often comes after the one that went.
 *
 *   word   bits 0-15 where it begins, from the frame's start; 16-31 bytes (0: there is none)
 *
 * What moves entries within a frame ends its gap. All functions are called under the shard's lock.
 */
import { FRAME_GAP } from './frame.js';

const START_MASK = 0xffff;
const BYTES_SHIFT = 16;

function setGap(words: Int32Array, frame: number, start: number, bytes: number): void {
  words[(frame >> 2) + FRAME_GAP] = bytes === 0 ? 0 : start | (bytes << BYTES_SHIFT);
}

export function clearGap(words: Int32Array, frame: number): void {
  words[(frame >> 2) + FRAME_GAP] = 0;
}

export function gapStart(words: Int32Array, frame: number): number {
  return words[(frame >> 2) + FRAME_GAP]! & START_MASK;
}

export function gapBytes(words: Int32Array, frame: number): number {
  return words[(frame >> 2) + FRAME_GAP]! >>> BYTES_SHIFT;
}

/** These bytes below the log's top became garbage. Next to the gap they make it longer. */
export function noteGap(words: Int32Array, frame: number, start: number, bytes: number): void {
  const before = gapStart(words, frame);
  const length = gapBytes(words, frame);
  if (length > 0 && start + bytes === before) setGap(words, frame, start, bytes + length);
  else if (length > 0 && before + length === start) setGap(words, frame, before, length + bytes);
  else setGap(words, frame, start, bytes);
}

/** Whether an entry that ends at `end` can grow by so many bytes: the gap is behind it. */
export function gapContinues(
  words: Int32Array,
  frame: number,
  end: number,
  growth: number,
): boolean {
  return gapStart(words, frame) === end && gapBytes(words, frame) >= growth;
}

/**
 * Takes the first bytes of the gap, which has so many.
 * @returns where they begin, from the frame's start
 */
export function takeGap(words: Int32Array, frame: number, bytes: number): number {
  const start = gapStart(words, frame);
  setGap(words, frame, start + bytes, gapBytes(words, frame) - bytes);
  return start;
}
