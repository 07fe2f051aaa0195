/**
 * Commands on collections whose numbers make no sense: the ends of 64 and 32 bits, scores and weights
 * that are infinite, are none or over- and underflow, counts, ranks and limits beyond all elements,
 * the highest ids. SORT is left to sort-commands.ts: after a number out of range Redis's refuses others.
 *
 * Left out are counts for which Redis repeats members, and the highest COUNT of XAUTOCLAIM: it serves
 * them until it has no memory. Ranges of members are asked of one score: see sorted-set-commands.ts.
 */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const lists = ['absurd:l1', 'absurd:{t}l2'];
const sets = ['absurd:s1', 'absurd:{t}s2'];
const hashes = ['absurd:h1', 'absurd:{t}h2'];
const sortedSets = ['absurd:z1', 'absurd:{t}z2', 'absurd:z3'];
const stream = 'absurd:x';
const everyKey = [...lists, ...sets, ...hashes, ...sortedSets, stream, 'absurd:none'];

const wholeNumbers = [
  ...['9223372036854775807', '9223372036854775806', '-9223372036854775808', '-9223372036854775807'],
  ...['9223372036854775808', '-9223372036854775809', '18446744073709551615', '4611686018427387904'],
  ...['-4611686018427387905', '9007199254740993', '-9007199254740993', '4294967295', '4294967296'],
  ...['2147483647', '2147483648', '-2147483648', '-2147483649', '1000000000000', '1e18', '0', '-1'],
  ...['1', '-0', 'inf', '-inf', 'nan', '0x7fffffff', '1.5', '', '\x00', `1${'0'.repeat(400)}`],
];
const realNumbers = [
  ...['inf', '-inf', '+inf', 'Infinity', '-infinity', 'nan', '-nan', 'infinit', '1e308', '-1e308'],
  ...['1.7976931348623157e308', '-1.7976931348623157e308', '1.7976931348623159e308', '1e309'],
  ...['5e-324', '-5e-324', '1e-400', '2.2250738585072014e-308', '0', '-0', '1e', '.', '0x1p1023'],
  ...['9007199254740993', '9223372036854775807', '1e17', '0.1', '-3', '1e4932', '', ' 1', '1\x00'],
  '9'.repeat(310),
];
const highestId = '18446744073709551615-18446744073709551615';
const ids = [
  ...[highestId, '18446744073709551615', '18446744073709551616', '18446744073709551615-*', '0-0'],
  ...['0-18446744073709551615', '0-18446744073709551616', '18446744073709551614-1', '-', '+', '1'],
  ...[
    '1-9223372036854775808',
    '0-1',
    '1-1-1',
    '-1-1',
    '',
    '(18446744073709551615',
    `(${highestId}`,
  ],
  ...['(0-0', '(-', '(+'],
];
const words = ['a', 'b', '0', '1', '-1', '9223372036854775807', '-9223372036854775808', 'inf', ''];

function whole(w: World): string {
  return w.chance(0.8) ? w.pick(...wholeNumbers) : String(w.random.between(-6, 6));
}

function real(w: World): string {
  return w.chance(0.85) ? w.pick(...realNumbers) : String(w.random.between(-30, 30) / 10);
}

function scoreEnd(w: World): string {
  return `${w.chance(0.3) ? '(' : ''}${real(w)}`;
}

function word(w: World): string {
  return w.pick(...words);
}

/** A count that is all, none or an error: whom a smaller one takes is chance. */
function allOrNone(w: World): string {
  return w.pick(
    ...wholeNumbers.filter((text) => text !== '1' && !/^-\d{9}/.test(text)),
    '-9223372036854775808',
  );
}

function told(w: World, names: readonly string[]): string[] {
  return [w.chance(0.85) ? String(names.length) : whole(w), ...names];
}

function maybe(w: World, ...some: readonly string[]): readonly string[] {
  return w.chance(0.5) ? some : [];
}

function sources(w: World): string[] {
  return told(
    w,
    w.many(3, () => w.pick(...sortedSets, ...sets)),
  );
}

function weighted(w: World): string[] {
  const weights = maybe(w, 'WEIGHTS', ...w.many(3, () => real(w)));
  return [...weights, ...maybe(w, 'AGGREGATE', w.pick('SUM', 'SUM', 'MIN', 'MAX'))];
}

