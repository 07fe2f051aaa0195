/**
 * The journals of all streams, as the main thread sees them: whether what happens here is written to
 * them, their heads, and the memory that large records made them grow by.
 */
import type { JournalRing } from '../../../journal/ring.js';
import type { StreamLocks } from '../../../replication/stream-locks.js';

/**
 * How far the journals' positions jump when they are switched on: what was written before had none.
 */
const GAP_BYTES = 8;

export class Journals {
  /** Whether what is written here goes to the journals. */
  isOn = false;
  /** 0 before the first time. */
  sinceMs = 0;

  constructor(
    private readonly rings: readonly JournalRing[],
    private readonly locks: StreamLocks,
  ) {}

  /** What was written while they were off has no positions in them. */
  begin(): void {
    if (this.isOn) return;
    this.rings.forEach((ring, stream) => {
      this.locks.lock(stream);
      ring.reset(ring.head + GAP_BYTES);
      this.locks.unlock(stream);
    });
    this.continue();
  }

  /** The same for journals that have all that was written. */
  continue(): void {
    this.isOn = true;
    this.sinceMs = Date.now();
  }

  heads(): number[] {
    return this.rings.map((ring, stream) => {
      this.locks.lock(stream);
      const { head } = ring;
      this.locks.unlock(stream);
      return head;
    });
  }

  /** Gives the memory back that large records took. */
  relax(): void {
    this.rings.forEach((ring, stream) => {
      if (!ring.hasGrown) return;
      this.locks.lock(stream);
      ring.shrink();
      this.locks.unlock(stream);
    });
  }
}
