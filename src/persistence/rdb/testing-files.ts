/**
 * For tests: files made byte by byte, with the encodings that no server of today writes any more
 * (and some that only newer ones do). Strings have a char per byte.
 */
import { Crc64 } from './crc64.js';
import {
  MODULE_DOUBLE,
  MODULE_END,
  MODULE_FLOAT,
  MODULE_SIGNED,
  MODULE_STRING,
  MODULE_UNSIGNED,
} from './format.js';
import { newRegion } from './input.js';
import { ListpackWriter } from './packed/listpack-writer.js';

/** An integer of so many bytes, little-endian, two's complement. */
export function little(value: number | bigint, bytes: number): string {
  let text = '';
  for (let i = 0; i < bytes; i++) {
    text += String.fromCharCode(Number((BigInt(value) >> BigInt(8 * i)) & 255n));
  }
  return text;
}

export function big(value: number | bigint, bytes: number): string {
  return [...little(value, bytes)].reverse().join('');
}

/** A length in its shortest form. */
export function lengthOf(value: number | bigint): string {
  if (value < 64) return big(value, 1);
  if (value < 16384) return big(0x4000 | Number(value), 2);
  return value < 2 ** 32 ? `\x80${big(value, 4)}` : `\x81${big(value, 8)}`;
}

export function stringOf(text: string): string {
  return lengthOf(text.length) + text;
}

/** Integers become integers where the encoding has them. */
type Item = string | number | bigint;

export function listpackOf(items: readonly Item[]): string {
  const writer = new ListpackWriter();
  for (const item of items) {
    const text = String(item);
    const region = newRegion(text.length + 8);
    for (let i = 0; i < text.length; i++) region.bytes[i] = text.charCodeAt(i);
    writer.add(region, 0, text.length);
  }
  writer.finish();
  return Buffer.from(writer.region.bytes.slice(0, writer.length)).toString('latin1');
}

function ziplistData(item: Item): string {
  if (typeof item === 'string') {
    if (item.length < 64) return big(item.length, 1) + item;
    if (item.length < 16384) return big(0x4000 | item.length, 2) + item;
    return `\x80${big(item.length, 4)}${item}`;
  }
  const value = BigInt(item);
  if (value >= 0n && value <= 12n) return big(0xf1 + Number(value), 1);
  if (value >= -128n && value < 128n) return `\xfe${little(value, 1)}`;
  if (value >= -32768n && value < 32768n) return `\xc0${little(value, 2)}`;
  if (value >= -8388608n && value < 8388608n) return `\xf0${little(value, 3)}`;
  if (value >= -2147483648n && value < 2147483648n) return `\xd0${little(value, 4)}`;
  return `\xe0${little(value, 8)}`;
}

export function ziplistOf(items: readonly Item[]): string {
  let body = '';
  let before = 0;
  let tail = 10;
  for (const item of items) {
    tail = 10 + body.length;
    const previous = before < 254 ? little(before, 1) : `\xfe${little(before, 4)}`;
    const entry = previous + ziplistData(item);
    before = entry.length;
    body += entry;
  }
  return `${little(body.length + 11, 4) + little(tail, 4) + little(items.length, 2) + body}\xff`;
}

/** Fields and values in turn. @param free unused bytes after each value */
export function zipmapOf(items: readonly string[], free = 0): string {
  const length = (text: string): string =>
    text.length < 254 ? little(text.length, 1) : `\xfe${little(text.length, 4)}`;
  let body = '';
  for (let i = 0; i < items.length; i += 2) {
    const value = items[i + 1]!;
    body += length(items[i]!) + items[i];
    body += `${length(value)}${little(free, 1)}${value}${'-'.repeat(free)}`;
  }
  return `${little(Math.min(items.length / 2, 254), 1)}${body}\xff`;
}

export function intsetOf(items: readonly (number | bigint)[], width: 2 | 4 | 8): string {
  return (
    little(width, 4) + little(items.length, 4) + items.map((one) => little(one, width)).join('')
  );
}

export function doubleOf(value: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return Buffer.from(view.buffer).toString('latin1');
}

