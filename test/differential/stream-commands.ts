/**
 * Random commands on streams and consumer groups. Ids are given, as those of the clock would differ;
 * so are idle times, which are nothing or far away (mutate.ts sees to it). `~` removes as much as the
 * nodes of each server make it, so that it is left out.
 */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const keys = ['stream:1', 'stream:2', 'stream:{t}a', 'stream:none'];
const names = ['g1', 'g2', 'g\x00x', ''];
const counters = new WeakMap<World, number>();

function key(w: World): string {
  return w.chance(0.97) ? w.pick(...keys) : w.key();
}

function group(w: World): string {
  return w.pick('g1', 'g1', 'g1', 'g2', ...names);
}

function consumer(w: World): string {
  return w.pick('alice', 'alice', 'bob', 'carol', '', 'd\x00', 'x'.repeat(3000));
}

/** An id that is most likely above all others. */
function nextId(w: World): string {
  const next = (counters.get(w) ?? 0) + 1;
  counters.set(w, next);
  const ms = next >> 2;
  return w.pick(`${ms}-${(next & 3) + 1}`, `${ms}-${(next & 3) + 1}`, `${ms + 1}`, `${ms}-*`);
}

function id(w: World): string {
  const around = Math.max(1, (counters.get(w) ?? 1) >> 2);
  if (w.chance(0.08)) return w.pick('-', '+', '$', '>', '0', '0-0', 'x', '', '5-', '-5', '1-1-1');
  if (w.chance(0.03)) {
    return w.pick('18446744073709551615', '18446744073709551615-18446744073709551615', '007-08');
  }
  const ms = w.chance(0.7)
    ? w.random.between(Math.max(0, around - 12), around + 2)
    : w.random.below(around + 2);
  return w.chance(0.6) ? `${ms}-${w.random.below(6)}` : String(ms);
}

function edge(w: World): string {
  return w.chance(0.2) ? `(${id(w)}` : id(w);
}

function range(w: World): [string, string] {
  return w.chance(0.4) ? ['-', '+'] : [edge(w), edge(w)];
}

function count(w: World): string[] {
  if (w.chance(0.5)) return [];
  return ['COUNT', w.chance(0.08) ? w.integer() : String(w.random.between(-1, 12))];
}

/** What Redis allocates for the highest ones depends on the machine. */
function claimCount(w: World): string[] {
  return w.chance(0.5)
    ? []
    : ['COUNT', w.pick('1', '2', '5', '0', '-1', '9223372036854775807', 'x')];
}

function fields(w: World): string[] {
  if (w.chance(0.5)) return ['name', w.value().slice(0, 300), 'age', String(w.random.below(500))];
  const size = w.pick(1, 1, 2, 3, w.chance(0.1) ? 40 : 2);
  return Array.from({ length: size }, () => [
    w.pick('f', 'g', '', 'a\x00b'),
    w.chance(0.02) ? w.long() : w.value().slice(0, 2500),
  ]).flat();
}

function trim(w: World): string[] {
  const equals = w.chance(0.3) ? ['='] : [];
  if (w.chance(0.6)) return ['MAXLEN', ...equals, w.pick('0', '1', '5', '20', '60', '-1', 'x')];
  return ['MINID', ...equals, id(w)];
}

function ids(w: World): string[] {
  return w.many(w.pick(1, 3, 8), () => id(w));
}

function streams(w: World, make: (w: World) => string): string[] {
  const all = w.many(w.pick(1, 1, 2, 3), () => key(w));
  return ['STREAMS', ...all, ...all.map(() => make(w))];
}

function claimOptions(w: World): string[] {
  const options: string[][] = [];
  if (w.chance(0.3)) options.push(['FORCE']);
  if (w.chance(0.4)) options.push(['JUSTID']);
  if (w.chance(0.2)) options.push(['IDLE', w.pick('0', '100000000', '-5', 'x')]);
  if (w.chance(0.2)) options.push(['TIME', w.pick('0', '1000', '99999999999999', 'x')]);
  if (w.chance(0.3))
    options.push(['RETRYCOUNT', w.pick('0', '5', '-1', 'x', '9223372036854775807')]);
  if (w.chance(0.15)) options.push(['LASTID', id(w)]);
  return w.random.shuffle(options).flat();
}

function idle(w: World): string {
  return w.pick('0', '0', '0', '-1', '90000000', 'x');
}

