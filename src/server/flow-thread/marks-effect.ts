/**
 * The marks of the merged stream (replication/redis/merge-mark.ts) as an effect without a key. It changes
 * nothing: the ring is told where the newest one is. A mark that is described to a replica in a full sync
 * would be of no use, as what is before it is in no journal there.
 */
import type { JournalRing } from '../../journal/ring.js';
import { EFFECT_MARK, lsnOfMark } from '../../replication/redis/merge-mark.js';
import type { KeylessKind } from './keyless-effects.js';

const WORDS = 2;

/** @param ring of the stream without keys; null when what is applied does not go there */
export function marksEffect(ring: JournalRing | null): KeylessKind {
  return {
    name: EFFECT_MARK,
    apply(args) {
      if (args.count !== WORDS) return 'a mark of the merged stream has one body';
      const lsn = lsnOfMark(args.region, args.offset[1]!, args.length[1]!);
      if (lsn < 0) return 'a mark of the merged stream is wrong';
      ring?.noteMark(lsn);
      return null;
    },
  };
}
