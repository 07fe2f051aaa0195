/**
 * What the merged stream has besides the journals' records: a heartbeat, a question for an
 * acknowledgement, and commands that do nothing and take a given number of bytes (PING, with an argument
 * as long as it must be), which bring a replica to a place in the stream that has the same data behind it.
 */

export const FILLER_NONE = 0;
export const FILLER_PING = 1;
export const FILLER_GETACK = 2;
export const FILLER_PADDING = 3;

/** Fewer bytes cannot always be made of commands. */
export const PADDING_BYTES_MIN = 64;
const PING = '*1\r\n$4\r\nPING\r\n';
const GETACK = '*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n';
export const PING_BYTES = PING.length;
export const GETACK_BYTES = GETACK.length;
const CHUNK_BYTES = 16 * 1024;

/** Whether there is a filler of this kind and length. */
export function isFiller(kind: number, bytes: number): boolean {
  if (kind === FILLER_NONE) return bytes === 0;
  if (kind === FILLER_PING) return bytes === PING_BYTES;
  if (kind === FILLER_GETACK) return bytes === GETACK_BYTES;
  return kind === FILLER_PADDING && bytes >= PADDING_BYTES_MIN;
}

/** @returns the bytes of a filler, whose length goes with its kind */
export function filler(kind: number, bytes: number): Buffer {
  if (!isFiller(kind, bytes)) throw new RangeError(`a filler of kind ${kind}, ${bytes} bytes`);
  if (kind === FILLER_PADDING) return padding(bytes);
  return Buffer.from(['', PING, GETACK][kind]!, 'latin1');
}

/**
 * @param bytes PADDING_BYTES_MIN or more
 * @returns so many bytes of whole commands
 */
export function padding(bytes: number): Buffer {
  if (bytes < PADDING_BYTES_MIN) throw new RangeError(`padding of ${bytes} bytes`);
  const commands: string[] = [];
  let left = bytes;
  while (left > 0) {
    const chunk = left < CHUNK_BYTES + PADDING_BYTES_MIN ? left : CHUNK_BYTES;
    commands.push(pings(chunk));
    left -= chunk;
  }
  return Buffer.from(commands.join(''), 'latin1');
}

function pings(bytes: number): string {
  // Where one digit more would be needed for a length, a command without an argument goes before.
  return longPing(bytes) ?? `${PING}${longPing(bytes - PING.length)!}`;
}

/** PING with an argument, of so many bytes in all; null when no length of the argument makes that. */
function longPing(bytes: number): string | null {
  for (let digits = 1; digits < 6; digits++) {
    const length = bytes - '*2\r\n$4\r\nPING\r\n$\r\n\r\n'.length - digits;
    if (length < 0 || String(length).length !== digits) continue;
    return `*2\r\n$4\r\nPING\r\n$${length}\r\n${' '.repeat(length)}\r\n`;
  }
  return null;
}
