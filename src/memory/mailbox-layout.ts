/**
 * The memory of all mailboxes: one SharedArrayBuffer, in cache lines of 64 bytes.
 *
 *   receivers × 64       announcements: word 0 is (count << 1) | asleep
 *   rings                by receiver, then by sender, RING_STRIDE bytes each:
 *       0   Int32   head: bytes written so far, modulo 2^32. The sender's
 *      64   Int32   tail: bytes read so far, modulo 2^32. The receiver's
 *      68   Int32   starved: 1 while the sender keeps messages that found no room
 *     128   RING_BYTES of records
 *
 * A record is 8-byte aligned and never wraps:
 *
 *       0   Int32   kind, | FRAGMENT when more of the same message follows; 0: nothing to the ring's end
 *       4   Int32   bytes
 *       8   the bytes
 */
export const LINE_BYTES = 64;
export const RING_BYTES = 128 * 1024;
export const RING_HEAD = 0;
export const RING_TAIL = LINE_BYTES;
export const RING_STARVED = LINE_BYTES + 4;
export const RING_RECORDS = 2 * LINE_BYTES;
export const RING_STRIDE = RING_RECORDS + RING_BYTES;

export const RECORD_HEADER_BYTES = 8;
/** A longer message travels in several records. */
export const FRAGMENT_BYTES_MAX = RING_BYTES / 4;
export const FRAGMENT = 1 << 30;
export const KIND_MAX = 255;

export function recordBytes(length: number): number {
  return (RECORD_HEADER_BYTES + length + 7) & ~7;
}

export function mailboxBytes(receivers: number, senders: number): number {
  return receivers * LINE_BYTES + receivers * senders * RING_STRIDE;
}

export function ringOffset(
  receivers: number,
  senders: number,
  receiver: number,
  sender: number,
): number {
  return receivers * LINE_BYTES + (receiver * senders + sender) * RING_STRIDE;
}
