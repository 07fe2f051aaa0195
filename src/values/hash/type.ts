/** Hashes as values: what every type answers for. layout.ts says how they are stored. */
import { Region } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import type { PackedView } from '../../structures/packed/element.js';
import { INTEGER_TEXT_MAX } from '../../structures/packed/integer.js';
import { packedCount } from '../../structures/packed/packed.js';
import { verifyPacked } from '../../structures/packed/verify.js';
import { SCAN_END } from '../../structures/table.js';
import { LENGTH_MAX } from '../../structures/untrusted-entry.js';
import { emitFrame, NO_FRAME, partBytes, takeFrame } from '../native-parts.js';
import { EFFECT_BYTES_MAX, EFFECT_ELEMENTS_MAX, rebuilding } from '../rebuilding.js';
import {
  type ElementExpiry,
  PARTS_END,
  type StoredValue,
  type ValueDigest,
  type ValueEffects,
  type ValueType,
} from '../value-type.js';
import { copyNested } from './copy.js';
import { HashEdit } from './edit.js';
import { HashLoader, saveHash } from './file.js';
import {
  HASH_ROOT_BYTES,
  isNestedKind,
  KIND_NAMED_TABLE,
  KIND_NESTED,
  PACKED_BYTES_MAX,
  PACKED_FIELDS_MAX,
  TYPE_HASH,
} from './layout.js';
import { HashReader, nestedTables, STRIDE } from './reader.js';
import { savedLength } from './saved-length.js';
import { tableReclaims } from './writer.js';

/** The verbs of the effects that rebuild a hash. */
const EFFECT_SET = 'HSET';
const EFFECT_REMOVE_FIELDS = 'HDEL';
const EFFECT_EXPIRE_FIELDS_AT = 'HPEXPIREAT';

const PACKED_KINDS = [TYPE_HASH, TYPE_HASH | KIND_NAMED_TABLE];
const NESTED_KINDS = PACKED_KINDS.map((kind) => kind | KIND_NESTED);
const PACKED_LIMITS = {
  stride: STRIDE,
  countMax: PACKED_FIELDS_MAX * STRIDE,
  distinct: true,
  scored: false,
};
/** Where the root lies of a packed hash that becomes nested. */
const builtRoot = new Region(new SharedArrayBuffer(HASH_ROOT_BYTES), 0);
const NO_LIMITS = {
  hashListpackEntriesMax: Number.POSITIVE_INFINITY,
  hashListpackValueBytesMax: Number.POSITIVE_INFINITY,
};
/** Fields have no kinds, and any value. */
const FIELDS = { kinds: 1, verifiedKinds: 0, valueBytesMax: LENGTH_MAX, verify: () => true };
const NO_TIME = 0;
const EXPIRING_MARK = new Region(new SharedArrayBuffer(16), 0);
const EXPIRING_TEXT = '!!hexpire!!';
for (let i = 0; i < EXPIRING_TEXT.length; i++) {
  EXPIRING_MARK.bytes[i] = EXPIRING_TEXT.charCodeAt(i);
}

const hash = new HashReader();
const edit = new HashEdit();
const text = new Region(new SharedArrayBuffer((INTEGER_TEXT_MAX + 7) & ~7), 0);

function opened(value: StoredValue): HashReader {
  hash.open(value, NO_TIME);
  return hash;
}

/** The region in which an element's bytes lie; an integer's text is written first. */
function regionOf(reader: HashReader, view: PackedView): Region {
  if (!view.isInteger) return reader.elementRegion;
  view.copyTo(text, text, 0);
  return text;
}

function mixElement(digest: ValueDigest, reader: HashReader, view: PackedView): void {
  digest.mix(regionOf(reader, view), view.isInteger ? 0 : view.offset, view.length);
}

function appendElement(effects: ValueEffects, reader: HashReader, view: PackedView): void {
  effects.bytes(regionOf(reader, view), view.isInteger ? 0 : view.offset, view.length);
}

const elementExpiry: ElementExpiry = {
  earliest(value) {
    const reader = opened(value);
    return reader.expiring === 0 ? Number.POSITIVE_INFINITY : reader.earliest;
  },

  expire(value, nowMs, effects) {
    edit.open(value, nowMs);
    if (!edit.mayHaveExpired) return 0;
    edit.beginExpired();
    let removed = 0;
    for (; edit.nextExpired(); removed++) {
      if (removed === 0) effects.begin(EFFECT_REMOVE_FIELDS);
      appendElement(effects, edit, edit.field);
      edit.removeFound();
    }
    if (removed === 0) return 0;
    effects.end();
    if (edit.size === 0) return -removed;
    edit.tidy();
    return removed;
  },
};

