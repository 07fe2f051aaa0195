/** Sets, as the registry knows them. Their forms: kinds.ts. */
import { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { ROOT_BYTES } from '../../structures/directory.js';
import { EMPTY_BYTES, verifyIntegerSet } from '../../structures/packed/integer-set.js';
import { packedCount } from '../../structures/packed/packed.js';
import { type PackedLimits, verifyPacked } from '../../structures/packed/verify.js';
import { SCAN_END } from '../../structures/table.js';
import { emitFrame, NO_FRAME, partBytes, takeFrame } from '../native-parts.js';
import { EFFECT_BYTES_MAX, EFFECT_ELEMENTS_MAX, rebuilding } from '../rebuilding.js';
import { savedLengthBytes, savedStringBytes } from '../saved-length.js';
import {
  type CopiedValue,
  PARTS_END,
  type SortableElements,
  type StoredValue,
  type ValueEffects,
  type ValueType,
} from '../value-type.js';
import { FULL, putMember } from './edit.js';
import { SetLoader, saveSet } from './file.js';
import {
  INTEGERS_BYTES_MAX,
  isTableKind,
  PACKED_BYTES_MAX,
  PACKED_MEMBERS_MAX,
  SET_INTEGER_TABLE,
  SET_INTEGERS,
  SET_PACKED,
  SET_TABLE,
  TYPE_SET,
} from './kinds.js';
import { SetMember } from './member.js';
import { SetPlace } from './place.js';
import { setTables } from './tables.js';
import { SetWalk } from './walk.js';

/** An intset of Redis: its encoding and its length. */
const INTSET_HEADER_BYTES = 8;
const PACKED_LIMITS: PackedLimits = {
  stride: 1,
  countMax: PACKED_MEMBERS_MAX,
  distinct: true,
  scored: false,
};

/** A member is a key without a value. */
const MEMBERS = { kinds: 1, verifiedKinds: 0, valueBytesMax: 0, verify: () => true };

const place = new SetPlace();
const walk = new SetWalk();
const member = new SetMember();
const target = new SetPlace();
/** The root of the copy that was made last. */
const copyRoot = new Region(new SharedArrayBuffer(ROOT_BYTES), 0);

/** Begins a walk through a value, of which no shard is known. */
function walkThrough(value: StoredValue): SetWalk {
  place.take(value);
  walk.begin(place);
  return walk;
}

/** Bytes of a member in an RDB file. */
function savedBytes({ length, isInteger, integer }: SetMember): number {
  return savedStringBytes(length, isInteger ? integer.number : Number.NaN);
}

/**
 * Puts all members into a table of a space.
 * @param kind of it
 * @returns false when there is no room
 */
function copyTable(value: StoredValue, space: Space, kind: number): boolean {
  copyRoot.bytes.fill(0);
  target.at(value, setTables.of(space));
  target.kind = kind;
  target.region = copyRoot;
  target.offset = 0;
  for (const steps = walkThrough(value); steps.step(member); ) {
    if (putMember(target, member, Number.MAX_SAFE_INTEGER) !== FULL) continue;
    target.tables.reclaim.freeWhole(0, copyRoot);
    return false;
  }
  return true;
}

function buildTable(value: StoredValue, built: CopiedValue): boolean {
  if (!copyTable(value, value.space, SET_TABLE)) return false;
  toCopyRoot(built);
  return true;
}

function toCopyRoot(copied: CopiedValue): void {
  copied.region = copyRoot;
  copied.offset = 0;
  copied.length = ROOT_BYTES;
}

function emitMembers(value: StoredValue, effects: ValueEffects): void {
  let count = 0;
  let bytes = 0;
  for (const steps = walkThrough(value); steps.step(member); ) {
    if (count === 0) effects.begin('SADD');
    effects.bytes(member.region, member.offset, member.length);
    bytes += member.length;
    if (++count < EFFECT_ELEMENTS_MAX && bytes < EFFECT_BYTES_MAX) continue;
    effects.end();
    count = 0;
    bytes = 0;
  }
  if (count > 0) effects.end();
}

/** As ValueParts.emit, of a table: frame by frame, else bucket by bucket. */
function emitPart(
  { space, region, kind, valueOffset }: StoredValue,
  position: number,
  budgetBytes: number,
  effects: ValueEffects,
): number {
  const { probe } = setTables.of(space);
  probe.attach(valueOffset, region);
  let bytes = 0;
  let end = position;
  while (end < SCAN_END && bytes < budgetBytes) {
    const isOwn = kind === SET_TABLE && effects.takesParts;
    const after = isOwn ? emitFrame(probe, end, kind, budgetBytes, effects) : NO_FRAME;
    if (after !== NO_FRAME) {
      bytes += partBytes();
      end = after;
      continue;
    }
    end = probe.scan(end);
    if (probe.scanCount === 0) continue;
    effects.begin('SADD');
    for (let i = 0; i < probe.scanCount; i++) {
      probe.decode(probe.scanOffsets[i]!);
      effects.bytes(probe.region, probe.keyOffset, probe.keyLength);
      bytes += probe.keyLength;
    }
    effects.end();
  }
  return end < SCAN_END ? end : PARTS_END;
}

/** Members in any order. */
const sortable: SortableElements = {
  areOrdered: false,

  count(value) {
    place.take(value);
    return place.size;
  },

  visit(value, first, count, _isReversed, take) {
    const steps = walkThrough(value);
    for (let i = 0; i < first + count && steps.step(member); i++) {
      if (i >= first) take(member.region, member.offset, member.length);
    }
  },
};

export const setType: ValueType = {
  name: 'set',
  number: TYPE_SET,
  kinds: [SET_INTEGERS, SET_PACKED, SET_TABLE, SET_INTEGER_TABLE],
  owningKinds: [SET_TABLE, SET_INTEGER_TABLE],
  verifiedKinds: [SET_INTEGERS, SET_PACKED, SET_TABLE, SET_INTEGER_TABLE],

  encoding({ kind }) {
    return kind === SET_INTEGERS || kind === SET_INTEGER_TABLE ? 'intset' : 'hashtable';
  },

  references: () => 1,

  memory({ space, region, kind, valueOffset }) {
    if (!isTableKind(kind)) return 0;
    const { probe } = setTables.of(space);
    probe.attach(valueOffset, region);
    return probe.allocatedPages * PAGE_BYTES;
  },

  serializedLength(value) {
    if (value.kind === SET_INTEGERS) {
      const bytes = INTSET_HEADER_BYTES + value.valueLength - EMPTY_BYTES;
      return savedLengthBytes(bytes) + bytes;
    }
    let count = 0;
    let bytes = 0;
    for (const steps = walkThrough(value); steps.step(member); count++) bytes += savedBytes(member);
    return savedLengthBytes(count) + bytes;
  },

  digest(value, digest) {
    for (const steps = walkThrough(value); steps.step(member); ) {
      digest.addBytes(member.region, member.offset, member.length);
    }
  },

  effects: rebuilding(emitMembers),

  save: saveSet,
  newLoader: () => new SetLoader(),
  sortable,

  parts: {
    order: 'hash',
    count: ({ space, region, valueOffset }) => {
      const { probe } = setTables.of(space);
      probe.attach(valueOffset, region);
      return probe.size;
    },
    emit: emitPart,
  },
  nativeParts: {
    kinds: [SET_TABLE],
    rootedKinds: [SET_TABLE, SET_INTEGER_TABLE],
    rootBytes: ROOT_BYTES,
    kindWith: () => SET_TABLE,
    build: buildTable,
    format: () => {},
    take(space, root, part, length) {
      return takeFrame(setTables.of(space).probe, root, part, length, MEMBERS);
    },
  },

  copy(value, space, copied: CopiedValue) {
    if (!copyTable(value, space, value.kind)) return false;
    toCopyRoot(copied);
    return true;
  },

  freeStep({ space, region, valueOffset }, budgetPages) {
    return setTables.of(space).reclaim.step(valueOffset, budgetPages, region);
  },

  verify(kind, region, offset, length) {
    if (kind === SET_INTEGERS) {
      const fits = length > EMPTY_BYTES && length <= INTEGERS_BYTES_MAX;
      return fits && verifyIntegerSet(region, offset, length) === '';
    }
    // No text of a member is longer than the value: `verifyPacked` makes one of each.
    if (kind !== SET_PACKED || length > PACKED_BYTES_MAX) return false;
    return (
      verifyPacked(region, offset, length, PACKED_LIMITS) === '' && packedCount(region, offset) > 0
    );
  },
};
