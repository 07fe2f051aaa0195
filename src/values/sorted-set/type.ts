/** Sorted sets as a type of values: see kinds.ts for their forms. */
import { formatDouble } from '../../base/double-text.js';
import { Region } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { verifyPacked } from '../../structures/packed/verify.js';
import type { StoredValue, ValueEffects, ValueType } from '../value-type.js';
import { copyMembers } from './copy.js';
import {
  isListpackKind,
  isNestedKind,
  NESTED_KINDS,
  PACKED_BYTES_MAX,
  PACKED_KINDS,
  PACKED_MEMBERS_MAX,
  packedMembers,
  ROOT_BYTES,
  SORTED_SET_KINDS,
  TYPE_SORTED_SET,
} from './kinds.js';
import { SortedSetReader } from './reader.js';
import { serializedBytes } from './serialized.js';
import { scoredSetOf, USE_LOOKUP, USE_VALUE } from './views.js';

/** An effect has so many members at most, and not many more bytes. */
const EFFECT_MEMBERS_MAX = 256;
const EFFECT_BYTES_MAX = 64 * 1024;
const SCORE_TEXT_MAX = 32;

const LIMITS = { stride: 2, countMax: PACKED_MEMBERS_MAX * 2, distinct: true, scored: true };

const reader = new SortedSetReader(USE_VALUE);
const scoreText = new Region(new SharedArrayBuffer(SCORE_TEXT_MAX), 0);
/** The root of the copy last made. */
const copiedRoot = new Region(new SharedArrayBuffer(64), 0);

/** Writes a score to `scoreText`. @returns its length */
function writeScore(score: number): number {
  const text = formatDouble(score);
  for (let i = 0; i < text.length; i++) scoreText.bytes[i] = text.charCodeAt(i);
  return text.length;
}

/** Appends members to an effect, from the one read on. @returns whether there are more */
function addMembers(effect: ValueEffects): boolean {
  let bytes = 0;
  for (let i = 0; i < EFFECT_MEMBERS_MAX && bytes < EFFECT_BYTES_MAX; i++) {
    effect.bytes(scoreText, 0, writeScore(reader.score));
    effect.bytes(reader.memberRegion, reader.memberOffset, reader.memberLength);
    bytes += reader.memberLength;
    if (!reader.next()) return false;
  }
  return true;
}

function isPackedSet(region: Region, offset: number, length: number): boolean {
  if (length > PACKED_BYTES_MAX) return false;
  return verifyPacked(region, offset, length, LIMITS) === '' && packedMembers(region, offset) > 0;
}

export const sortedSetType: ValueType = {
  name: 'zset',
  number: TYPE_SORTED_SET,
  kinds: SORTED_SET_KINDS,
  owningKinds: NESTED_KINDS,
  verifiedKinds: PACKED_KINDS,

  encoding: ({ kind }) => (isListpackKind(kind) ? 'listpack' : 'skiplist'),

  references: () => 1,

  memory(value) {
    if (!isNestedKind(value.kind)) return 0;
    const set = scoredSetOf(value.space, USE_VALUE);
    set.attach(value.valueOffset, value.region);
    return set.allocatedPages * PAGE_BYTES;
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

  effects(value, effects) {
    effects.begin('DEL').end();
    reader.attach(value);
    for (let more = reader.seekRank(0); more; ) {
      const effect = effects.begin('ZADD');
      more = addMembers(effect);
      effect.end();
    }
    if (value.expiry !== 0) effects.begin('PEXPIREAT').time(value.expiry).end();
  },

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

  freeStep(value: StoredValue, budgetPages) {
    const set = scoredSetOf(value.space, USE_VALUE);
    set.attach(value.valueOffset, value.region);
    return set.reclaimStep(budgetPages);
  },

  verify(kind, region, offset, length) {
    return !isNestedKind(kind) && isPackedSet(region, offset, length);
  },
};
