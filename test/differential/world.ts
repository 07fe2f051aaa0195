/**
 * The arguments that random commands are made of: few keys, so that commands meet, and values that
 * lean towards the edges (limits of 64 bits, almost-numbers, empty, binary, long).
 */
import type { Random } from '../support/random.js';

const keys = [
  'k1',
  'k2',
  'k3',
  'k4',
  'k5',
  'k6',
  '{t}a',
  '{t}b',
  'K1',
  'a key',
  '',
  'k\xff\x00\r\n',
];
/** LCS takes time and memory as the product of two lengths: its keys only ever hold short values. */
const shortKeys = ['lcs:1', 'lcs:2', 'lcs:3'];

const integers = [
  ...['0', '1', '-1', '2', '3', '7', '10', '42', '99', '100', '127', '128', '255', '256', '9999'],
  ...['10000', '32767', '65535', '65536', '2147483647', '-2147483648', '2147483648', '4294967295'],
  ...['4294967296', '9007199254740991', '9007199254740992', '9007199254740993'],
  ...['-9007199254740993', '9223372036854775806', '9223372036854775807', '-9223372036854775807'],
  '-9223372036854775808',
];
const notIntegers = [
  ...['', ' ', '1 ', ' 1', '+1', '-0', '00', '01', '1.0', '1e3', '0x10', 'abc', '-', '--1', '1a'],
  ...[
    '9223372036854775808',
    '-9223372036854775809',
    '18446744073709551615',
    '18446744073709551616',
  ],
  ...['99999999999999999999999', '1\x00', '\x001', 'inf', 'nan'],
];
const floats = [
  ...['0.1', '-0.1', '1.5', '3.0e3', '1e17', '1e-17', '.5', '5.', '0.30000000000000004', '100.25'],
  ...['3.14159265358979', '123456789012345678.5', '-1.7976931348623157e308', '1e300', '1e-300'],
  ...['1e5', '-2.5E2', '5e-324', '10.50', '0.00', '1e4931', '99999999999999999999.9'],
];
const notFloats = [
  ...[
    'inf',
    '-inf',
    'nan',
    'infinity',
    '1e',
    '0.1.2',
    '1e5000',
    ' 1.5',
    '1.5 ',
    '',
    'abc',
    '0x1p3',
  ],
  ...['1,5', '+inf', '-nan', '1e400', '\x00'],
];
const words = [
  ...['', 'a', 'b', 'hello', 'hello world', 'foo', 'foobar', 'The quick brown fox', '"quoted"'],
  ...[
    'caf\xc3\xa9',
    '\xe2\x82\xac',
    '\x00',
    '\x00\x01\xff',
    '\xff\xff\xff\xff',
    'line\r\nbreak',
    '*1',
  ],
  ...[
    'x'.repeat(43),
    'x'.repeat(44),
    'x'.repeat(45),
    'y'.repeat(64),
    'z'.repeat(255),
    '1'.repeat(20),
  ],
];
const patterns = [
  ...[
    '*',
    'k*',
    'k?',
    '?',
    '[a-k]*',
    '\\*',
    'k[^1]',
    'k[12]',
    '',
    '**',
    '[',
    'k[12',
    '*[0-9]',
    'k1',
  ],
  ...[
    '{t}*',
    '*1',
    '*\\',
    'k[3-1]',
    '[^]',
    '[]',
    'K?',
    '*k*k*',
    'k[\\1]',
    'k[a-',
    '*\xff*',
    'k**1',
  ],
];
/** Relative times are long, and hardly ever equal: see mutate.ts. */
const secondsLow = 10_000;
const secondsHigh = 90_000_000;
/** The year 2100: an absolute time that a repeated run also finds in the future. */
const future_s = 4_102_444_800;

export class World {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  chance(probability: number): boolean {
    return this.random.chance(probability);
  }

  pick<T>(...list: readonly T[]): T {
    return this.random.pick(list);
  }

  key(): string {
    return this.random.pick(keys);
  }

  keys(most = 4): string[] {
    return this.many(most, () => this.key());
  }

  shortKey(): string {
    return this.random.pick(shortKeys);
  }

  many<T>(most: number, make: () => T): T[] {
    const list: T[] = [];
    for (let i = this.random.between(1, most); i > 0; i--) list.push(make());
    return list;
  }

  /** Whether values of any length are written to this key. */
  isLongKey(text: string): boolean {
    return keys.includes(text);
  }

