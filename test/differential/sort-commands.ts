/**
 * Random SORT. Its keys are its own: after a number that a double cannot hold, Redis 7.0 takes the
 * next numbers for such ones too (errno is not reset), so that none may come. Elements with equal
 * weights lie in any order after a sort with LIMIT, so that texts that are weights differ.
 */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const numbers = ['sort:n1', 'sort:n2'];
const texts = ['sort:t1', 'sort:t2'];
const sets = ['sort:set1', 'sort:set2'];
const ranked = ['sort:z1', 'sort:z2'];
const hashes = ['sort:h1', 'sort:h2', 'sort:h3', 'sort:h-7'];
const stored = ['sort:s1', 'sort:s2', ...numbers];
const weightKeys = ['sort:w1', 'sort:w2', 'sort:w3', 'sort:w-7', 'sort:wx', 'sort:w'];

function number(w: World): string {
  if (w.chance(0.7)) return w.pick('1', '2', '3', '-7', '10', '4');
  return w.pick('0.5', '1e3', '-inf', '+2', '0x10', ' 12', '', 'inf', '9223372036854775807', '-0');
}

function text(w: World): string {
  return w.chance(0.5) ? w.pick('a', 'B', 'b', 'ab', 'x', '10', '9') : w.random.binary(6);
}

function pattern(w: World): string {
  return w.pick(
    ...['sort:w*', 'sort:w*', '*', '#', 'nosort', 'sort:*->f', 'sort:w*->', '*->', '', 'sort:w1'],
    ...['#x', 'sort:n*', '**', 'sort:h*->f*', 'sort:h*->f', 'sort:h*->f', 'sort:h*->g'],
  );
}

function limit(w: World): string[] {
  const value = () => (w.chance(0.1) ? w.integer() : String(w.random.between(-2, 9)));
  return ['LIMIT', value(), value()];
}

function options(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.3)) parts.push(limit(w));
  if (w.chance(0.4)) parts.push([w.pick('ASC', 'DESC', 'desc')]);
  while (w.chance(0.35)) parts.push(['GET', pattern(w)]);
  if (w.chance(0.04)) parts.push([w.pick('GET', 'BY', 'LIMIT', 'FOO', 'STORE', 'LIMIT x')]);
  return w.random.shuffle(parts).flat();
}

function store(w: World): string[] {
  return w.chance(0.35) ? ['STORE', w.pick(...stored)] : [];
}

export const sortSpecs: readonly CommandSpec[] = [
  spec(3, (w) => ['SADD', w.pick(...sets), ...w.many(5, () => number(w))]),
  spec(3, (w) => ['ZADD', w.pick(...ranked), String(w.random.between(-3, 9)), number(w)]),
  spec(4, (w) => ['HSET', w.pick(...hashes), w.pick('f', 'f', 'g', ''), number(w)]),
  spec(1, (w) => ['DEL', w.pick(...sets, ...ranked, ...hashes)]),
  spec(4, (w) => ['SORT', w.pick(...sets, ...ranked), 'ALPHA', ...store(w)]),
  spec(4, (w) => ['SORT', w.pick(...ranked), 'BY', 'nosort', ...options(w)]),
  spec(3, (w) => ['SORT', w.pick(...sets), 'ALPHA', 'GET', pattern(w), ...store(w)]),
  spec(8, (w) => ['RPUSH', w.pick(...numbers), ...w.many(5, () => number(w))]),
  spec(5, (w) => ['RPUSH', w.pick(...texts), ...w.many(5, () => text(w))]),
  spec(5, (w) => ['SET', w.pick(...weightKeys), number(w)]),
  spec(2, (w) => ['DEL', w.pick(...weightKeys, ...texts, ...numbers)]),
  spec(1, (w) => ['PEXPIRE', w.pick(...weightKeys, ...texts, ...numbers), w.milliseconds()]),
  spec(8, (w) => ['SORT', w.pick(...numbers), ...options(w), ...store(w)]),
  spec(4, (w) => ['SORT', w.pick(...numbers), 'BY', pattern(w), ...options(w), ...store(w)]),
  spec(3, (w) => ['SORT', w.pick(...numbers, ...stored), 'BY', 'nosort', ...options(w)]),
  spec(6, (w) => ['SORT', w.pick(...texts), 'ALPHA', ...options(w), ...store(w)]),
  spec(3, (w) => ['SORT_RO', w.pick(...numbers, 'sort:none', 'sort:w1'), ...options(w)]),
  spec(2, (w) => ['LRANGE', w.pick(...stored), '0', '-1']),
  spec(1, (w) => ['COMMAND', 'GETKEYS', 'SORT', 'k', ...options(w), ...store(w)]),
];
