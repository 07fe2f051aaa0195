/** Random commands on lists: few keys and elements, so that they meet, and lists of both forms. */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

const keys = ['list:1', 'list:2', 'list:{t}a', 'list:{t}b', 'list:none'];

function key(w: World): string {
  return w.chance(0.96) ? w.pick(...keys) : w.key();
}

function element(w: World): string {
  if (w.chance(0.6)) return w.pick('a', 'b', 'c', '1', '2', '-3', '007', '', '300', '70000');
  return w.chance(0.03) ? w.long() : w.value().slice(0, 3000);
}

function elements(w: World): string[] {
  const most = w.pick(1, 1, 1, 3, 3, 20, w.chance(0.1) ? 600 : 3);
  return w.many(most, () => element(w));
}

/** Near the ends mostly. */
function index(w: World): string {
  if (w.chance(0.08)) return w.integer();
  return String(w.random.between(-14, 14) * w.pick(1, 1, 1, 10, 60));
}

function count(w: World): string {
  return w.chance(0.1) ? w.integer() : String(w.random.between(-3, 6) * w.pick(1, 1, 1, 30));
}

function end(w: World): string {
  return w.pick('LEFT', 'RIGHT', 'left', 'right', ...(w.chance(0.05) ? ['MIDDLE'] : []));
}

function lposOptions(w: World): string[] {
  const options: string[][] = [];
  if (w.chance(0.5)) options.push(['RANK', count(w)]);
  if (w.chance(0.5)) options.push(['COUNT', count(w)]);
  if (w.chance(0.3)) options.push(['MAXLEN', count(w)]);
  return w.random.shuffle(options).flat();
}

function lmpopKeys(w: World): string[] {
  const names = w.many(3, () => key(w));
  const told = w.chance(0.9) ? String(names.length) : w.pick('0', '-1', '9', 'x', '1', '');
  return [told, ...names];
}

export const listSpecs: readonly CommandSpec[] = [
  spec(30, (w) => [w.pick('LPUSH', 'RPUSH'), key(w), ...elements(w)]),
  spec(8, (w) => [w.pick('LPUSHX', 'RPUSHX'), key(w), ...elements(w)]),
  spec(14, (w) => [w.pick('LPOP', 'RPOP'), key(w)]),
  spec(10, (w) => [w.pick('LPOP', 'RPOP'), key(w), count(w)]),
  spec(6, (w) => ['LLEN', key(w)]),
  spec(14, (w) => ['LRANGE', key(w), index(w), index(w)]),
  spec(10, (w) => ['LINDEX', key(w), index(w)]),
  spec(10, (w) => ['LSET', key(w), index(w), element(w)]),
  spec(10, (w) => ['LINSERT', key(w), w.pick('BEFORE', 'AFTER'), element(w), element(w)]),
  spec(10, (w) => ['LREM', key(w), count(w), element(w)]),
  spec(6, (w) => ['LTRIM', key(w), index(w), index(w)]),
  spec(14, (w) => ['LPOS', key(w), element(w), ...lposOptions(w)]),
  spec(10, (w) => ['LMOVE', key(w), key(w), end(w), end(w)]),
  spec(6, (w) => ['RPOPLPUSH', key(w), key(w)]),
  spec(8, (w) => ['LMPOP', ...lmpopKeys(w), end(w), ...(w.chance(0.5) ? ['COUNT', count(w)] : [])]),
  spec(2, (w) => ['COPY', key(w), key(w), 'REPLACE']),
  spec(2, (w) => ['RENAME', key(w), key(w)]),
  spec(2, (w) => ['EXPIRE', key(w), w.seconds()]),
  spec(2, (w) => ['DEL', key(w)]),
  spec(2, (w) => ['OBJECT', 'ENCODING', key(w)]),
  spec(1, (w) => ['MOVE', key(w), w.database()]),
];
