/**
 * Random commands on sorted sets. Ranges of members are asked of sets whose scores are all the same, or
 * that are small: where scores differ, what a skip list of Redis answers depends on chance. No number
 * over- or underflows: after one Redis's SORT refuses numbers that it takes otherwise.
 */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

/** Any scores; 'zset:{t}big' gets many members. */
const keys = ['zset:1', 'zset:2', 'zset:{t}a', 'zset:{t}b', 'zset:none'];
const bigKey = 'zset:{t}big';
/** Sets, as sources of unions. */
const setKeys = ['zset:set', 'zset:{t}set'];
/** One score only. */
const lexKeys = ['zlex:1', 'zlex:2', 'zlex:{t}a'];
const longMembers = ['m'.repeat(64), 'm'.repeat(65), 'n'.repeat(2100), 'o'.repeat(5000)];
const exactScores = ['1', '2', '2.5', '-1', '0', '10', '1e3', '-3.25', '100'];
const oddScores = [
  ...['inf', '-inf', '+inf', 'Infinity', '1e308', '-1e308', '0.1', '0x10', '-0', '1e17'],
  ...['9007199254740993', '4611686018427387904', '9223372036854775807', '3.0000000000000004'],
];
const badScores = ['nan', '', 'abc', ' 1', '1 ', '(1', '1\x00'];
const counts = [
  '0',
  '1',
  '2',
  '-1',
  '5',
  '100',
  '9223372036854775807',
  '-9223372036854775808',
  'x',
];

function key(w: World): string {
  if (w.chance(0.12)) return bigKey;
  if (w.chance(0.06)) return w.pick(...lexKeys);
  return w.chance(0.96) ? w.pick(...keys) : w.key();
}

/** Not one whose scores have to be the same. */
function target(w: World): string {
  return w.chance(0.96) ? w.pick(...keys, bigKey) : w.key();
}

function score(w: World): string {
  if (w.chance(0.03)) return w.pick(...badScores);
  if (w.chance(0.15)) return w.pick(...oddScores);
  if (w.chance(0.4)) return String(w.random.between(-300, 300) / 10);
  return w.pick(...exactScores);
}

function member(w: World): string {
  if (w.chance(0.02)) return w.pick(...longMembers);
  if (w.chance(0.05)) return w.value().slice(0, 200);
  if (w.chance(0.3)) return String(w.random.between(-20, 300));
  return `m${w.random.below(30)}`;
}

function lexMember(w: World): string {
  return w.chance(0.5)
    ? `k${w.random.below(60)}`
    : w.pick('', 'a', 'b', '12', '-5', 'k', 'kk', '\xff');
}

function pairs(w: World): string[] {
  const most = w.chance(0.05) ? 60 : 4;
  return w.many(most, () => [score(w), member(w)]).flat();
}

function zaddOptions(w: World): string[] {
  if (w.chance(0.6)) return [];
  return w.many(2, () => w.pick('NX', 'XX', 'GT', 'LT', 'CH', 'CH', 'gt'));
}

function scoreEnd(w: World): string {
  if (w.chance(0.05)) return w.pick('(', '', ' 1', 'nan', '(inf', '[1', '1x');
  if (w.chance(0.25)) return w.pick('-inf', '+inf', 'inf');
  return `${w.chance(0.25) ? '(' : ''}${score(w)}`;
}

function lexEnd(w: World): string {
  if (w.chance(0.05)) return w.pick('', 'a', '+x', '-\x00', '(', '[');
  if (w.chance(0.3)) return w.pick('-', '+');
  return `${w.pick('[', '(')}${lexMember(w)}`;
}

function rank(w: World): string {
  return w.chance(0.06) ? w.integer() : String(w.random.between(-8, 12));
}

function limit(w: World): string[] {
  if (w.chance(0.6)) return [];
  return ['LIMIT', w.pick('0', '1', '3', '-1', '100', 'x'), w.pick('0', '1', '5', '-1', '-2', '9')];
}