/** A file with this body between header and checksum. */
export function fileOf(body: string, header = 'REDIS0012', checksum = true): Uint8Array {
  const text = `${header}${body}\xff`;
  const region = newRegion(text.length + 8);
  for (let i = 0; i < text.length; i++) region.bytes[i] = text.charCodeAt(i);
  const crc = new Crc64();
  crc.update(region, 0, text.length);
  if (checksum) crc.store(region, text.length);
  const hasChecksum = Number(header.slice(-3)) >= 5;
  return Uint8Array.from(region.bytes.subarray(0, text.length + (hasChecksum ? 8 : 0)));
}

export function keyOf(type: number, name: string, value: string): string {
  return `${String.fromCharCode(type)}${stringOf(name)}${value}`;
}

/** A module's value: signed, unsigned, float, double, string. */
export const MODULE_PARTS = [
  `${lengthOf(MODULE_SIGNED)}${lengthOf(2n ** 64n - 5n)}`,
  `${lengthOf(MODULE_UNSIGNED)}${lengthOf(300)}`,
  `${lengthOf(MODULE_FLOAT)}\0\0\0\0`,
  `${lengthOf(MODULE_DOUBLE)}${doubleOf(1.5)}`,
  `${lengthOf(MODULE_STRING)}${stringOf('text')}`,
  lengthOf(MODULE_END),
].join('');

/** The id of the module type 'sampletyp', version 3. */
export const MODULE_ID =
  ([...'sampletyp'].reduce(
    (id, letter) => (id << 6n) | BigInt(letter.charCodeAt(0) - 97 + 26),
    0n,
  ) <<
    10n) |
  3n;

const MASTER_ID = big(5, 8) + big(7, 8);

/** A node's listpack: two entries with the master's fields, one deleted, one with its own. */
export const STREAM_NODE = listpackOf([
  ...[3, 1, 2, 'name', 12, 0],
  ...[2, 0, 0, 'Ada', 1, 5],
  ...[3, 0, 1, 'gone', 2, 5],
  ...[0, 1, -7, 1, 'alone', 'x', 6],
  ...[2, 2 ** 40, 5, 'Bob', -4, 5],
]);
const LAST_MS = 5 + 2 ** 40;

/** A stream of the version, with a group of two consumers. */
export function streamOf(version: 1 | 2 | 3): string {
  const head = lengthOf(1) + stringOf(MASTER_ID) + stringOf(STREAM_NODE);
  let text = head + lengthOf(3) + lengthOf(LAST_MS) + lengthOf(12);
  if (version > 1) {
    text += lengthOf(5) + lengthOf(7) + lengthOf(5) + lengthOf(8) + lengthOf(4);
  }
  text += lengthOf(1) + stringOf('group') + lengthOf(5) + lengthOf(8);
  if (version > 1) text += lengthOf(2n ** 64n - 1n);
  const other = big(6, 8) + big(0, 8);
  text += lengthOf(2) + MASTER_ID + little(1000, 8) + lengthOf(1);
  text += other + little(2000, 8) + lengthOf(3);
  const active = version === 3 ? little(1500, 8) : '';
  text += lengthOf(3) + stringOf('one') + little(1600, 8) + active + lengthOf(1) + other;
  text += stringOf('idle') + little(1700, 8) + active + lengthOf(0);
  return text + stringOf('two') + little(1800, 8) + active + lengthOf(1) + MASTER_ID;
}

const LZF_OF_X30 = `\xc3${lengthOf(5)}${lengthOf(30)}\x00x\xe0\x14\x00`;

