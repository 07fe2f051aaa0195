/** Random commands on sets. SPOP takes all or nothing, as what it chooses would differ. */
import { safeRandomCount } from './mutate.js';
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const keys = ['set:1', 'set:2', 'set:3', 'set:{t}a', 'set:{t}b', 'set:none'];
const borders = [
  ...['32767', '32768', '-32768', '-32769', '2147483647', '2147483648', '-2147483648'],
  ...['-2147483649', '9223372036854775807', '-9223372036854775808', '9223372036854775808'],
  ...['-0', '00', '+1', '1.0', '', '0x1', '1 '],
];

function key(w: World): string {
  return w.chance(0.96) ? w.pick(...keys) : w.key();
}

function member(w: World): string {
  const kind = w.random.below(100);
  if (kind < 55) return String(w.random.between(-10, 30));
  if (kind < 70) return w.pick(...borders);
  if (kind < 90) return `m${w.random.below(40)}`;
  return w.value();
}

/** A few of any kind, or many of one. */
function members(w: World): string[] {
  if (w.chance(0.93)) return w.many(w.pick(1, 3, 12), () => member(w));
  const prefix = w.pick('', '', 'm', 'a member that is longer ');
  const step = w.pick(1, 1, 1000, 10_000_000);
  const first = w.random.below(600);
  const length = w.random.between(1, w.pick(30, 200, 700));
  return Array.from({ length }, (_, i) => `${prefix}${(first + i) * step}`);
}

function sources(w: World): string[] {
  return w.many(w.pick(1, 2, 4), () => key(w));
}

function count(w: World): string {
  return w.pick('0', '1', '2', '5', '100', '-1', '-3', '-100', w.integer());
}

function scanOptions(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.4)) parts.push(['MATCH', w.pick('m*', '*1*', '?', '*', w.pattern())]);
  if (w.chance(0.3)) parts.push(['COUNT', w.pick('1', '10', '100', '0', '-1', 'x')]);
  if (w.chance(0.05)) parts.push([w.pick('MATCH', 'COUNT', 'TYPE', 'NOVALUES', 'FOO')]);
  return w.random.shuffle(parts).flat();
}

function cardArguments(w: World): string[] {
  const named = sources(w);
  const numkeys = w.chance(0.9) ? String(named.length) : count(w);
  const limit = w.chance(0.4)
    ? ['LIMIT', w.chance(0.8) ? String(w.random.below(20)) : count(w)]
    : [];
  return [numkeys, ...named, ...limit];
}

export const setSpecs: readonly CommandSpec[] = [
  spec(36, (w) => ['SADD', key(w), ...members(w)]),
  spec(24, (w) => ['SREM', key(w), ...members(w)]),
  spec(8, (w) => ['SISMEMBER', key(w), member(w)]),
  spec(6, (w) => ['SMISMEMBER', key(w), ...members(w)]),
  spec(10, (w) => ['SMEMBERS', key(w)]),
  spec(6, (w) => ['SCARD', key(w)]),
  spec(14, (w) => ['SMOVE', key(w), key(w), member(w)]),
  spec(6, (w) => ['SPOP', key(w), w.pick('0', '1000000', '1000000', '-1', 'x', '')]),
  spec(8, (w) => ['SRANDMEMBER', key(w), safeRandomCount(count(w))]),
  spec(3, (w) => ['SRANDMEMBER', key(w)]),
  spec(6, (w) => ['SSCAN', key(w), '0', ...scanOptions(w), 'COUNT', '1000000']),
  spec(3, (w) => ['SSCAN', key(w), w.pick('0', '1', 'abc', '-1', '', '99999'), ...scanOptions(w)]),
  spec(12, (w) => [w.pick('SINTER', 'SUNION', 'SDIFF'), ...sources(w)]),
  spec(20, (w) => [w.pick('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), key(w), ...sources(w)]),
  spec(10, (w) => ['SINTERCARD', ...cardArguments(w)]),
  spec(12, (w) => ['OBJECT', 'ENCODING', key(w)]),
  spec(3, (w) => ['COPY', key(w), key(w), 'REPLACE']),
  spec(3, (w) => ['RENAME', key(w), key(w)]),
  spec(2, (w) => ['MOVE', key(w), w.database()]),
  spec(3, (w) => ['EXPIRE', key(w), w.seconds()]),
  spec(5, (w) => ['DEL', key(w)]),
  spec(2, (w) => ['SET', key(w), w.value()]),
  spec(1, (w) => ['CONFIG', 'SET', 'set-max-intset-entries', w.pick('0', '4', '16', '512', '600')]),
];
