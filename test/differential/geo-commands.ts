/**
 * Random commands on positions. Members lie at few places that are far from each other, so that no two
 * distances are equal: Redis's order of equal ones depends on how it sorts.
 */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const keys = ['geo:1', 'geo:2', 'geo:{t}a', 'geo:none'];
/** Where positions are stored, and where distances are: these differ in the last place. */
const outputs = ['geo:out', 'geo:{t}out'];
const distances = 'geo:{t}far';
/** By their numbers, so that each member has one place. */
const places: readonly (readonly [string, string])[] = [
  ['13.361389', '38.115556'],
  ['15.087269', '37.502669'],
  ['2.349', '48.8534'],
  ['-0.1257', '51.5085'],
  ['139.6917', '35.6895'],
  ['-74.006', '40.7143'],
  ['179.9', '10.1'],
  ['-179.8', '9.3'],
  ['0.3', '0.1'],
  ['30.5', '84.9'],
  ['-60.25', '-84.2'],
  ['18.4241', '-33.9249'],
];
const badPlaces: readonly (readonly [string, string])[] = [
  ['181', '0'],
  ['0', '86'],
  ['x', '1'],
  ['1', ''],
  ['inf', '0'],
  ['nan', '2'],
];

function key(w: World): string {
  return w.chance(0.96) ? w.pick(...keys) : w.key();
}

function placed(w: World): string[] {
  if (w.chance(0.04)) return [...w.pick(...badPlaces), 'bad'];
  const number = w.random.below(places.length);
  return [...places[number]!, `p${number}`];
}

function member(w: World): string {
  return w.chance(0.97) ? `p${w.random.below(places.length)}` : w.pick('none', '', 'bad');
}

function middle(w: World): string[] {
  if (w.chance(0.05)) return [...w.pick(...badPlaces)];
  return [
    String(w.random.between(-17_900, 17_900) / 100 + 0.0037),
    String(w.random.between(-8400, 8400) / 100 + 0.0011),
  ];
}

function unit(w: World): string {
  return w.chance(0.96) ? w.pick('m', 'km', 'ft', 'mi', 'KM') : w.pick('', 'x', 'miles');
}

function length(w: World): string {
  if (w.chance(0.06)) return w.pick('-1', '0', 'x', 'nan', '0.5');
  return String(w.pick(10, 500, 2500, 9000) * w.pick(1, 1000));
}

function shape(w: World): string[] {
  const by = w.chance(0.5)
    ? ['BYRADIUS', length(w), unit(w)]
    : ['BYBOX', length(w), length(w), unit(w)];
  return w.chance(0.96)
    ? by
    : w.pick([], ['BYRADIUS', '1'], [...by, ...by], ['BYBOX', '1', '1', 'm']);
}

function from(w: World): string[] {
  if (w.chance(0.03)) return [];
  return w.chance(0.5) ? ['FROMMEMBER', member(w)] : ['FROMLONLAT', ...middle(w)];
}

/** ANY only where the order in which Redis looks does not matter: with a count of all. */
function rest(w: World, shows: boolean): string[] {
  const parts: string[][] = [];
  if (w.chance(0.4)) parts.push([w.pick('ASC', 'DESC')]);
  if (w.chance(0.3)) parts.push(['COUNT', w.pick('1', '2', '5', '100', '0', '-1', 'x')]);
  if (w.chance(0.1)) parts.push(['ANY']);
  for (const word of ['WITHCOORD', 'WITHDIST', 'WITHHASH']) {
    if (shows && w.chance(0.3)) parts.push([word]);
  }
  return w.random.shuffle(parts).flat();
}

function storing(w: World): string[] {
  if (w.chance(0.6)) return [];
  return w.chance(0.6) ? [w.pick('STORE', 'store'), w.pick(...outputs)] : ['STOREDIST', distances];
}

function store(w: World, make: () => string[]): string[] {
  const stored = storing(w);
  return [...make(), ...rest(w, stored.length === 0 || w.chance(0.1)), ...stored];
}

export const geoSpecs: readonly CommandSpec[] = [
  spec(30, (w) => {
    const options = w.chance(0.7) ? [] : w.many(2, () => w.pick('NX', 'XX', 'CH'));
    return ['GEOADD', key(w), ...options, ...w.many(5, () => placed(w)).flat()];
  }),
  spec(2, (w) => [
    'GEOADD',
    key(w),
    ...w.pick<string[]>(['NX', 'XX'], ['1', '2'], ['CH'], ['x', 'y', 'z']),
  ]),
  spec(8, (w) => ['GEOPOS', key(w), ...w.many(3, () => member(w))]),
  spec(6, (w) => ['GEOHASH', key(w), ...w.many(3, () => member(w))]),
  spec(10, (w) => ['GEODIST', key(w), member(w), member(w), ...(w.chance(0.5) ? [unit(w)] : [])]),
  spec(24, (w) => {
    const parts = w.random.shuffle([from(w), shape(w), rest(w, true)]);
    return ['GEOSEARCH', key(w), ...parts.flat()];
  }),
  spec(12, (w) => {
    const distance = w.chance(0.3) ? ['STOREDIST'] : [];
    const parts = w.random.shuffle([from(w), shape(w), rest(w, w.chance(0.05)), distance]);
    const target = distance.length > 0 ? distances : w.pick(...outputs);
    return ['GEOSEARCHSTORE', target, key(w), ...parts.flat()];
  }),
  spec(8, (w) => store(w, () => ['GEORADIUS', key(w), ...middle(w), length(w), unit(w)])),
  spec(8, (w) => store(w, () => ['GEORADIUSBYMEMBER', key(w), member(w), length(w), unit(w)])),
  spec(4, (w) => ['GEORADIUS_RO', key(w), ...middle(w), length(w), unit(w), ...rest(w, true)]),
  spec(4, (w) => ['GEORADIUSBYMEMBER_RO', key(w), member(w), length(w), unit(w), ...rest(w, true)]),
  spec(8, (w) => ['ZRANGE', w.pick(...outputs), '0', '-1', 'WITHSCORES']),
  spec(4, () => ['ZRANGE', distances, '0', '-1']),
  spec(3, (w) => ['OBJECT', 'ENCODING', w.pick('geo:out', 'geo:1')]),
  spec(5, (w) => ['ZREM', key(w), member(w)]),
  spec(2, (w) => ['ZADD', key(w), w.pick('-1', '1e17', '2.5'), 'bad']),
  spec(3, (w) => ['DEL', key(w)]),
];