function xpending(w: World): string[] {
  if (w.chance(0.3)) return [];
  const filter = w.chance(0.3) ? ['IDLE', idle(w)] : [];
  const whose = w.chance(0.4) ? [consumer(w)] : [];
  return [...filter, ...range(w), String(w.random.between(-1, 20)), ...whose];
}

function setidOptions(w: World): string[] {
  const options: string[][] = [];
  if (w.chance(0.4))
    options.push(['ENTRIESADDED', w.pick('0', '5', '100', '1000', '-1', w.integer())]);
  if (w.chance(0.3)) options.push(['MAXDELETEDID', id(w)]);
  return options.flat();
}

function entriesRead(w: World): string[] {
  return w.chance(0.4) ? ['ENTRIESREAD', w.pick('-1', '0', '3', '50', '-2', 'x')] : [];
}

export const streamSpecs: readonly CommandSpec[] = [
  spec(40, (w) => ['XADD', key(w), nextId(w), ...fields(w)]),
  spec(5, (w) => ['XADD', key(w), id(w), ...fields(w)]),
  spec(4, (w) => ['XADD', key(w), ...trim(w), nextId(w), ...fields(w)]),
  spec(2, (w) => ['XADD', key(w), 'NOMKSTREAM', nextId(w), ...fields(w)]),
  spec(4, (w) => ['XLEN', key(w)]),
  spec(10, (w) => ['XRANGE', key(w), ...range(w), ...count(w)]),
  spec(8, (w) => ['XREVRANGE', key(w), ...range(w).reverse(), ...count(w)]),
  spec(10, (w) => ['XDEL', key(w), ...ids(w)]),
  spec(3, (w) => ['XTRIM', key(w), ...trim(w), ...(w.chance(0.1) ? ['LIMIT', '5'] : [])]),
  spec(3, (w) => ['XSETID', key(w), id(w), ...setidOptions(w)]),
  spec(8, (w) => ['XREAD', ...count(w), ...streams(w, id)]),
  spec(8, (w) => [
    ...['XGROUP', 'CREATE', key(w), group(w), w.chance(0.3) ? '$' : id(w)],
    ...(w.chance(0.3) ? ['MKSTREAM'] : []),
    ...entriesRead(w),
  ]),
  spec(3, (w) => ['XGROUP', 'SETID', key(w), group(w), w.pick('$', '0', id(w)), ...entriesRead(w)]),
  spec(1, (w) => ['XGROUP', 'DESTROY', key(w), group(w)]),
  spec(3, (w) => ['XGROUP', 'CREATECONSUMER', key(w), group(w), consumer(w)]),
  spec(2, (w) => ['XGROUP', 'DELCONSUMER', key(w), group(w), consumer(w)]),
  spec(24, (w) => [
    ...['XREADGROUP', 'GROUP', group(w), consumer(w), ...count(w)],
    ...(w.chance(0.1) ? ['NOACK'] : []),
    ...streams(w, (world) => (world.chance(0.7) ? '>' : id(world))),
  ]),
  spec(10, (w) => ['XACK', key(w), group(w), ...ids(w)]),
  spec(10, (w) => ['XPENDING', key(w), group(w), ...xpending(w)]),
  spec(10, (w) => [
    'XCLAIM',
    key(w),
    group(w),
    consumer(w),
    idle(w),
    ...ids(w),
    ...claimOptions(w),
  ]),
  spec(8, (w) => [
    ...['XAUTOCLAIM', key(w), group(w), consumer(w), idle(w), edge(w), ...claimCount(w)],
    ...(w.chance(0.4) ? ['JUSTID'] : []),
  ]),
  spec(4, (w) => ['XINFO', 'STREAM', key(w), ...(w.chance(0.5) ? ['FULL', ...count(w)] : [])]),
  spec(5, (w) => ['XINFO', 'GROUPS', key(w)]),
  spec(3, (w) => ['XINFO', 'CONSUMERS', key(w), group(w)]),
  spec(2, (w) => ['COPY', key(w), key(w), 'REPLACE']),
  spec(1, (w) => ['RENAME', key(w), key(w)]),
  spec(1, (w) => ['DEL', key(w)]),
  spec(1, (w) => ['EXPIRE', key(w), w.seconds()]),
  spec(1, (w) => ['OBJECT', 'ENCODING', key(w)]),
  spec(1, (w) => ['MOVE', key(w), w.database()]),
];
