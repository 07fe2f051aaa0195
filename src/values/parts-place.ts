/**
 * A place inside a large value that is shipped to a replica in parts, where a position does not say all.
 * One for a flow: it is used by one value after the other.
 */
import { ScoredPlace } from './sorted-set/place.js';
import { StreamPlace } from './stream/place.js';

export class PartsPlace {
  readonly stream = new StreamPlace();
  readonly scored = new ScoredPlace();

  /** Forgets the place, and gives back what long names needed. */
  release(): void {
    this.stream.release();
    this.scored.release();
  }
}
