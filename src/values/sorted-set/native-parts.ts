/**
 * The members of a sorted set in its own form, for a replica (values/native-parts.ts): leaves of its tree
 * (structures/sequence/leaf.ts), one page after the other, as they are, in the order of their scores.
 *
 * Members that are too long for a leaf lie elsewhere: such leaves go as commands. So does the rest of a
 * leaf in which a part begins, as members have come or gone before it since. Members that effects have
 * named meanwhile come first, as commands too (place.ts).
 */
import { newRegion } from '../../base/owned-region.js';
import { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView } from '../../structures/sequence/element.js';
import { leafCount } from '../../structures/sequence/leaf.js';
import { SearchKey } from '../../structures/sequence/order.js';
import { ORDER_SCORE } from '../../structures/sequence/root.js';
import type { ScoredSet } from '../../structures/sequence/scored-set.js';
import { isScoredLeafAlone } from '../../structures/sequence/verify.js';
import { EFFECT_PART, EFFECT_PART_SUBCOMMAND, NO_ROOM, PART_BYTES_MAX } from '../native-parts.js';
import type { PartsPlace } from '../parts-place.js';
import { EFFECT_ELEMENTS_MAX } from '../rebuilding.js';
import { type NativeParts, PARTS_END, type StoredValue, type ValueEffects } from '../value-type.js';
import { NESTED_KINDS, ROOT_BYTES } from './kinds.js';
import type { ScoredPlace } from './place.js';
import { SortedSetReader } from './reader.js';
import { scoreText, writeScore } from './score-text.js';
import { scoredSetOf, takenSetOf, USE_LOOKUP, USE_VALUE } from './views.js';

const LEAVES_MAX = Math.floor(PART_BYTES_MAX / PAGE_BYTES);
/** Members that effects have named, in one part: each is sought. */
const NAMES_MAX = 1024;
/** A position behind the beginning; the place says where. */
const BEGUN = 1;
const SCORE_BYTES = 8;

const out = newRegion(LEAVES_MAX * PAGE_BYTES);
const cursor = new Cursor();
const view = new ElementView();
const key = new SearchKey(out);
const reader = new SortedSetReader(USE_LOOKUP);
/** The root of a set that is built beside a packed one. */
const builtRoot = new Region(new SharedArrayBuffer(64), 0);

/** As ValueParts.emit, of a nested set. */
export function emitScoredPart(
  value: StoredValue,
  position: number,
  budgetBytes: number,
  effects: ValueEffects,
  { scored }: PartsPlace,
): number {
  const set = scoredSetOf(value.space, USE_VALUE);
  set.attach(value.valueOffset, value.region);
  if (position > 0) emitNamed(set, scored, effects);
  if (resume(set, position, scored)) {
    const more = emitLeaves(set, value.kind, budgetBytes, scored, effects);
    if (more || scored.hasNames) return BEGUN;
  } else if (scored.hasNames) return BEGUN;
  return PARTS_END;
}

/** Goes to the first member that was not shipped. @returns false when there is none */
function resume(set: ScoredSet, position: number, { score, member }: ScoredPlace): boolean {
  if (position === 0) return set.seekIndex(cursor, 0);
  key.aimMember(score, member.region, 0, member.length);
  return set.seekKey(cursor, key, true);
}

/** Emits leaves from the cursor on, or some members. @returns whether there are more */
function emitLeaves(
  set: ScoredSet,
  kind: number,
  budgetBytes: number,
  place: ScoredPlace,
  effects: ValueEffects,
): boolean {
  const fitting = Math.min(LEAVES_MAX, Math.floor(budgetBytes / PAGE_BYTES));
  const leaves = effects.takesParts ? fitting : 0;
  let bytes = 0;
  let more = true;
  for (let i = 0; i < leaves && more && set.copyLeaf(cursor, out, bytes); i++) {
    bytes += PAGE_BYTES;
    more = set.nextLeaf(cursor);
  }
  if (bytes === 0) return emitMembers(set, budgetBytes, place, effects);
  effects.begin(EFFECT_PART, EFFECT_PART_SUBCOMMAND).word(String(kind));
  effects.bytes(out, 0, bytes).end();
  const last = bytes - PAGE_BYTES;
  view.read(out, last, leafCount(out.words, last) - 1, ORDER_SCORE);
  place.set(view.score, out, view.offset, view.length);
  return more;
}

