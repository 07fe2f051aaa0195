/**
 * The math library. `random` is Redis's: a generator of 48 bits, which starts from the same state
 * with each process and goes on from script to script.
 */
import { check, checkInt, checkNumber } from '../runtime/arguments.js';
import { libraryError } from '../runtime/failures.js';
import { LuaTable } from '../runtime/table.js';
import { defineFunctions, type Native } from './define.js';

const MULTIPLIER = 0x5deece66dn;
const INCREMENT = 0xbn;
const MASK = (1n << 48n) - 1n;
const SEED_LOW = 0x330en;
/** What the process begins with. */
const START = 0x1234abcd330en;
const RANDOM_MAX = 2 ** 31 - 1;

/** The linear congruential generator of drand48. */
class Random48 {
  /** 48 bits. */
  value = START;

  seed(value: number): void {
    this.value = (BigInt(value >>> 0) << 16n) | SEED_LOW;
  }

  /** 31 bits. */
  next(): number {
    this.value = (this.value * MULTIPLIER + INCREMENT) & MASK;
    return Number(this.value >> 17n);
  }
}

export const randomState = new Random48();

const random: Native = (...args) => {
  const r = (randomState.next() % RANDOM_MAX) / RANDOM_MAX;
  if (args.length === 0) return r;
  if (args.length === 1) {
    const high = checkInt(args, 1);
    check(high >= 1, 1, 'interval is empty');
    return Math.floor(r * high) + 1;
  }
  if (args.length > 2) throw libraryError('wrong number of arguments');
  const low = checkInt(args, 1);
  const high = checkInt(args, 2);
  check(low <= high, 2, 'interval is empty');
  // The difference is an int in C: it wraps.
  return Math.floor(r * ((high - low + 1) | 0)) + low;
};

const randomseed: Native = (...args) => {
  randomState.seed(checkInt(args, 1));
  return [];
};

function unary(compute: (x: number) => number): Native {
  return (...args) => compute(checkNumber(args, 1));
}

/** The second argument is checked first, as the C compiler happens to do it. */
function binary(compute: (x: number, y: number) => number): Native {
  return (...args) => {
    const y = checkNumber(args, 2);
    return compute(checkNumber(args, 1), y);
  };
}

function extreme(isBetter: (x: number, best: number) => boolean): Native {
  return (...args) => {
    let best = checkNumber(args, 1);
    for (let i = 2; i <= args.length; i++) {
      const x = checkNumber(args, i);
      if (isBetter(x, best)) best = x;
    }
    return best;
  };
}

/** x = mantissa * 2^exponent with 0.5 <= |mantissa| < 1. */
const frexp: Native = (...args) => {
  const x = checkNumber(args, 1);
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(x))) + 1);
  let mantissa = x * 2 ** -exponent;
  while (Math.abs(mantissa) < 0.5) {
    mantissa *= 2;
    exponent--;
  }
  while (Math.abs(mantissa) >= 1) {
    mantissa /= 2;
    exponent++;
  }
  return [mantissa, exponent];
};

/** In three steps, so that no power of two overflows on the way. */
const ldexp: Native = (...args) => {
  const exponent = Math.max(-3000, Math.min(3000, checkInt(args, 2)));
  const x = checkNumber(args, 1);
  const third = Math.trunc(exponent / 3);
  return x * 2 ** third * 2 ** third * 2 ** (exponent - 2 * third);
};

const modf: Native = (...args) => {
  const x = checkNumber(args, 1);
  const whole = x > 0 ? Math.floor(x) : Math.ceil(x);
  if (Number.isNaN(x)) return [x, x];
  const fraction = Number.isFinite(x) ? x - whole : 0;
  // The fraction has the sign of the number, also when it is zero.
  return [whole, fraction === 0 && (x < 0 || Object.is(x, -0)) ? -0 : fraction];
};

function power(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY)) return 1;
  return x ** y;
}

export function mathLibrary(): LuaTable {
  const fmod = binary((x, y) => x % y);
  const table = defineFunctions(new LuaTable(0, 32), {
    abs: unary(Math.abs),
    acos: unary(Math.acos),
    asin: unary(Math.asin),
    atan: unary(Math.atan),
    atan2: binary(Math.atan2),
    ceil: unary(Math.ceil),
    cos: unary(Math.cos),
    cosh: unary(Math.cosh),
    deg: unary((x) => x / (Math.PI / 180)),
    exp: unary(Math.exp),
    floor: unary(Math.floor),
    fmod,
    frexp,
    ldexp,
    log: unary(Math.log),
    log10: unary(Math.log10),
    max: extreme((x, best) => x > best),
    min: extreme((x, best) => x < best),
    mod: fmod,
    modf,
    pow: binary(power),
    rad: unary((x) => x * (Math.PI / 180)),
    random,
    randomseed,
    sin: unary(Math.sin),
    sinh: unary(Math.sinh),
    sqrt: unary(Math.sqrt),
    tan: unary(Math.tan),
    tanh: unary(Math.tanh),
  });
  table.set('pi', Math.PI);
  table.set('huge', Number.POSITIVE_INFINITY);
  return table;
}
