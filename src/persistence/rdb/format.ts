/**
 * The numbers of the RDB format, versions 1 to 12 of Redis and 80 of Valkey.
 *
 *     REDIS0010 | opcode ... | type key value | opcode ... | type key value | 255 | crc64
 *     magic and version, 9 bytes                                        8 bytes, little-endian
 *
 * A type byte below 128 begins a key, a larger one is an opcode. A length takes 1, 2, 5 or 9 bytes:
 *
 *     00nnnnnn                    6 bits
 *     01nnnnnn nnnnnnnn          14 bits
 *     10000000 and 4 bytes       32 bits, big-endian
 *     10000001 and 8 bytes       64 bits, big-endian
 *     11eeeeee                    no length: an encoded string follows, `e` says how
 */

/** Versions of REDIS files that can be read. */
export const REDIS_VERSION_MAX = 12;
/** The version of VALKEY files that can be read. */
export const VALKEY_VERSION = 80;

/** What redis-server 7.0 reads. */
export const VERSION_REDIS_7_0 = 10;
/** Sets as listpacks, active times of stream consumers: redis-server 7.2. */
export const VERSION_REDIS_7_2 = 11;
/** Hash fields that expire: redis-server 7.4. */
export const VERSION_REDIS_7_4 = 12;

/** Files below this version end without a checksum. */
export const VERSION_WITH_CHECKSUM = 5;

export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_SORTED_SET = 3;
export const TYPE_HASH = 4;
export const TYPE_SORTED_SET_2 = 5;
export const TYPE_MODULE_PRE_RELEASE = 6;
export const TYPE_MODULE_2 = 7;
export const TYPE_HASH_ZIPMAP = 9;
export const TYPE_LIST_ZIPLIST = 10;
export const TYPE_SET_INTSET = 11;
export const TYPE_SORTED_SET_ZIPLIST = 12;
export const TYPE_HASH_ZIPLIST = 13;
export const TYPE_LIST_QUICKLIST = 14;
export const TYPE_STREAM_LISTPACKS = 15;
export const TYPE_HASH_LISTPACK = 16;
export const TYPE_SORTED_SET_LISTPACK = 17;
export const TYPE_LIST_QUICKLIST_2 = 18;
export const TYPE_STREAM_LISTPACKS_2 = 19;
export const TYPE_SET_LISTPACK = 20;
export const TYPE_STREAM_LISTPACKS_3 = 21;
/** Redis 7.4 before its release; in files of Valkey the same number is HASH_2. */
export const TYPE_HASH_METADATA_PRE_RELEASE = 22;
export const TYPE_HASH_LISTPACK_EX_PRE_RELEASE = 23;
export const TYPE_HASH_METADATA = 24;
export const TYPE_HASH_LISTPACK_EX = 25;

export const OPCODE_MIN = 128;
export const OPCODE_SLOT_IMPORT = 243;
export const OPCODE_SLOT_INFO = 244;
export const OPCODE_FUNCTION_2 = 245;
export const OPCODE_FUNCTION_PRE_RELEASE = 246;
export const OPCODE_MODULE_AUXILIARY = 247;
export const OPCODE_IDLE = 248;
export const OPCODE_FREQUENCY = 249;
export const OPCODE_AUXILIARY = 250;
export const OPCODE_RESIZE_DATABASE = 251;
export const OPCODE_EXPIRY_MS = 252;
export const OPCODE_EXPIRY_SECONDS = 253;
export const OPCODE_SELECT_DATABASE = 254;
export const OPCODE_END = 255;

export const STRING_INT8 = 0;
export const STRING_INT16 = 1;
export const STRING_INT32 = 2;
export const STRING_LZF = 3;

/** Nodes of a quicklist, version 2. */
export const NODE_PLAIN = 1;
export const NODE_PACKED = 2;

/** Parts of a module's value. */
export const MODULE_END = 0;
export const MODULE_SIGNED = 1;
export const MODULE_UNSIGNED = 2;
export const MODULE_FLOAT = 3;
export const MODULE_DOUBLE = 4;
export const MODULE_STRING = 5;

/** Flags of an entry in a stream's listpack. */
export const ENTRY_DELETED = 1;
export const ENTRY_SAME_FIELDS = 2;

/** A sorted set's score as text: these lengths are no lengths, and 255 is minus infinity. */
export const SCORE_NAN = 253;
export const SCORE_INFINITE = 254;

/** The latest time at which a hash field can expire, in milliseconds: 48 bits. */
export const FIELD_EXPIRY_MAX_MS = 2 ** 48 - 1;

export const TWO_32 = 2 ** 32;