function scores(w: World): string[] {
  return w.chance(0.4) ? ['WITHSCORES'] : [];
}

/** A key whose ranges of members are certain: the scores are the same. */
function lexKey(w: World): string {
  return w.pick(...lexKeys, 'zlex:none');
}

export const sortedSetSpecs: readonly CommandSpec[] = [
  spec(60, (w) => ['ZADD', target(w), ...zaddOptions(w), ...pairs(w)]),
  spec(10, (w) => ['ZADD', target(w), ...zaddOptions(w), 'INCR', score(w), member(w)]),
  spec(16, (w) => ['ZADD', w.pick(...lexKeys), ...w.many(6, () => ['0', lexMember(w)]).flat()]),
  spec(6, (w) => ['ZADD', bigKey, ...manyPairs(w)]),
  spec(18, (w) => ['ZINCRBY', target(w), score(w), member(w)]),
  spec(22, (w) => ['ZREM', key(w), ...w.many(4, () => member(w))]),
  spec(3, (w) => ['ZREM', lexKey(w), ...w.many(4, () => lexMember(w))]),
  spec(14, (w) => ['ZSCORE', key(w), member(w)]),
  spec(8, (w) => ['ZMSCORE', key(w), ...w.many(4, () => member(w))]),
  spec(8, (w) => ['ZCARD', key(w)]),
  spec(12, (w) => ['ZCOUNT', key(w), scoreEnd(w), scoreEnd(w)]),
  spec(12, (w) => [w.pick('ZRANK', 'ZREVRANK'), key(w), member(w)]),
  spec(24, (w) => [w.pick('ZRANGE', 'ZREVRANGE'), key(w), rank(w), rank(w), ...scores(w)]),
  spec(10, (w) => ['ZRANGE', key(w), '0', '-1', 'WITHSCORES']),
  spec(20, (w) => {
    const name = w.pick('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE');
    return [name, key(w), scoreEnd(w), scoreEnd(w), ...scores(w), ...limit(w)];
  }),
  spec(16, (w) => {
    const options = [['BYSCORE'], w.chance(0.5) ? ['REV'] : [], limit(w), scores(w)];
    return ['ZRANGE', key(w), scoreEnd(w), scoreEnd(w), ...w.random.shuffle(options).flat()];
  }),
  spec(4, (w) => ['ZRANGE', key(w), rank(w), rank(w), ...limit(w), ...scores(w), 'REV']),
  spec(8, (w) => ['ZLEXCOUNT', lexKey(w), lexEnd(w), lexEnd(w)]),
  spec(14, (w) => {
    const name = w.pick('ZRANGEBYLEX', 'ZREVRANGEBYLEX');
    return [name, lexKey(w), lexEnd(w), lexEnd(w), ...limit(w)];
  }),
  spec(8, (w) => {
    const options = [['BYLEX'], w.chance(0.5) ? ['REV'] : [], limit(w)];
    return ['ZRANGE', lexKey(w), lexEnd(w), lexEnd(w), ...w.random.shuffle(options).flat()];
  }),
  spec(10, (w) => {
    const [source, by, end] = w.pick(
      [key(w), ['BYSCORE'], scoreEnd],
      [lexKey(w), ['BYLEX'], lexEnd],
      [key(w), [], rank],
    );
    const rest = [by, w.chance(0.3) ? ['REV'] : [], by.length > 0 ? limit(w) : []].flat();
    return ['ZRANGESTORE', target(w), source, end(w), end(w), ...rest];
  }),
  spec(5, (w) => ['ZREMRANGEBYRANK', key(w), rank(w), rank(w)]),
  spec(5, (w) => ['ZREMRANGEBYSCORE', key(w), scoreEnd(w), scoreEnd(w)]),
  spec(4, (w) => ['ZREMRANGEBYLEX', lexKey(w), lexEnd(w), lexEnd(w)]),
  spec(12, (w) => [
    w.pick('ZPOPMIN', 'ZPOPMAX'),
    key(w),
    ...(w.chance(0.5) ? [w.pick(...counts)] : []),
  ]),
  spec(8, (w) => {
    const names = w.many(3, () => key(w));
    const count = w.chance(0.9) ? String(names.length) : w.pick('0', '-1', '9', 'x');
    const most = w.chance(0.5) ? ['COUNT', w.pick(...counts)] : [];
    return ['ZMPOP', count, ...names, w.pick('MIN', 'MAX', 'MAX', 'MID'), ...most];
  }),
  spec(4, (w) => ['ZRANDMEMBER', 'zset:none', ...(w.chance(0.7) ? [w.pick(...counts)] : [])]),
  spec(6, (w) => ['ZRANDMEMBER', key(w), w.pick('0', '1000000', 'x', '-9223372036854775808')]),
  spec(8, (w) => ['ZSCAN', key(w), '0', ...zscanOptions(w), 'COUNT', '1000000']),
  spec(3, (w) => ['ZSCAN', 'zset:none', w.pick('0', 'x', '-1', '5'), ...zscanOptions(w)]),
  spec(14, (w) => [w.pick('ZUNION', 'ZINTER'), ...sources(w), ...combining(w), ...scores(w)]),
  spec(6, (w) => ['ZDIFF', ...sources(w), ...scores(w)]),
  spec(4, (w) => [
    'ZINTERCARD',
    ...sources(w),
    ...(w.chance(0.5) ? ['LIMIT', w.pick(...counts)] : []),
  ]),
  spec(16, (w) => {
    const name = w.pick('ZUNIONSTORE', 'ZUNIONSTORE', 'ZINTERSTORE');
    return [name, target(w), ...sources(w), ...combining(w)];
  }),
  spec(6, (w) => ['ZDIFFSTORE', target(w), ...sources(w)]),
  spec(6, (w) => ['SADD', w.pick(...setKeys), ...w.many(6, () => member(w))]),
  spec(8, (w) => ['OBJECT', 'ENCODING', key(w)]),
  spec(2, (w) => ['CONFIG', 'SET', 'zset-max-listpack-entries', w.pick('0', '3', '128', '1000')]),
  spec(1, (w) => ['CONFIG', 'SET', 'zset-max-listpack-value', w.pick('0', '2', '64', '10000')]),
  spec(5, (w) => ['COPY', key(w), target(w), 'REPLACE']),
  spec(3, (w) => ['RENAME', target(w), target(w)]),
  spec(3, (w) => ['EXPIRE', key(w), w.seconds()]),
  spec(2, (w) => ['TYPE', key(w)]),
  spec(6, (w) => ['DEL', key(w)]),
];

/** Sources of a union: their number, and sorted sets and sets. */
function sources(w: World): string[] {
  const names = w.many(4, () => (w.chance(0.25) ? w.pick(...setKeys) : key(w)));
  const count = w.chance(0.95) ? String(names.length) : w.pick('0', '-1', '9', 'x');
  return [count, ...names];
}

function combining(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.4)) parts.push(['WEIGHTS', ...w.many(4, () => score(w))]);
  if (w.chance(0.4)) parts.push(['AGGREGATE', w.pick('SUM', 'MIN', 'MAX', 'max', 'AVG')]);
  return w.random.shuffle(parts).flat();
}

function manyPairs(w: World): string[] {
  const start = w.random.below(2000);
  const step = w.pick(0, 0.25, 1, 17);
  const from = w.random.between(-100, 100);
  return Array.from({ length: w.pick(40, 200, 400) }, (_, i) => [
    String(from + step * (i % 100)),
    `big:${start + i}`,
  ]).flat();
}

function zscanOptions(w: World): string[] {
  return w.chance(0.4) ? ['MATCH', w.pick('*', 'm*', '*1*', '[0-9]*', '')] : [];
}
