/**
 * A full sync whose link was cut, as the replica has kept it and tells its primary: of each stream
 * how far it is. The primary keeps nothing. It goes on with every stream whose ring still holds the
 * LSN, and ships the others from their start.
 *
 *   begun     the cursor of the walk, and the LSN of which all keys before the cursor are
 *   shipped   the LSN up to which the stream is applied
 *
 * On the wire four words a stream: state, LSN, database, hash position.
 */
import { AWAITS_CLEAR, DONE, WALKING } from './shard-states.js';

export interface HalfStream {
  /** AWAITS_CLEAR: it has not begun. WALKING, or DONE. */
  readonly state: number;
  readonly lsn: number;
  /** The cursor of the walk. */
  readonly database: number;
  readonly position: number;
}

/** Comes before the streams in a request. */
export const HALF_SYNC = 'HALF';
const WORDS = 4;
const POSITIONS = 2 ** 32;

export function halfToWords(streams: readonly HalfStream[]): string[] {
  return streams.flatMap(({ state, lsn, database, position }) =>
    [state, lsn, database, position].map(String),
  );
}

/** @returns null when the numbers are none of halfToWords */
export function halfFromNumbers(numbers: readonly number[]): HalfStream[] | null {
  if (numbers.length % WORDS !== 0) return null;
  const streams: HalfStream[] = [];
  for (let i = 0; i < numbers.length; i += WORDS) {
    const [state, lsn, database, position] = numbers.slice(i, i + WORDS);
    streams.push({ state: state!, lsn: lsn!, database: database!, position: position! });
  }
  return streams;
}

/** Whether a stream's LSN and cursor can be those of a server with so many databases. */
export function isHalfStream(stream: HalfStream, databases: number): boolean {
  const { state, lsn, database, position } = stream;
  if (state !== AWAITS_CLEAR && state !== WALKING && state !== DONE) return false;
  if (!Number.isSafeInteger(lsn) || lsn % 4 !== 0 || lsn < 0) return false;
  const isAtEnd = database === databases && position === 0;
  return isAtEnd || (database < databases && position < POSITIONS);
}