  /** One in seven is not an integer. */
  integer(): string {
    if (this.chance(0.14)) return this.random.pick(notIntegers);
    if (this.chance(0.4)) return String(this.random.between(-20, 120));
    return this.random.pick(integers);
  }

  float(): string {
    if (this.chance(0.15)) return this.random.pick(notFloats);
    if (this.chance(0.25)) return this.integer();
    if (this.chance(0.4)) return String(this.random.between(-100_000, 100_000) / 1000);
    return this.random.pick(floats);
  }

  value(): string {
    const kind = this.random.below(100);
    if (kind < 30) return this.integer();
    if (kind < 40) return this.float();
    if (kind < 85) return this.random.pick(words);
    if (kind < 97) return this.random.binary(this.random.below(60));
    return this.long();
  }

  /** 1 to 70 KB. */
  long(): string {
    const part = this.random.binary(this.random.between(1, 40));
    return part.repeat(Math.ceil(this.random.between(1024, 70 * 1024) / part.length));
  }

  shortValue(): string {
    if (this.chance(0.2)) return this.random.pick(words);
    let text = '';
    for (let i = this.random.below(80); i > 0; i--) text += this.pick('a', 'b', 'c', 'd');
    return text;
  }

  pattern(): string {
    return this.random.pick(patterns);
  }

  /** A place in a string: near its ends mostly, negative too. */
  index(): string {
    if (this.chance(0.06)) return this.integer();
    return String(this.random.between(-12, 50));
  }

  /** An offset to write at: bounded, since both servers allocate it. */
  offset(): string {
    const kind = this.random.below(100);
    if (kind < 85) return String(this.random.below(100));
    if (kind < 93) return String(this.random.below(70_000));
    return this.pick('-1', '536870912', '9223372036854775807', 'abc', '', '4294967296', '1.5');
  }

  bitOffset(): string {
    const offset = this.offset();
    return offset === '536870912' ? '4294967295000' : offset;
  }

  seconds(): string {
    if (this.chance(0.1))
      return this.badTime('9223372036854775807', '9223372036854775', '1000000000000000000');
    return String(this.random.between(secondsLow, secondsHigh));
  }

  milliseconds(): string {
    if (this.chance(0.1)) return this.badTime('9223372036854775807');
    return String(this.random.between(secondsLow, secondsHigh) * 1000 + this.random.below(1000));
  }

  unixSeconds(): string {
    if (this.chance(0.15)) return this.badTime('9223372036854775807', '1000000000000000000');
    return String(future_s + this.random.below(100_000));
  }

  unixMilliseconds(): string {
    if (this.chance(0.15)) return this.badTime();
    if (this.chance(0.1)) return this.pick('9007199254740993', '9223372036854775807');
    return String(future_s * 1000 + this.random.below(100_000_000));
  }

  /** Times that are errors, or have passed. */
  badTime(...more: readonly string[]): string {
    const always = ['0', '-1', '-100', '-9223372036854775808', '9223372036854775808'];
    return this.pick(...always, 'abc', '', '1.5', ...more);
  }

  database(): string {
    if (this.chance(0.1)) return this.pick('16', '-1', 'abc', '', '15', '4294967296', '1.0', '01');
    return this.pick('0', '0', '0', '1', '2');
  }

  any(): string {
    return this.pick(
      () => this.key(),
      () => this.value(),
      () => this.integer(),
      () => this.pick(...optionWords),
    )();
  }
}

/** Words that mean something to some command: mutations sprinkle them everywhere. */
export const optionWords: readonly string[] = [
  ...[
    'NX',
    'XX',
    'GET',
    'EX',
    'PX',
    'EXAT',
    'PXAT',
    'KEEPTTL',
    'PERSIST',
    'GT',
    'LT',
    'BYTE',
    'BIT',
  ],
  ...[
    'LEN',
    'IDX',
    'MINMATCHLEN',
    'WITHMATCHLEN',
    'MATCH',
    'COUNT',
    'TYPE',
    'DB',
    'REPLACE',
    'SYNC',
  ],
  ...['ASYNC', 'AND', 'OR', 'XOR', 'NOT', 'SET', 'INCRBY', 'OVERFLOW', 'WRAP', 'SAT', 'FAIL', 'u8'],
  ...[
    'i16',
    '#1',
    'HELP',
    'ENCODING',
    'LIMIT',
    'WITHSCORES',
    'LEFT',
    'RIGHT',
    'BEFORE',
    'RANK',
    'MAXLEN',
    '*',
    '0',
    '-1',
  ],
];
