/** Random commands on hashes, valid and invalid, of few fields and of many. */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const keys = ['h:1', 'h:2', 'h:{t}a', 'h:{t}b', 'h:none'];

function key(w: World): string {
  return w.chance(0.95) ? w.pick(...keys) : w.key();
}

function field(w: World): string {
  const kind = w.random.below(20);
  if (kind < 8) return w.pick('a', 'b', 'c', '1', '2', '');
  if (kind < 17) return `field:${w.random.below(w.pick(20, 400))}`;
  return w.value();
}

function value(w: World): string {
  return w.chance(0.5) ? w.value() : w.integer();
}

function pairs(w: World): string[] {
  const most = w.pick(1, 1, 1, 3, 10, 200);
  return w.many(most, () => [field(w), most > 10 ? w.shortValue() : value(w)]).flat();
}

function fields(w: World): string[] {
  return w.many(w.pick(1, 1, 3, 30), () => field(w));
}

function scanOptions(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.4))
    parts.push(['MATCH', w.pick('*', 'field:1*', '?', 'f*[0-4]', '', w.pattern())]);
  if (w.chance(0.3)) parts.push(['COUNT', w.pick('1', '10', '1000', '0', '-1', 'x')]);
  if (w.chance(0.05)) parts.push([w.pick('MATCH', 'COUNT', 'TYPE', 'TYPE hash', 'FOO')]);
  return w.random.shuffle(parts).flat();
}

function count(w: World): string {
  if (w.chance(0.7)) return String(w.random.between(-30, 300));
  return w.pick('0', 'x', '', '4611686018427387904', '-9223372036854775808', '1.5');
}

export const hashSpecs: readonly CommandSpec[] = [
  spec(40, (w) => ['HSET', key(w), ...pairs(w)]),
  spec(6, (w) => ['HMSET', key(w), ...pairs(w)]),
  spec(10, (w) => ['HSETNX', key(w), field(w), value(w)]),
  spec(20, (w) => ['HGET', key(w), field(w)]),
  spec(12, (w) => ['HMGET', key(w), ...fields(w)]),
  spec(10, (w) => [w.pick('HGETALL', 'HKEYS', 'HVALS'), key(w)]),
  spec(8, (w) => ['HLEN', key(w)]),
  spec(8, (w) => [w.pick('HEXISTS', 'HSTRLEN'), key(w), field(w)]),
  spec(16, (w) => ['HDEL', key(w), ...fields(w)]),
  spec(14, (w) => ['HINCRBY', key(w), field(w), w.integer()]),
  spec(14, (w) => ['HINCRBYFLOAT', key(w), field(w), w.float()]),
  spec(6, (w) => ['HRANDFIELD', key(w)]),
  spec(6, (w) => ['HRANDFIELD', key(w), count(w)]),
  spec(6, (w) => ['HRANDFIELD', key(w), count(w), w.pick('WITHVALUES', 'withvalues', 'FOO')]),
  spec(8, (w) => ['HSCAN', key(w), '0', ...scanOptions(w), 'COUNT', '1000000']),
  spec(6, (w) => ['HSCAN', key(w), w.pick('0', '0', '5', 'abc', '-1', ''), ...scanOptions(w)]),
  spec(8, (w) => ['OBJECT', 'ENCODING', key(w)]),
  spec(3, (w) => ['COPY', key(w), key(w), 'REPLACE']),
  spec(2, (w) => ['RENAME', key(w), key(w)]),
  spec(2, (w) => ['EXPIRE', key(w), w.seconds()]),
  spec(3, (w) => ['DEL', key(w)]),
  spec(1, (w) => ['SET', key(w), w.value()]),
  spec(1, (w) => ['CONFIG', 'SET', 'hash-max-listpack-entries', w.pick('0', '3', '128', '512')]),
  spec(1, (w) => ['CONFIG', 'SET', 'hash-max-listpack-value', w.pick('0', '8', '64', '100')]),
];
