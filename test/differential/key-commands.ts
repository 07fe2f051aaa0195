/** Random commands on keys of any type, databases and expiry. */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

export const keySpecs: readonly CommandSpec[] = [
  spec(14, (w) => ['DEL', ...w.keys(3)]),
  spec(6, (w) => ['UNLINK', ...w.keys(3)]),
  spec(10, (w) => ['EXISTS', ...w.keys(4)]),
  spec(4, (w) => ['TOUCH', ...w.keys(4)]),
  spec(8, (w) => ['TYPE', w.key()]),
  spec(8, (w) => ['KEYS', w.pattern()]),
  spec(8, (w) => ['@SCAN', ...scanOptions(w)]),
  spec(6, (w) => ['SCAN', '0', ...scanOptions(w), 'COUNT', '1000000']),
  spec(4, (w) => ['SCAN', w.pick('0', '1', 'abc', '-1', '', '99999'), ...scanOptions(w)]),
  spec(4, () => ['RANDOMKEY']),
  spec(10, (w) => ['RENAME', w.key(), w.key()]),
  spec(8, (w) => ['RENAMENX', w.key(), w.key()]),
  spec(14, (w) => ['COPY', w.key(), w.key(), ...copyOptions(w)]),
  spec(8, (w) => ['MOVE', w.key(), w.database()]),
  spec(3, (w) => ['SWAPDB', w.database(), w.database()]),
  spec(14, (w) => ['EXPIRE', w.key(), w.seconds(), ...expireOptions(w)]),
  spec(12, (w) => ['PEXPIRE', w.key(), w.milliseconds(), ...expireOptions(w)]),
  spec(12, (w) => ['EXPIREAT', w.key(), w.unixSeconds(), ...expireOptions(w)]),
  spec(12, (w) => ['PEXPIREAT', w.key(), w.unixMilliseconds(), ...expireOptions(w)]),
  spec(16, (w) => [w.pick('TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME'), w.key()]),
  spec(10, (w) => ['PERSIST', w.key()]),
  spec(14, (w) => [
    'OBJECT',
    w.pick('ENCODING', 'ENCODING', 'REFCOUNT', 'IDLETIME', 'FREQ'),
    w.key(),
  ]),
  spec(2, (w) => [
    'OBJECT',
    ...w.pick<string[]>(['HELP'], [], ['foo'], ['foo', 'k1'], ['ENCODING']),
  ]),
  spec(4, () => ['DBSIZE']),
  spec(2, (w) => [w.pick('FLUSHDB', 'FLUSHALL'), ...w.pick([], [], ['SYNC'], ['ASYNC'], ['FOO'])]),
  spec(8, (w) => ['SELECT', w.database()]),
];

function scanOptions(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.4)) parts.push(['MATCH', w.pattern()]);
  if (w.chance(0.4)) parts.push(['COUNT', w.pick('1', '2', '3', '10', '100', '1000')]);
  if (w.chance(0.25)) parts.push(['TYPE', w.pick('string', 'STRING', 'list', 'hash', 'foo')]);
  if (w.chance(0.05)) parts.push([w.pick('MATCH', 'COUNT', 'TYPE', 'FOO')]);
  return w.random.shuffle(parts).flat();
}

function copyOptions(w: World): string[] {
  const parts: string[][] = [];
  if (w.chance(0.4)) parts.push(['DB', w.database()]);
  if (w.chance(0.5)) parts.push(['REPLACE']);
  return w.random.shuffle(parts).flat();
}

function expireOptions(w: World): string[] {
  if (w.chance(0.4)) return [];
  const options = [w.pick('NX', 'XX', 'GT', 'LT')];
  if (w.chance(0.2)) options.push(w.pick('NX', 'XX', 'GT', 'LT', 'FOO'));
  return options;
}
