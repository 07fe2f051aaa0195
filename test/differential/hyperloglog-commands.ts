/** Random commands on HyperLogLogs and on the strings that they are. */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const keys = ['hll:1', 'hll:2', 'hll:{t}a', 'hll:{t}b', 'hll:none'];

function key(w: World): string {
  return w.chance(0.95) ? w.pick(...keys) : w.key();
}

function elements(w: World): string[] {
  const most = w.pick(0, 1, 3, 3, 40, 300);
  const range = w.pick(20, 100_000);
  return Array.from({ length: w.random.below(most + 1) }, () => `e${w.random.below(range)}`);
}

export const hyperloglogSpecs: readonly CommandSpec[] = [
  spec(26, (w) => ['PFADD', key(w), ...elements(w)]),
  spec(14, (w) => ['PFCOUNT', key(w)]),
  spec(6, (w) => ['PFCOUNT', ...w.many(3, () => key(w))]),
  spec(8, (w) => ['PFMERGE', ...w.many(4, () => key(w))]),
  spec(3, (w) => ['PFDEBUG', w.pick('ENCODING', 'decode', 'TODENSE', 'GETREG', 'x'), key(w)]),
  spec(3, (w) => ['OBJECT', 'ENCODING', key(w)]),
  spec(3, (w) => ['GET', key(w)]),
  spec(3, (w) => ['COPY', key(w), key(w), 'REPLACE']),
  spec(2, (w) => ['RENAME', key(w), key(w)]),
  spec(2, (w) => ['EXPIRE', key(w), w.seconds()]),
  spec(4, (w) => ['DEL', key(w)]),
  // The cached cardinality, and whether it is valid. Registers that nobody has written would make
  // Redis answer an error half way through PFADD, with the first elements added.
  spec(3, (w) => ['SETRANGE', key(w), String(w.random.between(8, 14)), w.pick('\x00', '\x07')]),
  spec(2, (w) => ['SETRANGE', key(w), '15', w.pick('\x00', '\x80', '\x7f', '\xff')]),
  spec(1, (w) => ['SETRANGE', key(w), '0', w.pick('HYLL', 'hyll', 'HYLL')]),
];
