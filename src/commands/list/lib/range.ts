/** The arguments of LRANGE and LTRIM that say from which element to which one. */
import { NOT_INTEGER } from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import type { Context } from '../../contract/context.js';

/** Owned by its caller, reused. */
export class ListRange {
  private start = 0;
  private stop = 0;
  /** Elements before the range, and in it. */
  first = 0;
  count = 0;

  /** Reads arguments 2 and 3. False: an error was answered. */
  read({ args, reply }: Context): boolean {
    this.start = parseIndex(args.region, args.offset[2]!, args.length[2]!);
    this.stop = parseIndex(args.region, args.offset[3]!, args.length[3]!);
    if (!Number.isNaN(this.start) && !Number.isNaN(this.stop)) return true;
    reply.error(NOT_INTEGER);
    return false;
  }

  /** Finds out which of a list's elements they are. An empty range begins at the first element. */
  apply(elements: number): void {
    const first = Math.max(0, this.start < 0 ? this.start + elements : this.start);
    const last = Math.min(elements - 1, this.stop < 0 ? this.stop + elements : this.stop);
    this.count = Math.max(0, last - first + 1);
    this.first = this.count === 0 ? 0 : first;
  }
}