const listSpecs: readonly CommandSpec[] = [
  spec(10, (w) => ['RPUSH', w.pick(...lists), ...w.many(5, () => word(w))]),
  spec(5, (w) => ['LRANGE', w.pick(...lists), whole(w), whole(w)]),
  spec(3, (w) => ['LTRIM', w.pick(...lists), whole(w), whole(w)]),
  spec(4, (w) => ['LINDEX', w.pick(...lists), whole(w)]),
  spec(4, (w) => ['LSET', w.pick(...lists), whole(w), word(w)]),
  spec(4, (w) => ['LREM', w.pick(...lists), whole(w), word(w)]),
  spec(4, (w) => [w.pick('LPOP', 'RPOP'), w.pick(...lists), whole(w)]),
  spec(8, (w) => {
    const options = [
      ['RANK', whole(w)],
      ['COUNT', whole(w)],
      ['MAXLEN', whole(w)],
    ];
    return ['LPOS', w.pick(...lists), word(w), ...options.flatMap((each) => maybe(w, ...each))];
  }),
  spec(4, (w) => {
    const names = w.many(2, () => w.pick(...lists));
    return ['LMPOP', ...told(w, names), w.pick('LEFT', 'RIGHT'), ...maybe(w, 'COUNT', whole(w))];
  }),
];

const setSpecs: readonly CommandSpec[] = [
  spec(10, (w) => ['SADD', w.pick(...sets), ...w.many(5, () => word(w))]),
  spec(3, (w) => ['SPOP', w.pick(...sets), allOrNone(w)]),
  spec(3, (w) => ['SRANDMEMBER', w.pick(...sets), allOrNone(w)]),
  spec(5, (w) => [
    'SINTERCARD',
    ...told(
      w,
      w.many(3, () => w.pick(...sets)),
    ),
    'LIMIT',
    whole(w),
  ]),
  spec(3, (w) => ['SSCAN', w.pick(...sets), whole(w), ...maybe(w, 'COUNT', whole(w))]),
];

const hashSpecs: readonly CommandSpec[] = [
  spec(6, (w) => ['HSET', w.pick(...hashes), word(w), w.pick(whole(w), real(w))]),
  spec(8, (w) => ['HINCRBY', w.pick(...hashes), word(w), whole(w)]),
  // What long doubles of x86 make of the others, Redis on other machines does not.
  spec(4, (w) => [
    'HINCRBYFLOAT',
    w.pick(...hashes),
    word(w),
    w.pick('nan', 'inf', '-inf', '', '1e5', '0.5'),
  ]),
  spec(3, (w) => ['HRANDFIELD', w.pick(...hashes), allOrNone(w), ...maybe(w, 'WITHVALUES')]),
  spec(3, (w) => ['HSCAN', w.pick(...hashes), whole(w), ...maybe(w, 'COUNT', whole(w))]),
];

const sortedSetSpecs: readonly CommandSpec[] = [
  spec(14, (w) => {
    const options = maybe(w, w.pick('NX', 'XX', 'GT', 'LT', 'CH'));
    return [
      'ZADD',
      w.pick(...sortedSets),
      ...options,
      ...w.many(4, () => [real(w), word(w)]).flat(),
    ];
  }),
  spec(8, (w) => ['ZINCRBY', w.pick(...sortedSets), real(w), word(w)]),
  spec(3, (w) => ['ZADD', w.pick(...sortedSets), 'INCR', real(w), word(w)]),
  spec(5, (w) => [
    w.pick('ZRANGE', 'ZREVRANGE'),
    w.pick(...sortedSets),
    whole(w),
    whole(w),
    'WITHSCORES',
  ]),
  spec(6, (w) => {
    const limit = maybe(w, 'LIMIT', whole(w), whole(w));
    const name = w.pick('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE');
    return [name, w.pick(...sortedSets), scoreEnd(w), scoreEnd(w), ...limit, 'WITHSCORES'];
  }),
  spec(4, (w) => {
    const limit = maybe(w, 'LIMIT', whole(w), whole(w));
    const [from, to] = [w.pick(...sortedSets), w.pick(...sortedSets)];
    return ['ZRANGESTORE', to, from, scoreEnd(w), scoreEnd(w), 'BYSCORE', ...limit];
  }),
  spec(4, (w) => ['ZCOUNT', w.pick(...sortedSets), scoreEnd(w), scoreEnd(w)]),
  spec(2, (w) => ['ZREMRANGEBYRANK', w.pick(...sortedSets), whole(w), whole(w)]),
  spec(2, (w) => ['ZREMRANGEBYSCORE', w.pick(...sortedSets), scoreEnd(w), scoreEnd(w)]),
  spec(3, (w) => [w.pick('ZPOPMIN', 'ZPOPMAX'), w.pick(...sortedSets), whole(w)]),
  spec(3, (w) => {
    const names = w.many(2, () => w.pick(...sortedSets));
    return ['ZMPOP', ...told(w, names), w.pick('MIN', 'MAX'), ...maybe(w, 'COUNT', whole(w))];
  }),
  spec(2, (w) => ['ZRANDMEMBER', w.pick(...sortedSets), allOrNone(w), ...maybe(w, 'WITHSCORES')]),
  spec(3, (w) => ['ZSCAN', w.pick(...sortedSets), whole(w), ...maybe(w, 'COUNT', whole(w))]),
  spec(4, (w) => ['ZINTERCARD', ...sources(w), 'LIMIT', whole(w)]),
  spec(8, (w) => [w.pick('ZUNION', 'ZINTER'), ...sources(w), ...weighted(w), 'WITHSCORES']),
  spec(8, (w) => [
    w.pick('ZUNIONSTORE', 'ZINTERSTORE'),
    w.pick(...sortedSets),
    ...sources(w),
    ...weighted(w),
  ]),
  spec(3, (w) => ['GEOADD', 'absurd:geo', real(w), real(w), word(w)]),
  spec(3, (w) => {
    const by = w.pick(['BYRADIUS', real(w)], ['BYBOX', real(w), real(w)]);
    const count = maybe(w, 'COUNT', whole(w));
    return ['GEOSEARCH', 'absurd:none', 'FROMLONLAT', real(w), real(w), ...by, 'km', ...count];
  }),
];

