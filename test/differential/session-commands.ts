/** Random commands on the connection itself, transactions in pieces, and server introspection. */
import { type CommandSpec, spec } from './spec.js';
import type { World } from './world.js';

export const sessionSpecs: readonly CommandSpec[] = [
  spec(5, (w) => ['PING', ...(w.chance(0.4) ? [w.value()] : [])]),
  spec(4, (w) => ['ECHO', w.value()]),
  spec(1, () => ['RESET']),
  spec(2, (w) => ['AUTH', ...w.many(3, () => w.pick('default', 'secret', '', 'x'))]),
  spec(3, (w) => ['HELLO', ...helloArguments(w)]),
  spec(10, (w) => ['CLIENT', ...clientArguments(w)]),
  spec(2, () => ['MULTI']),
  spec(3, (w) => [w.pick('EXEC', 'EXEC', 'DISCARD')]),
  spec(3, (w) => ['WATCH', ...w.keys(2)]),
  spec(2, () => ['UNWATCH']),
];

export const serverSpecs: readonly CommandSpec[] = [
  spec(6, (w) => ['COMMAND', 'GETKEYS', ...someCommand(w)]),
  spec(4, (w) => ['COMMAND', 'GETKEYSANDFLAGS', ...someCommand(w)]),
  spec(2, (w) => [
    'COMMAND',
    ...w.pick([], ['FOO'], ['GETKEYS'], ['INFO', 'nope'], ['LIST', 'FOO']),
  ]),
  spec(10, (w) => ['CONFIG', 'GET', ...w.many(2, () => w.pick(...configNames))]),
  spec(8, (w) => ['CONFIG', 'SET', ...w.many(2, () => configPair(w)).flat()]),
  spec(2, (w) => ['CONFIG', ...w.pick<string[]>([], ['FOO'], ['GET'], ['SET'], ['SET', 'hz'])]),
  spec(2, () => ['TIME']),
  spec(6, (w) => [
    w.pick('FOO', 'GETT', 'SE', 'k1', 'hello world', 'get\x00'),
    ...w.many(4, () => w.any()),
  ]),
  spec(1, (w) => ['FOO', w.long(), 'x'.repeat(200), 'a\r\nb']),
];

export const configNames = [
  ...['maxmemory', 'timeout', 'hz', 'slowlog-max-len', 'slowlog-log-slower-than', 'appendonly'],
  ...[
    'maxclients-none',
    'databases',
    'loglevel',
    'tcp-keepalive',
    'MAXMEMORY',
    'slowlog-*',
    'nope',
  ],
  ...[
    'latency-monitor-threshold',
    'maxmemory-policy',
    'lazyfree-lazy-expire',
    'proto-max-bulk-len',
  ],
];

function configPair(w: World): string[] {
  const name = w.pick(
    'timeout',
    'hz',
    'slowlog-max-len',
    'slowlog-log-slower-than',
    'tcp-keepalive',
  );
  const good = w.pick('10', '100', '0', '500', '128');
  // A short timeout ends connections that wait for the slower of the two servers.
  const value = name === 'timeout' && good !== '0' ? `${good}000` : good;
  if (w.chance(0.6)) return [name, value];
  return w.pick(
    [name, w.pick('abc', '', '-5', '1.5', '99999999999999999999', '1gb')],
    [w.pick('nope', 'databases', 'port-x', 'lazyfree-lazy-expire', 'loglevel'), w.pick('1', 'x')],
    ['maxmemory', w.pick('abc', '-1', '1xb', '')],
    ['lazyfree-lazy-expire', w.pick('yes', 'no', 'YES', 'maybe')],
    ['latency-monitor-threshold', w.pick('0', '100', '-1', 'x')],
    ['hll-sparse-max-bytes', w.pick('3000', '0', '40', '500', '20000', '-1', 'x')],
  );
}

function helloArguments(w: World): string[] {
  return w.pick<string[]>(
    ['3'],
    ['2'],
    [],
    ['4'],
    ['1'],
    ['abc'],
    ['3', 'SETNAME', w.pick('me', 'a b', '')],
    ['2', 'AUTH', 'default', w.pick('', 'x')],
    ['3', 'AUTH', 'nobody', 'x'],
    ['3', 'AUTH', 'default'],
    ['2', 'FOO'],
    ['3', 'SETNAME'],
  );
}

function clientArguments(w: World): string[] {
  return w.pick<string[]>(
    ['ID'],
    ['GETNAME'],
    ['GETNAME'],
    ['SETNAME', w.pick('me', 'a b', '', 'x\n', 'tab\t', 'ok!', '\x80')],
    ['INFO'],
    ['LIST', ...w.pick<string[]>([], ['TYPE', 'normal'], ['TYPE', 'foo'], ['ID', 'x'], ['FOO'])],
    ['GETREDIR'],
    ['TRACKINGINFO'],
    ['NO-EVICT', w.pick('ON', 'OFF', 'MAYBE')],
    ['CACHING', w.pick('YES', 'NO', 'X')],
    [
      'UNBLOCK',
      w.pick('999999', 'abc', ''),
      ...w.pick<string[]>([], ['TIMEOUT'], ['ERROR'], ['FOO']),
    ],
    [
      'KILL',
      ...w.pick<string[]>(['1.2.3.4:5'], ['ID', '99999999'], ['ID', 'x'], ['FOO', 'x'], ['ADDR']),
    ],
    ['KILL', 'TYPE', w.pick('pubsub', 'foo', 'master'), 'SKIPME', w.pick('yes', 'no', 'x')],
    ['KILL', w.pick('USER', 'LADDR'), w.pick('nobody', '1.2.3.4:5')],
    ['REPLY', w.pick('ON', 'FOO', '')],
    ['UNPAUSE'],
    ['PAUSE', w.pick('abc', '-1', '')],
    ['HELP'],
    ['FOO'],
    [],
  );
}

function someCommand(w: World): string[] {
  return w.pick<() => string[]>(
    () => ['GET', w.key()],
    () => ['SET', w.key(), 'v', 'EX', '100'],
    () => ['MSET', ...w.many(3, () => [w.key(), 'v']).flat()],
    () => ['MGET', ...w.keys()],
    () => ['BITOP', 'AND', ...w.keys()],
    () => ['COPY', w.key(), w.key(), 'DB', '1'],
    () => ['LCS', w.key(), w.key()],
    () => ['OBJECT', 'ENCODING', w.key()],
    () => ['PING'],
    () => ['MSET', w.key()],
    () => ['GET'],
    () => ['nope', 'x'],
    () => ['DEL', ...w.keys()],
    () => ['RENAME', w.key(), w.key()],
    () => ['BITFIELD', w.key(), 'GET', 'u8', '0'],
    () => ['SET', w.key()],
  )();
}
