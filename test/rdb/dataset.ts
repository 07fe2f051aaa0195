/** Commands that fill a redis-server with values of every type, size and shape. */
import type { Random } from '../support/random.js';

type Command = readonly string[];

const INTEGERS = [
  ...['0', '1', '12', '13', '63', '64', '127', '128', '-1', '-128', '-129', '255', '256'],
  ...['4095', '4096', '-4096', '-4097', '32767', '32768', '-32768', '-32769', '65536'],
  ...['8388607', '8388608', '-8388608', '-8388609', '2147483647', '2147483648', '-2147483648'],
  ...['-2147483649', '4294967296', '9007199254740991', '9007199254740993', '-9007199254740992'],
  ...['-9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
];
const ODD = ['', ' ', '01', '-0', '+1', '1.0', '1e3', '\0', '\xff\xfe', 'nan', 'inf'];
const SCORES = [
  ...['0', '-0', '1', '-1', '1.5', '3.0000000000000004', '1e300', '-1e-300', '5e-324', 'inf'],
  ...['-inf', '9007199254740993', '123456789.125', '1e17', '-4096', '12345678901234567890'],
];

export const LIBRARY =
  "#!lua name=samples\nredis.register_function('one', function() return 1 end)\n";

function textOf(random: Random, bytes: number): string {
  if (random.chance(0.3)) return random.binary(bytes);
  const word = random.binary(random.between(1, 9));
  return word.repeat(Math.ceil(bytes / word.length)).slice(0, bytes);
}

function elementOf(random: Random, large: boolean): string {
  if (random.chance(0.3)) return random.pick(INTEGERS);
  if (random.chance(0.05)) return random.pick(ODD);
  return textOf(random, random.between(1, large ? random.pick([20, 70, 300, 5000]) : 30));
}

function strings(random: Random): Command[] {
  const commands: Command[] = [...INTEGERS, ...ODD].map((one, i) => ['SET', `s:${i}`, one]);
  for (const bytes of [10, 20, 21, 63, 64, 300, 16383, 16384, 70_000, 300_000]) {
    commands.push(['SET', `long:${bytes}`, textOf(random, bytes)]);
    commands.push(['SET', textOf(random, Math.min(bytes, 400)), 'long key']);
    commands.push(['SET', `random:${bytes}`, random.binary(bytes)]);
    commands.push(['SET', `run:${bytes}`, 'x'.repeat(bytes)]);
  }
  commands.push(['SET', 'expiring', 'x', 'PXAT', '4102444800123']);
  commands.push(['SET', 'expiring late', 'x', 'PXAT', '9007199254740000']);
  return commands;
}

function collections(random: Random, name: string, count: number, large: boolean): Command[] {
  const commands: Command[] = [];
  for (let i = 0; i < count; i++) {
    const element = (): string => elementOf(random, large);
    commands.push(['RPUSH', `list:${name}`, element()]);
    commands.push(['SADD', `set:${name}`, element()]);
    commands.push(['SADD', `integers:${name}`, String(random.between(-70_000, 70_000))]);
    commands.push(['HSET', `hash:${name}`, element(), element()]);
    const score = random.chance(0.3) ? random.pick(SCORES) : String(random.next() / 1000);
    commands.push(['ZADD', `zset:${name}`, score, element()]);
  }
  commands.push(['PEXPIREAT', `hash:${name}`, '4102444800000']);
  return commands;
}

function stream(random: Random, name: string, count: number): Command[] {
  const key = `stream:${name}`;
  const commands: Command[] = [];
  for (let i = 1; i <= count; i++) {
    const fields = random.chance(0.7)
      ? ['field', elementOf(random, false), '12', String(i)]
      : [elementOf(random, false), elementOf(random, true), 'x', '1'];
    const id = `${1_600_000_000_000 + (i >>> 2)}-${i % 4}`;
    commands.push(['XADD', key, id, ...fields]);
  }
  commands.push(['XADD', key, '18446744073709551614-5', 'far', 'away']);
  commands.push(['XADD', key, '18446744073709551614-18446744073709551615', 'the', 'last']);
  commands.push(['XGROUP', 'CREATE', key, 'g1', '0'], ['XGROUP', 'CREATE', key, '12', '$']);
  commands.push(['XGROUP', 'CREATECONSUMER', key, 'g1', 'nobody']);
  for (let i = 0; i < 5; i++) {
    const reader = `c${random.below(3)}`;
    const many = String(random.between(1, count / 4));
    commands.push(['XREADGROUP', 'GROUP', 'g1', reader, 'COUNT', many, 'STREAMS', key, '>']);
    commands.push(['XREADGROUP', 'GROUP', 'g1', reader, 'COUNT', '3', 'STREAMS', key, '0']);
  }
  for (let i = 1; i < count; i += 7) {
    commands.push(['XDEL', key, `${1_600_000_000_000 + (i >>> 2)}-${i % 4}`]);
  }
  commands.push(['XACK', key, 'g1', '1600000000000-1', '1600000000000-2']);
  return commands;
}

export function dataset(random: Random): Command[] {
  return [
    ['FUNCTION', 'LOAD', LIBRARY],
    ...strings(random),
    ...collections(random, 'one', 1, false),
    ...collections(random, 'small', 20, false),
    ...collections(random, 'middle', 120, false),
    ...collections(random, 'large values', 60, true),
    ...collections(random, 'many', 1500, false),
    ['RPUSH', 'list:huge', 'a', 'x'.repeat(9000), 'b', random.binary(100_000), 'c', '12'],
    ...stream(random, 'few', 8),
    ...stream(random, 'many', 400),
    ['XADD', 'stream:emptied', '5-5', 'a', 'b'],
    ['XDEL', 'stream:emptied', '5-5'],
    ['XGROUP', 'CREATE', 'stream:emptied', 'g', '$'],
    ['SELECT', '3'],
    ['SET', 'elsewhere', 'x'],
    ['SELECT', '15'],
    ...collections(random, 'elsewhere', 5, false),
    ['SELECT', '0'],
  ];
}