/** Bodies with every type and encoding, as `keyOf` and opcodes make them. */
export const BODIES: Readonly<Record<string, string>> = {
  strings: [
    keyOf(0, 'plain', stringOf('value')),
    keyOf(0, 'int8', '\xc0\x80'),
    keyOf(0, 'int16', `\xc1${little(-32768, 2)}`),
    keyOf(0, 'int32', `\xc2${little(-2147483648, 4)}`),
    keyOf(0, 'lzf', LZF_OF_X30),
    keyOf(0, 'long form', `\x81${big(2, 8)}ab`),
  ].join(''),
  opcodes: [
    `\xfa${stringOf('redis-ver')}${stringOf('8.0.0')}\xfa${stringOf('bits')}\xc0\x40`,
    `\xf5${stringOf('#!lua name=x')}`,
    `\xfe${lengthOf(9)}\xfb${lengthOf(3)}${lengthOf(1)}`,
    `\xf4${lengthOf(1)}${lengthOf(2)}${lengthOf(300)}`,
    `\xfc${little(1_700_000_000_123, 8)}\xf8${lengthOf(70)}${keyOf(0, 'idle', stringOf('x'))}`,
    `\xfd${little(1_700_000_000, 4)}\xf9\x07${keyOf(0, 'used', stringOf('x'))}`,
    keyOf(0, 'neither', stringOf('x')),
  ].join(''),
  lists: [
    keyOf(1, 'linked', `${lengthOf(3) + stringOf('a')}\xc0\x05${stringOf('')}`),
    keyOf(10, 'ziplist', stringOf(ziplistOf(['a', 'b'.repeat(300), 5, -1, 2n ** 40n]))),
    keyOf(14, 'quick', lengthOf(2) + stringOf(ziplistOf(['a'])) + stringOf(ziplistOf([7, 'b']))),
    keyOf(
      18,
      'quick2',
      `${lengthOf(3)}\x02${stringOf(listpackOf(['a', 1]))}\x01${stringOf('plain')}\x02${stringOf(listpackOf(['z']))}`,
    ),
  ].join(''),
  sets: [
    keyOf(2, 'table', `${lengthOf(2) + stringOf('a')}\xc0\x07`),
    keyOf(11, 'integers2', stringOf(intsetOf([-5, 0, 9], 2))),
    keyOf(11, 'integers4', stringOf(intsetOf([-70000, 9], 4))),
    keyOf(11, 'integers8', stringOf(intsetOf([-(2n ** 63n), -1, 2n ** 63n - 1n], 8))),
    keyOf(20, 'listpack', stringOf(listpackOf(['a', 'b', 100]))),
  ].join(''),
  hashes: [
    keyOf(4, 'table', lengthOf(1) + stringOf('f') + stringOf('v')),
    keyOf(9, 'zipmap', stringOf(zipmapOf(['f', 'v', 'g'.repeat(300), ''], 3))),
    keyOf(13, 'ziplist', stringOf(ziplistOf(['f', 1, 'g', 'v']))),
    keyOf(16, 'listpack', stringOf(listpackOf(['f', 1, 'g', 'v']))),
    keyOf(
      22,
      'metadata pre',
      `${lengthOf(1) + lengthOf(2_000_000_000_000) + stringOf('f')}\xc0\x01`,
    ),
    keyOf(
      24,
      'metadata',
      `${little(2_000_000_000_000, 8)}${lengthOf(2)}${lengthOf(0)}${stringOf('f')}${stringOf('v')}${lengthOf(6)}${stringOf('g')}${stringOf('w')}`,
    ),
    keyOf(23, 'listpack pre', stringOf(listpackOf(['f', 'v', 2_000_000_000_000, 'g', 'w', 0]))),
    keyOf(
      25,
      'listpack ex',
      little(2_000_000_000_000, 8) +
        stringOf(listpackOf(['f', 'v', 2_000_000_000_000, 'g', 'w', 0])),
    ),
  ].join(''),
  'sorted sets': [
    keyOf(3, 'text', `${lengthOf(4)}\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x02-1`),
    keyOf(5, 'binary', `${lengthOf(2)}\x01a${doubleOf(-0.1)}\x01b${doubleOf(Infinity)}`),
    keyOf(12, 'ziplist', stringOf(ziplistOf(['a', 1, 'b', '1.5', 'c', 'inf']))),
    keyOf(17, 'listpack', stringOf(listpackOf(['a', -1, 'b', '2.25']))),
  ].join(''),
  streams: [
    keyOf(15, 'v1', streamOf(1)),
    keyOf(19, 'v2', streamOf(2)),
    keyOf(21, 'v3', streamOf(3)),
  ].join(''),
  modules: [
    `\xf7${lengthOf(MODULE_ID)}${lengthOf(2)}${lengthOf(1)}${MODULE_PARTS}`,
    keyOf(7, 'module', lengthOf(MODULE_ID) + MODULE_PARTS),
    keyOf(0, 'after', stringOf('x')),
  ].join(''),
};
