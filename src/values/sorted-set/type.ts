/** Sorted sets as a type of values: see kinds.ts for their forms. */
import { Region } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { verifyPacked } from '../../structures/packed/verify.js';
import type { ScoredSet } from '../../structures/sequence/scored-set.js';
import { EFFECT_BYTES_MAX, EFFECT_ELEMENTS_MAX, rebuilding } from '../rebuilding.js';
import type { SortableElements, StoredValue, ValueEffects, ValueType } from '../value-type.js';
import { copyMembers } from './copy.js';
import { SortedSetLoader, saveSortedSet } from './file.js';
import {
  isListpackKind,
  isNestedKind,
  kindOf,
  NESTED_KINDS,
  PACKED_BYTES_MAX,
  PACKED_MEMBERS_MAX,
  packedMembers,
  ROOT_BYTES,
  SORTED_SET_KINDS,
  TYPE_SORTED_SET,
} from './kinds.js';
import { emitScoredPart, sortedSetParts } from './native-parts.js';
import { SortedSetReader } from './reader.js';
import { scoreText, writeScore } from './score-text.js';
import { serializedBytes } from './serialized.js';
import { scoredSetOf, USE_FREE, USE_LOOKUP, USE_VALUE } from './views.js';

/** A member and its score are two elements of an effect. */
const EFFECT_MEMBERS_MAX = EFFECT_ELEMENTS_MAX / 2;

const LIMITS = { stride: 2, countMax: PACKED_MEMBERS_MAX * 2, distinct: true, scored: true };

const reader = new SortedSetReader(USE_VALUE);
/** The root of the copy last made. */
const copiedRoot = new Region(new SharedArrayBuffer(64), 0);

/** Appends the member read to an effect. */
function addMember(effect: ValueEffects): void {
  effect.bytes(scoreText, 0, writeScore(reader.score));
  effect.bytes(reader.memberRegion, reader.memberOffset, reader.memberLength);
}

/** Appends members to an effect, from the one read on. @returns whether there are more */
function addMembers(effect: ValueEffects): boolean {
  let bytes = 0;
  for (let i = 0; i < EFFECT_MEMBERS_MAX && bytes < EFFECT_BYTES_MAX; i++) {
    addMember(effect);
    bytes += reader.memberLength;
    if (!reader.next()) return false;
  }
  return true;
}

function isPackedSet(region: Region, offset: number, length: number): boolean {
  if (length > PACKED_BYTES_MAX) return false;
  return verifyPacked(region, offset, length, LIMITS) === '' && packedMembers(region, offset) > 0;
}

/** Members in the order of their scores, or from the highest on. */
const members: SortableElements = {
  areOrdered: true,
  kindAfter: (kind) => kindOf(isNestedKind(kind), false),

  count(value) {
    reader.attach(value);
    return reader.count;
  },

  visit(value, first, count, isReversed, take) {
    reader.attach(value);
    let more = reader.seekRank(isReversed ? reader.count - 1 - first : first);
    for (let i = 0; more && i < count; i++) {
      take(reader.memberRegion, reader.memberOffset, reader.memberLength);
      more = isReversed ? reader.previous() : reader.next();
    }
  },
};

function freedSet({ space, valueOffset, region }: StoredValue): ScoredSet {
  const set = scoredSetOf(space, USE_FREE);
  set.attach(valueOffset, region);
  return set;
}

export const sortedSetType: ValueType = {
  name: 'zset',
  number: TYPE_SORTED_SET,
  kinds: SORTED_SET_KINDS,
  owningKinds: NESTED_KINDS,
  verifiedKinds: SORTED_SET_KINDS,

  encoding: ({ kind }) => (isListpackKind(kind) ? 'listpack' : 'skiplist'),

  references: () => 1,

  memory(value) {
    return isNestedKind(value.kind) ? freedSet(value).allocatedPages * PAGE_BYTES : 0;
  },

  serializedLength(value) {
    reader.attach(value);
    return serializedBytes(reader);
  },

  digest(value, digest) {
    reader.attach(value);
    for (let more = reader.seekRank(0); more; more = reader.next()) {
      const element = digest.element();
      element.mix(reader.memberRegion, reader.memberOffset, reader.memberLength);
      element.mix(scoreText, 0, writeScore(reader.score));
      digest.add(element);
    }
  },

  effects: rebuilding((value, effects) => {
    reader.attach(value);
    for (let more = reader.seekRank(0); more; ) {
      const effect = effects.begin('ZADD');
      more = addMembers(effect);
      effect.end();
    }
  }),

  copy(value, space, copied) {
    const from = scoredSetOf(value.space, USE_LOOKUP);
    from.attach(value.valueOffset, value.region);
    const to = scoredSetOf(space, USE_VALUE);
    to.createSet(0, copiedRoot);
    if (!copyMembers(from, to)) return false;
    copied.region = copiedRoot;
    copied.offset = 0;
    copied.length = ROOT_BYTES;
    return true;
  },

  freeStep(value, budgetPages) {
    return freedSet(value).reclaimStep(budgetPages);
  },

  save: saveSortedSet,
  newLoader: () => new SortedSetLoader(),
  parts: { order: 'score', count: members.count, emit: emitScoredPart },
  nativeParts: sortedSetParts,
  sortable: members,

  verify(kind, region, offset, length) {
    return !isNestedKind(kind) && isPackedSet(region, offset, length);
  },
};