const streamSpecs: readonly CommandSpec[] = [
  spec(8, (w) => ['XADD', stream, w.pick(...ids), 'f', word(w)]),
  spec(2, (w) => [
    'XADD',
    stream,
    w.pick('MAXLEN', 'MINID'),
    '=',
    whole(w),
    w.pick(...ids),
    'f',
    'v',
  ]),
  spec(4, (w) => ['XTRIM', stream, w.pick('MAXLEN', 'MINID'), w.pick(whole(w), ...ids)]),
  spec(5, (w) => {
    const [from, to] = [w.pick(...ids), w.pick(...ids)];
    return [w.pick('XRANGE', 'XREVRANGE'), stream, from, to, ...maybe(w, 'COUNT', whole(w))];
  }),
  spec(3, (w) => ['XREAD', 'COUNT', whole(w), 'STREAMS', stream, w.pick(...ids)]),
  spec(2, (w) => ['XDEL', stream, w.pick(...ids)]),
  spec(4, (w) => {
    const rest = maybe(w, 'ENTRIESADDED', whole(w), 'MAXDELETEDID', w.pick(...ids));
    return ['XSETID', stream, w.pick(...ids), ...rest];
  }),
  spec(3, (w) => [
    'XGROUP',
    'CREATE',
    stream,
    'g',
    w.pick('$', ...ids),
    ...maybe(w, 'ENTRIESREAD', whole(w)),
  ]),
  spec(2, (w) => [
    'XGROUP',
    'SETID',
    stream,
    'g',
    w.pick('$', ...ids),
    ...maybe(w, 'ENTRIESREAD', whole(w)),
  ]),
  spec(3, (w) => [
    'XREADGROUP',
    'GROUP',
    'g',
    'c',
    'COUNT',
    whole(w),
    'STREAMS',
    stream,
    w.pick('>', ...ids),
  ]),
  spec(2, (w) => ['XACK', stream, 'g', w.pick(...ids)]),
  spec(2, (w) => ['XPENDING', stream, 'g', w.pick(...ids), w.pick(...ids), whole(w)]),
  spec(2, (w) => [
    'XCLAIM',
    stream,
    'g',
    'd',
    '0',
    w.pick(...ids),
    'RETRYCOUNT',
    whole(w),
    ...maybe(w, 'FORCE'),
  ]),
];

export const absurdSpecs: readonly CommandSpec[] = [
  ...listSpecs,
  ...setSpecs,
  ...hashSpecs,
  ...sortedSetSpecs,
  ...streamSpecs,
  spec(3, (w) => ['DEL', w.pick(...everyKey)]),
  spec(2, (w) => ['TYPE', w.pick(...everyKey)]),
  spec(2, (w) => ['OBJECT', 'ENCODING', w.pick(...everyKey)]),
];