/** Emits what is left of the leaf that the cursor is in, as commands. @returns whether there is more */
function emitMembers(
  set: ScoredSet,
  budgetBytes: number,
  place: ScoredPlace,
  effects: ValueEffects,
): boolean {
  const { region } = set.space;
  const effect = effects.begin('ZADD');
  let left = Math.min(EFFECT_ELEMENTS_MAX, set.leftInLeaf(cursor));
  let bytes = 0;
  let more = true;
  for (; more && left > 0 && bytes < budgetBytes; left--) {
    set.read(cursor, view);
    effect.bytes(scoreText, 0, writeScore(view.score));
    effect.bytes(region, view.offset, view.length);
    bytes += view.length + SCORE_BYTES;
    more = set.next(cursor);
  }
  effect.end();
  place.set(view.score, region, view.offset, view.length);
  return more;
}

/** Emits what has become of members that effects have named. */
function emitNamed(set: ScoredSet, place: ScoredPlace, effects: ValueEffects): void {
  for (let i = 0; i < NAMES_MAX && place.takeName(); i++) {
    const { nameRegion, nameOffset, nameLength } = place;
    const isThere = set.find(nameRegion, nameOffset, nameLength);
    const isShipped = isThere && isBefore(set.score, place);
    // A score of 0 does not become -0, nor the other way: the member comes anew.
    if (!isShipped || set.score === 0) {
      effects.begin('ZREM').bytes(nameRegion, nameOffset, nameLength).end();
    }
    if (!isShipped) continue;
    const effect = effects.begin('ZADD').bytes(scoreText, 0, writeScore(set.score));
    effect.bytes(nameRegion, nameOffset, nameLength).end();
  }
}

/** Whether the name taken, with a score, lies before the place or is at it. */
function isBefore(score: number, place: ScoredPlace): boolean {
  if (score !== place.score) return score < place.score;
  return place.member.compare(place.nameRegion, place.nameOffset, place.nameLength) >= 0;
}

export const sortedSetParts: NativeParts = {
  kinds: NESTED_KINDS,
  rootedKinds: NESTED_KINDS,
  rootBytes: ROOT_BYTES,
  kindWith: (_found, kind) => kind,

  build(value, built) {
    const set = scoredSetOf(value.space, USE_VALUE);
    set.createSet(0, builtRoot);
    reader.attach(value);
    for (let more = reader.seekRank(0); more; more = reader.next()) {
      const { memberRegion, memberOffset, memberLength } = reader;
      set.find(memberRegion, memberOffset, memberLength);
      if (set.add(reader.score)) continue;
      set.clear();
      return false;
    }
    built.region = builtRoot;
    built.offset = 0;
    built.length = ROOT_BYTES;
    return true;
  },

  format(space: Space, root: number): void {
    takenSetOf(space).createSet(root, space.region);
  },

  take(space: Space, root: number, part: Region, length: number): string | null {
    const set = takenSetOf(space);
    set.attach(root, space.region);
    if (length === 0 || length % PAGE_BYTES !== 0) return 'leaves that are cut off';
    for (let at = 0; at < length; at += PAGE_BYTES) {
      if (!isScoredLeafAlone(part, at)) return 'a leaf that is none';
    }
    space.populateAhead(length / PAGE_BYTES);
    return set.takeLeaves(part, 0, length / PAGE_BYTES) ? null : NO_ROOM;
  },
};
