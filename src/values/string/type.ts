/**
 * Strings. The bytes are the value; the kind remembers what they cannot tell:
 *
 *     STRING_AUTO   what SET stores: an integer when it reads as one
 *     STRING_TEXT   never counts as an integer (INCRBYFLOAT)
 *     STRING_RAW    was changed in place (APPEND, SETRANGE, SETBIT)
 *
 * OBJECT ENCODING shows the difference. References are not counted here, but Redis shares its small
 * integers and says so.
 */

import { type Region, toBinary } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { savedStringBytes } from '../saved-length.js';
import { LoadedValue, type StoredValue, type ValueLoader, type ValueType } from '../value-type.js';

const TYPE_STRING = 0;
export const STRING_AUTO = TYPE_STRING;
export const STRING_TEXT = TYPE_STRING | (1 << 3);
export const STRING_RAW = TYPE_STRING | (2 << 3);

const EMBEDDED_BYTES_MAX = 44;
const SHARED_INTEGERS = 10_000;
const SHARED_REFERENCES = 2 ** 31 - 1;

const ZERO = 48;
const MINUS = 45;
const INTEGER_DIGITS_MAX = 19;
const INTEGER_MAX_DIGITS = '9223372036854775807';

/** Whether a key of this kind holds a string. */
export function isStringKind(kind: number): boolean {
  return (kind & 7) === TYPE_STRING;
}

/** Whether bytes are the canonical decimal text of an integer of 64 bits. */
export function readsAsInteger(region: Region, offset: number, length: number): boolean {
  const { bytes } = region;
  const negative = length > 0 && bytes[offset] === MINUS;
  const first = negative ? offset + 1 : offset;
  const digits = offset + length - first;
  if (digits < 1 || digits > INTEGER_DIGITS_MAX) return false;
  if (bytes[first] === ZERO) return length === 1;
  let compared = 0;
  for (let i = 0; i < digits; i++) {
    const byte = bytes[first + i]!;
    if (byte < ZERO || byte > ZERO + 9) return false;
    if (compared === 0) compared = byte - INTEGER_MAX_DIGITS.charCodeAt(i);
  }
  // The least integer is one further from 0 than the greatest.
  if (digits < INTEGER_DIGITS_MAX || compared <= 0) return true;
  const leastByOne =
    negative && bytes[first + digits - 1] === INTEGER_MAX_DIGITS.charCodeAt(18) + 1;
  return leastByOne && toBinary(region, first, digits - 1) === INTEGER_MAX_DIGITS.slice(0, -1);
}

/** Whether Redis would keep the value as an integer. */
function isInteger({ kind, region, valueOffset, valueLength }: StoredValue): boolean {
  return kind === STRING_AUTO && readsAsInteger(region, valueOffset, valueLength);
}

function textOf({ region, valueOffset, valueLength }: StoredValue): string {
  return toBinary(region, valueOffset, valueLength);
}

/** Refers to the bytes that it is given: they are copied once, into the store. */
class StringLoader implements ValueLoader {
  readonly value = new LoadedValue();

  begin(space: Space): void {
    const { value } = this;
    value.space = space;
    value.region = space.region;
    value.kind = STRING_AUTO;
    value.valueLength = 0;
  }

  bytes(region: Region, offset: number, length: number): void {
    const { value } = this;
    value.region = region;
    value.valueOffset = offset;
    value.valueLength = length;
  }

  add(): number {
    throw new Error('a string has no elements');
  }
}

export const stringType: ValueType = {
  name: 'string',
  number: TYPE_STRING,
  kinds: [STRING_AUTO, STRING_TEXT, STRING_RAW],
  owningKinds: [],
  verifiedKinds: [],

  encoding(value) {
    if (isInteger(value)) return 'int';
    const embedded = value.kind !== STRING_RAW && value.valueLength <= EMBEDDED_BYTES_MAX;
    return embedded ? 'embstr' : 'raw';
  },

  references(value) {
    if (!isInteger(value)) return 1;
    const number = Number(textOf(value));
    return number >= 0 && number < SHARED_INTEGERS ? SHARED_REFERENCES : 1;
  },

  memory: () => 0,

  serializedLength(value) {
    const { region, valueOffset, valueLength } = value;
    const isInteger = readsAsInteger(region, valueOffset, valueLength);
    return savedStringBytes(valueLength, isInteger ? Number(textOf(value)) : Number.NaN);
  },

  digest({ region, valueOffset, valueLength }, digest) {
    digest.mix(region, valueOffset, valueLength);
  },

  effects({ region, valueOffset, valueLength, expiry }, effects) {
    const set = effects.begin('SET').bytes(region, valueOffset, valueLength);
    if (expiry !== 0) set.word('PXAT').time(expiry);
    set.end();
  },

  save({ region, valueOffset, valueLength }, sink) {
    sink.string(region, valueOffset, valueLength);
  },

  newLoader: () => new StringLoader(),

  copy: () => false,
  freeStep: () => true,
  verify: () => true,
};
