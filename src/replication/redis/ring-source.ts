/** The journal's rings as the source of a merge: whole records, copied under the lock of their stream. */
import { RECORD_HEADER_BYTES } from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import type { StreamLocks } from '../stream-locks.js';
import type { MergeSource, RecordChunk } from './merged-stream.js';

/** Records are read up to about so many bytes, or one that is longer. */
const READ_BYTES = 64 * 1024;

export class RingSource implements MergeSource {
  readonly streams: number;

  /** @param isOver whether the rings have another history by now; asked under the lock */
  constructor(
    private readonly rings: readonly JournalRing[],
    private readonly locks: Pick<StreamLocks, 'lock' | 'unlock'>,
    private readonly isOver: () => boolean,
  ) {
    this.streams = rings.length;
  }

  read(stream: number, from: number, end: number, chunk: RecordChunk): boolean {
    const ring = this.rings[stream]!;
    this.locks.lock(stream);
    try {
      if (this.isOver() || !ring.holds(from) || ring.head < end) return false;
      let length = 0;
      while (from + length < end) {
        const record = ring.wordAt(from + length);
        // Where a server that is followed told no border of two records.
        if (record < RECORD_HEADER_BYTES || from + length + record > end) return false;
        if (length > 0 && length + record > READ_BYTES) break;
        length += record;
      }
      ring.read(from, length, chunk.reserve(length), 0);
      chunk.length = length;
      return true;
    } finally {
      this.locks.unlock(stream);
    }
  }
}
