/** Random input of the Lua libraries that parse: JSON, MessagePack, formats, patterns, numbers. */
import { runHostile } from '../../support/lua-fuzz.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const CALLS = [
  'return cjson.decode(ARGV[1])',
  'return cmsgpack.unpack(ARGV[1])',
  'return struct.unpack(ARGV[1], ARGV[2])',
  'return struct.pack(ARGV[1], 1, 2.5, "x", -1)',
  'return struct.size(ARGV[1])',
  'return string.find(ARGV[1], ARGV[2])',
  'return string.gsub(ARGV[1], ARGV[2], ARGV[1])',
  'return string.format(ARGV[1], 1, "x", 2.5)',
  'return tonumber(ARGV[1]), tonumber(ARGV[2], 16), ARGV[1] + 1',
  'return loadstring(ARGV[1])',
  'return cjson.encode({ARGV[1], [ARGV[2]] = 1})',
];
const ALPHABET = [...'%[]()^$*+-.{}":,0123456789abcdfgisxz\\u<>!\x81\x91\xa5\xcc\xdc\xdf\xff\0 '];

function text(random: Random): string {
  if (random.chance(0.2)) return random.binary(random.below(20));
  return Array.from({ length: random.below(20) }, () => random.pick(ALPHABET)).join('');
}

export const target: FuzzTarget = {
  name: 'lua-input',
  summary: 'Random input of Lua functions gives a result or an error of Lua, and harms nothing.',
  run(random: Random) {
    runHostile(random.pick(CALLS), [text(random), text(random)]);
  },
};
