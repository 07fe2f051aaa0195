/**
 * The five `kind` bits of a keyspace entry:
 *
 *   bit 4 3 | 2 1 0
 *   encoding| type
 *
 * For strings the encoding remembers what the bytes cannot tell: AUTO is what SET stores (an
 * integer when it reads as one), TEXT never counts as integer (INCRBYFLOAT), RAW was changed in
 * place (APPEND, SETRANGE, SETBIT), as OBJECT ENCODING shows it.
 */
export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_SORTED_SET = 3;
export const TYPE_HASH = 4;
export const TYPE_STREAM = 5;

export const TYPE_NAMES = ['string', 'list', 'set', 'zset', 'hash', 'stream'] as const;

export const ENCODING_AUTO = 0;
export const ENCODING_TEXT = 1;
export const ENCODING_RAW = 2;

export function typeOf(kind: number): number {
  return kind & 7;
}

export function encodingOf(kind: number): number {
  return (kind >>> 3) & 3;
}

export function kindOf(type: number, encoding: number): number {
  return type | (encoding << 3);
}

export const STRING_AUTO = TYPE_STRING;
export const STRING_TEXT = TYPE_STRING | (ENCODING_TEXT << 3);
export const STRING_RAW = TYPE_STRING | (ENCODING_RAW << 3);
