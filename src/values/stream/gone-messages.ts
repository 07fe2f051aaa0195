/**
 * What is pending of a stream in parts (effects.ts), and where that is gone. Entries go in windows: each has
 * so many pending entries of each group at most, and what is pending of a window follows its entries.
 *
 * Where a message is gone, deleted or trimmed, a placeholder goes in its place: in the order of ids, as nothing
 * can be added below the last id. It is removed once it is claimed (`findTrimmed`). Few streams have such
 * messages, so their ids may cost something.
 */
import { EFFECT_ELEMENTS_MAX } from '../rebuilding.js';
import type { Groups } from './groups.js';
import type { Stream } from './stream.js';
import { StreamId } from './stream-id.js';

/** What is pending of a window is not more than this with many groups, nor less with a small budget. */
const PENDING_MIN = 4;
/** About what one of them takes in a command. */
export const CLAIM_ID_BYTES = 24;
/** So many entries on, the search in the tree is quicker than going there. */
const STEPS_MAX = 16;

const id = new StreamId();
const last = new StreamId();

export class GoneMessages {
  /** In order, each once. */
  private ids: bigint[] = [];
  /** How many have placeholders. */
  private emitted = 0;
  /** How many of these are removed. */
  private removed = 0;

  /**
   * Looks what is pending from an id on.
   * @param groups and members of the stream; the latter is a second view, for what is inside a group
   * @param limit gets the end of the window, the highest id when no more is pending
   * @param budgetBytes about what the claims may take
   * @param finds whether it is to find what is gone
   */
  look(
    groups: Groups,
    members: Groups,
    stream: Stream,
    start: StreamId,
    limit: StreamId,
    budgetBytes: number,
    finds: boolean,
  ): void {
    limit.setHighest();
    this.ids.length = 0;
    this.emitted = 0;
    let more = groups.firstGroup();
    if (!more) return;
    const wanted = Math.min(EFFECT_ELEMENTS_MAX, budgetBytes / CLAIM_ID_BYTES);
    const most = Math.max(PENDING_MIN, Math.floor(wanted / groups.groupCount));
    for (; more; more = groups.nextGroup()) {
      members.number = groups.number;
      if (members.seekPending(start)) this.lookAt(members, stream, most, limit, finds);
    }
    if (this.ids.length < 2) return;
    this.ids = [...new Set(this.ids)].sort((a, b) => (a < b ? -1 : 1));
  }

  /** What is pending in a group, from the one at hand on. */
  private lookAt(
    members: Groups,
    stream: Stream,
    most: number,
    limit: StreamId,
    finds: boolean,
  ): void {
    let has = finds && stream.seek(members.id);
    for (let i = 1; ; i++) {
      if (finds) {
        if (has) has = goTo(stream, members.id);
        if (!has || stream.id.compare(members.id) !== 0) this.ids.push(members.id.toBigInt());
      }
      if (i === most) {
        if (members.id.compare(limit) < 0) limit.copyFrom(members.id);
        return;
      }
      if (!members.nextPending() || members.id.compare(limit) > 0) return;
    }
  }

  /** Whether a message that needs a placeholder comes before the entry of this id, or has it. */
  isNext(before: StreamId): boolean {
    if (this.emitted === this.ids.length) return false;
    return id.setBigInt(this.ids[this.emitted]!).compare(before) <= 0;
  }

  /** The id of that message. It gets its placeholder now. */
  takeNext(): StreamId {
    return id.setBigInt(this.ids[this.emitted++]!);
  }

  /**
   * Looks how the placeholders are to be removed. A deletion would be remembered as the highest id that was
   * deleted, which only what was really deleted may be. In front of all entries they can be trimmed; behind one
   * of them is only what was deleted, and the figures tell of a higher id, or the same.
   * @param below gets an id that those to be trimmed are below
   * @returns whether there are such; the others are left to `nextDeleted`
   */
  findTrimmed(stream: Stream, below: StreamId): boolean {
    const { ids, emitted } = this;
    stream.firstId(last);
    let at = 0;
    while (at < emitted && id.setBigInt(ids[at]!).compare(last) < 0) at++;
    this.removed = at > 0 && below.setBigInt(ids[at - 1]!).increment() ? at : 0;
    return this.removed > 0;
  }

  /** There is no entry: all placeholders are trimmed. @returns whether there are some */
  takeTrimmed(): boolean {
    this.removed = this.emitted;
    return this.emitted > 0;
  }

  /** Placeholders that are to be deleted one by one. */
  get undeleted(): number {
    return this.emitted - this.removed;
  }

  nextDeleted(): StreamId {
    return id.setBigInt(this.ids[this.removed++]!);
  }
}

/** Goes on to the first entry whose id is not below this one. @returns false when there is none */
function goTo(stream: Stream, to: StreamId): boolean {
  for (let i = 0; i < STEPS_MAX; i++) {
    if (stream.id.compare(to) >= 0) return true;
    if (!stream.next()) return false;
  }
  return stream.seek(to);
}
