/**
 * What a load sends: keys of fixed width and values that are a function of the key's number, so
 * that two servers filled by it hold identical data and anyone can recompute any value.
 *
 *   batch   |*3 $3 SET $11 k0000004711 $100 <value>|*2 $3 GET $11 k0000000815| ...
 *                          ^^^^^^^^^^^ digits are patched in place; lengths never change
 */
export type CommandKind = 'set' | 'get' | 'incr' | 'mset2' | 'mset10';

/** How many keys with values a command has. */
const VALUES: Readonly<Record<CommandKind, number>> = {
  ...{ get: 0, incr: 0, set: 1, mset2: 2, mset10: 10 },
};

/** Whether a command is answered OK. */
export function stores(kind: CommandKind): boolean {
  return VALUES[kind] > 0;
}

export interface KeyFormat {
  readonly prefix: string;
  readonly digits: number;
  /** Keys are numbered 0 .. count-1. */
  readonly count: number;
}

/** 11 bytes, as in the figures of docs/benchmarks.md. */
export function shortKeys(count: number): KeyFormat {
  return { prefix: 'k', digits: 10, count };
}

/** The names that redis-benchmark makes of key:__rand_int__. */
export function redisBenchmarkKeys(count: number): KeyFormat {
  return { prefix: 'key:', digits: 12, count };
}

export function keyName(format: KeyFormat, index: number): string {
  return format.prefix + String(index).padStart(format.digits, '0');
}

const POOL_BYTES = 1 << 20;
const POOL_SEED = 0x9e3779b9;
const pool = makePool();

/** Random letters and digits: no compression makes one server's work lighter than another's. */
function makePool(): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const bytes = Buffer.allocUnsafe(POOL_BYTES);
  let state = POOL_SEED;
  for (let i = 0; i < POOL_BYTES; i++) {
    state = nextRandom(state);
    bytes[i] = letters.charCodeAt((state >>> 8) & 63);
  }
  return bytes;
}

/** xorshift32: the next state from the last; never 0 from a state that is not 0. */
export function nextRandom(state: number): number {
  let x = state;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return x | 0;
}

function valueStart(index: number, bytes: number): number {
  return (Math.imul(index, 0x9e3779b1) >>> 0) % (POOL_BYTES - bytes);
}

export function valueText(index: number, bytes: number): string {
  const start = valueStart(index, bytes);
  return pool.toString('latin1', start, start + bytes);
}

/** Copies the value of key `index` to where it belongs in a batch. */
export function copyValue(target: Uint8Array, offset: number, index: number, bytes: number): void {
  const start = valueStart(index, bytes);
  pool.copy(target, offset, start, start + bytes);
}

/** Encoded commands with the places where key digits and values go. */
export interface Batch {
  readonly bytes: Uint8Array;
  readonly kinds: readonly CommandKind[];
  /** Offset of the first digit of every key, in order. */
  readonly digitOffsets: readonly number[];
  /** Offset of every value, one a key where the command has values, else -1. */
  readonly valueOffsets: readonly number[];
}

export function encodeBatch(
  kinds: readonly CommandKind[],
  keys: KeyFormat,
  valueBytes: number,
): Batch {
  const pieces: string[] = [];
  const digitOffsets: number[] = [];
  const valueOffsets: number[] = [];
  let length = 0;
  const add = (text: string): void => {
    pieces.push(text);
    length += text.length;
  };
  const addKey = (): void => {
    add(`$${keys.prefix.length + keys.digits}\r\n${keys.prefix}`);
    digitOffsets.push(length);
    add(`${'0'.repeat(keys.digits)}\r\n`);
    valueOffsets.push(-1);
  };
  const addValue = (): void => {
    add(`$${valueBytes}\r\n`);
    valueOffsets[valueOffsets.length - 1] = length;
    add(`${valueText(digitOffsets.length, valueBytes)}\r\n`);
  };
  for (const kind of kinds) {
    if (kind === 'get') add('*2\r\n$3\r\nGET\r\n');
    else if (kind === 'incr') add('*2\r\n$4\r\nINCR\r\n');
    else if (kind === 'set') add('*3\r\n$3\r\nSET\r\n');
    else add(`*${1 + 2 * VALUES[kind]}\r\n$4\r\nMSET\r\n`);
    for (let i = Math.max(1, VALUES[kind]); i > 0; i--) {
      addKey();
      if (stores(kind)) addValue();
    }
  }
  const bytes = new Uint8Array(Buffer.from(pieces.join(''), 'latin1'));
  return { bytes, kinds, digitOffsets, valueOffsets };
}

/** Writes a key's number, right-aligned with zeros, over its digits. */
export function patchDigits(
  bytes: Uint8Array,
  offset: number,
  digits: number,
  index: number,
): void {
  let rest = index;
  for (let i = offset + digits - 1; i >= offset; i--) {
    const quotient = Math.floor(rest / 10);
    bytes[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
}