export const hashType: ValueType = {
  elementExpiry,
  name: 'hash',
  number: TYPE_HASH,
  kinds: [...PACKED_KINDS, ...NESTED_KINDS],
  owningKinds: NESTED_KINDS,
  verifiedKinds: PACKED_KINDS,

  encoding(value) {
    if ((value.kind & KIND_NAMED_TABLE) !== 0) return 'hashtable';
    return opened(value).earliest === 0 ? 'listpack' : 'listpackex';
  },

  references: () => 1,

  memory: (value) => opened(value).ownedPages * PAGE_BYTES,

  serializedLength: (value) => savedLength(opened(value)),

  digest(value, digest) {
    const reader = opened(value);
    reader.rewind();
    while (reader.next()) {
      const element = digest.element();
      mixElement(element, reader, reader.field);
      mixElement(element, reader, reader.value);
      if (reader.expiry !== 0) element.mix(EXPIRING_MARK, 0, EXPIRING_TEXT.length);
      digest.add(element);
    }
  },

  effects: rebuilding((value, effects) => {
    const reader = opened(value);
    setEffects(reader, effects);
    if (reader.earliest !== 0) expiryEffects(reader, effects);
  }),

  save: saveHash,
  newLoader: () => new HashLoader(),

  copy(value, space, copied) {
    return copyNested(value, space, copied);
  },

  parts: { order: 'hash', count: (value) => opened(value).size, emit: emitPart },
  nativeParts: {
    kinds: NESTED_KINDS,
    rootedKinds: NESTED_KINDS,
    rootBytes: HASH_ROOT_BYTES,
    kindWith: (found, kind) => found | kind,
    build(value, built) {
      edit.open(value, NO_TIME);
      if (!edit.makeNested(NO_LIMITS)) return false;
      edit.finish(builtRoot, 0);
      built.region = builtRoot;
      built.offset = 0;
      built.length = HASH_ROOT_BYTES;
      return true;
    },
    format: () => {},
    take(space, root, part, length) {
      return takeFrame(nestedTables.of(space), root, part, length, FIELDS);
    },
  },

  field(value, name, offset, length, nowMs, found) {
    hash.open(value, nowMs);
    if (!hash.find(name, offset, length)) return false;
    found.region = regionOf(hash, hash.value);
    found.offset = hash.value.isInteger ? 0 : hash.value.offset;
    found.length = hash.value.length;
    return true;
  },

  freeStep(value, budgetPages) {
    return tableReclaims.of(value.space).step(value.valueOffset, budgetPages, value.region);
  },

  verify(kind, region, offset, length) {
    if (isNestedKind(kind) || length > PACKED_BYTES_MAX) return false;
    return (
      verifyPacked(region, offset, length, PACKED_LIMITS) === '' && packedCount(region, offset) > 0
    );
  },
};

/** As ValueParts.emit, of a nested hash: frame by frame, else bucket by bucket. */
function emitPart(
  value: StoredValue,
  position: number,
  budgetBytes: number,
  effects: ValueEffects,
): number {
  const reader = opened(value);
  const isPlain = reader.earliest === 0;
  const table = nestedTables.of(value.space);
  let bytes = 0;
  let end = position;
  while (end < SCAN_END && bytes < budgetBytes) {
    const isOwn = isPlain && effects.takesParts;
    const after = isOwn ? emitFrame(table, end, value.kind, budgetBytes, effects) : NO_FRAME;
    if (after !== NO_FRAME) {
      bytes += partBytes();
      end = after;
      continue;
    }
    reader.seekTo(end);
    end = reader.nextBucket();
    if (reader.bucketSize > 0) effects.begin(EFFECT_SET);
    else continue;
    while (reader.nextOfBucket()) {
      appendElement(effects, reader, reader.field);
      appendElement(effects, reader, reader.value);
      bytes += reader.field.length + reader.value.length;
    }
    effects.end();
  }
  if (!isPlain) {
    reader.seekTo(position);
    for (let at = position; at < end; ) {
      at = reader.nextBucket();
      while (reader.nextOfBucket()) if (reader.expiry !== 0) expiryEffect(reader, effects);
    }
  }
  return end < SCAN_END ? end : PARTS_END;
}

/** Emits all pairs, as many at a time as an effect may have. */
function setEffects(reader: HashReader, effects: ValueEffects): void {
  let elements = 0;
  let bytes = 0;
  reader.rewind();
  while (reader.next()) {
    const { field, value } = reader;
    const size = field.length + value.length;
    if (
      elements + STRIDE > EFFECT_ELEMENTS_MAX ||
      (elements > 0 && bytes + size > EFFECT_BYTES_MAX)
    ) {
      effects.end();
      elements = 0;
      bytes = 0;
    }
    if (elements === 0) effects.begin(EFFECT_SET);
    appendElement(effects, reader, field);
    appendElement(effects, reader, value);
    elements += STRIDE;
    bytes += size;
  }
  if (elements > 0) effects.end();
}

/** Emits when fields expire, one effect for each: fields seldom share their time. */
function expiryEffects(reader: HashReader, effects: ValueEffects): void {
  reader.rewind();
  while (reader.next()) {
    if (reader.expiry !== 0) expiryEffect(reader, effects);
  }
}

function expiryEffect(reader: HashReader, effects: ValueEffects): void {
  effects.begin(EFFECT_EXPIRE_FIELDS_AT).time(reader.expiry).word('FIELDS').word('1');
  appendElement(effects, reader, reader.field);
  effects.end();
}
