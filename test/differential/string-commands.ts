/** Random string and bitmap commands. */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

export const stringSpecs: readonly CommandSpec[] = [
  spec(60, (w) => ['SET', w.key(), w.value()]),
  spec(50, (w) => ['SET', w.key(), w.value(), ...setOptions(w)]),
  spec(40, (w) => ['GET', w.key()]),
  spec(16, (w) => ['GETEX', w.key(), ...getexOptions(w)]),
  spec(8, (w) => ['GETDEL', w.key()]),
  spec(8, (w) => ['GETSET', w.key(), w.value()]),
  spec(10, (w) => ['MSET', ...w.many(4, () => [w.key(), w.value()]).flat()]),
  spec(10, (w) => ['MSETNX', ...w.many(3, () => [w.key(), w.value()]).flat()]),
  spec(14, (w) => ['MGET', ...w.keys(6)]),
  spec(14, (w) => [w.pick('INCR', 'DECR'), w.key()]),
  spec(22, (w) => [w.pick('INCRBY', 'DECRBY'), w.key(), w.integer()]),
  spec(22, (w) => ['INCRBYFLOAT', w.key(), w.float()]),
  spec(16, (w) => ['APPEND', w.key(), w.value()]),
  spec(10, (w) => ['STRLEN', w.key()]),
  spec(16, (w) => ['SETRANGE', w.key(), w.offset(), w.value()]),
  spec(16, (w) => [w.pick('GETRANGE', 'SUBSTR'), w.key(), w.index(), w.index()]),
  spec(8, (w) => ['SETEX', w.key(), w.seconds(), w.value()]),
  spec(8, (w) => ['PSETEX', w.key(), w.milliseconds(), w.value()]),
  spec(8, (w) => ['SETNX', w.key(), w.value()]),
  spec(8, (w) => ['SET', w.shortKey(), w.shortValue()]),
  spec(2, (w) => ['DEL', w.shortKey()]),
  spec(14, (w) => ['LCS', w.shortKey(), w.shortKey(), ...lcsOptions(w)]),
];

export const bitmapSpecs: readonly CommandSpec[] = [
  spec(20, (w) => ['SETBIT', w.key(), w.bitOffset(), w.pick('0', '1', '0', '1', '2', '', 'x')]),
  spec(14, (w) => ['GETBIT', w.key(), w.chance(0.9) ? w.bitOffset() : w.integer()]),
  spec(20, (w) => ['BITCOUNT', w.key(), ...rangeOptions(w)]),
  spec(20, (w) => ['BITPOS', w.key(), w.pick('0', '1', '0', '1', '2'), ...rangeOptions(w)]),
  spec(16, (w) => ['BITOP', w.pick('AND', 'OR', 'XOR'), w.key(), ...w.keys(4)]),
  spec(6, (w) => ['BITOP', 'NOT', w.key(), ...w.keys(w.chance(0.8) ? 1 : 2)]),
  spec(26, (w) => ['BITFIELD', w.key(), ...w.many(4, () => bitfieldOperation(w)).flat()]),
  spec(10, (w) => ['BITFIELD_RO', w.key(), ...w.many(3, () => bitfieldRead(w)).flat()]),
  spec(2, (w) => [w.pick('BITFIELD', 'BITFIELD_RO'), w.key()]),
];

function setOptions(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.35)) parts.push([w.pick('NX', 'XX')]);
  if (w.chance(0.4)) parts.push(['GET']);
  if (w.chance(0.5)) parts.push(expiryOption(w));
  if (w.chance(0.2)) parts.push(['KEEPTTL']);
  if (w.chance(0.05)) parts.push([w.pick('NX', 'XX', 'PERSIST', 'EX', 'FOO', 'GET')]);
  return w.random.shuffle(parts).flat();
}

function getexOptions(w: World): string[] {
  if (w.chance(0.25)) return [];
  if (w.chance(0.25)) return ['PERSIST'];
  return w.chance(0.95) ? expiryOption(w) : [...expiryOption(w), ...expiryOption(w)];
}

function expiryOption(w: World): string[] {
  switch (w.random.below(4)) {
    case 0:
      return ['EX', w.seconds()];
    case 1:
      return ['PX', w.milliseconds()];
    case 2:
      return ['EXAT', w.unixSeconds()];
    default:
      return ['PXAT', w.unixMilliseconds()];
  }
}

function lcsOptions(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.3)) parts.push(['LEN']);
  if (w.chance(0.5)) parts.push(['IDX']);
  if (w.chance(0.4))
    parts.push(['MINMATCHLEN', w.chance(0.8) ? w.pick('0', '2', '4') : w.integer()]);
  if (w.chance(0.4)) parts.push(['WITHMATCHLEN']);
  return w.random.shuffle(parts).flat();
}

function rangeOptions(w: World): string[] {
  if (w.chance(0.3)) return [];
  if (w.chance(0.12)) return [w.index()];
  const range = [w.index(), w.index()];
  return w.chance(0.5) ? range : [...range, w.chance(0.95) ? w.pick('BYTE', 'BIT') : 'BITS'];
}

function bitType(w: World): string {
  if (w.chance(0.06))
    return w.pick('u64', 'i65', 'u0', 'i0', 'x8', '', 'u', 'u-1', 'U8', 'i', 'u8x');
  return w.chance(0.5) ? `u${w.random.between(1, 63)}` : `i${w.random.between(1, 64)}`;
}

function bitOffset(w: World): string {
  if (w.chance(0.05))
    return w.pick('-1', '#-1', 'abc', '#', '', '4294967296', '#4294967296', '1.0');
  return w.chance(0.3) ? `#${w.random.below(12)}` : String(w.random.below(200));
}

function bitfieldRead(w: World): string[] {
  return ['GET', bitType(w), bitOffset(w)];
}

/** Not so far below a type's range that Redis overflows itself: see intended-differences.ts. */
function setValue(w: World): string {
  const value = w.integer();
  return /^-\d{19}$/.test(value) ? '-2305843009213693952' : value;
}

function bitfieldOperation(w: World): string[] {
  switch (w.random.below(4)) {
    case 0:
      return bitfieldRead(w);
    case 1:
      return ['SET', bitType(w), bitOffset(w), setValue(w)];
    case 2:
      return ['INCRBY', bitType(w), bitOffset(w), w.integer()];
    default:
      return [
        ...['OVERFLOW', w.chance(0.95) ? w.pick('WRAP', 'SAT', 'FAIL') : 'NONE'],
        ...['INCRBY', bitType(w), bitOffset(w), w.integer()],
      ];
  }
}
