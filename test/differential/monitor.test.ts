/** MONITOR: the lines that a watching client gets, compared with redis-server's. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { converse, type Step } from '../support/conversation.js';
import { isError, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { until } from '../support/until.js';

const scripts: Readonly<Record<string, readonly Step[]>> = {
  'commands that run are shown, those refused or of administrators are not': [
    [0, 'MONITOR'],
    [1, 'SET a 1', 'get a', 'NOSUCH x', 'GET', 'SELECT 3', 'GET a', 'CONFIG GET hz', 'ACL WHOAMI'],
    [2, 'MSET a 1 b 2', 'CLIENT LIST', 'CLIENT SETNAME me', 'WATCH a', 'OBJECT ENCODING a'],
  ],
  'passwords are hidden': [
    [0, 'MONITOR'],
    [1, 'AUTH secret', 'AUTH user secret', 'HELLO 3 AUTH default secret SETNAME me', 'HELLO 3'],
    [1, 'HELLO 2 SETNAME auth', 'CONFIG SET requirepass ""'],
  ],
  'a transaction is shown when it runs, EXEC behind it': [
    [0, 'MONITOR'],
    [1, 'MULTI', 'SET a 1', 'INCR a', 'EXEC', 'MULTI', 'SET a 2', 'DISCARD'],
    [1, 'MULTI', 'SET a 1', 'GET', 'EXEC', 'EXEC', 'WATCH a', 'SET a 3', 'MULTI', 'GET a', 'EXEC'],
  ],
  'bytes are written as Redis writes them': [
    [0, 'MONITOR'],
    [1, 'SET a "\\x00\\x01\\x07\\b\\t\\n\\x0b\\r\\x1b !\\"#\\\\~\\x7f\\x80\\xff"', 'ECHO ""'],
    [1, `SET a ${'x'.repeat(5000)}`],
  ],
  'a client that watches has no keys, may subscribe, and may go back': [
    [0, 'MONITOR', 'PING', 'GET a', 'SET a 1', 'PUBLISH a b', 'SELECT 1', 'MONITOR', 'ECHO a'],
    [0, 'SUBSCRIBE c', 'GET a'],
    [1, 'PUBLISH c hello'],
    [0, 'UNSUBSCRIBE'],
    [0, 'RESET', 'GET a'],
    [1, 'SET a 1'],
  ],
  'what scripts run is shown behind them, as run by a script': [
    [0, 'MONITOR'],
    [
      1,
      `EVAL "redis.call('set', KEYS[1], 1) redis.call('SELECT', 3) redis.pcall('get', 'b', 'c') return redis.call('GET', 'undeclared')" 1 a`,
      'EVAL "return 1" 5',
      'EVAL "syntax error" 0',
      'EVALSHA 0000000000000000000000000000000000000000 0 x',
      `EVAL "redis.pcall('nosuch') redis.pcall('incr', 'l') return redis.pcall('config', 'get', 'hz')" 0`,
    ],
    [2, 'MULTI', `EVAL "return redis.call('incr', 'n')" 0`, 'SET a 1', 'EXEC', 'SET b 1'],
    [
      2,
      `FUNCTION LOAD REPLACE "#!lua name=lib\\nredis.register_function('f', function(k) return redis.call('get', k[1]) end)"`,
      'FCALL f 1 a',
      'FCALL_RO f 1 a',
      'FUNCTION DELETE lib',
    ],
  ],
  'publishing and subscribing are shown': [
    [0, 'MONITOR'],
    [1, 'SUBSCRIBE a', 'GET a', 'EXEC', 'UNSUBSCRIBE'],
    [
      2,
      'PUBLISH a m',
      'CLIENT REPLY OFF',
      'SET q 1',
      'CLIENT REPLY ON',
      'MULTI',
      'MONITOR',
      'EXEC',
    ],
  ],
};

/** Lines of PING, which shows the end of a step, have no order among those of other threads. */
function withoutMarkers(line: string): string {
  return line.replace(/\+\(time\) \[\d+ \(client\)\] \\"PING\\" \\"--marker-\d+--\\"\\r\\n/g, '');
}

/** Without what differs from run to run: times, ports, connections. */
function normal(line: string): string {
  const named = line
    .replace(/\+\d+\.\d{6} \[(\d+) 127\.0\.0\.1:\d+\]/g, '+(time) [$1 (client)]')
    .replace(/\+\d+\.\d{6} \[(\d+) lua\]/g, '+(time) [$1 lua]')
    .replace(/(\$2\\r\\nid\\r\\n):\d+/g, '$1:(id)')
    .replace(/\$\d+\\r\\nid=[\s\S]*/, '(clients)"');
  return withoutMarkers(named);
}

const WAITS = [
  ['BLPOP', 'list', '0'],
  ['BLMOVE', 'from', 'to', 'LEFT', 'RIGHT', '0'],
  ['BZPOPMIN', 'scores', '0'],
  ['XREAD', 'BLOCK', '0', 'STREAMS', 'stream', '$'],
] as const;
const WAKES = [
  ['RPUSH', 'list', 'a'],
  ['RPUSH', 'from', 'b'],
  ['ZADD', 'scores', '1', 'c'],
  ['XADD', 'stream', '1-1', 'f', 'v'],
] as const;

/** What MONITOR shows of commands that wait, and how INFO counts them. */
async function waitsSeen(server: Server): Promise<string[]> {
  await server.ask('FLUSHALL');
  await server.ask('CONFIG', 'RESETSTAT');
  const monitor = connect({ port: server.port, host: '127.0.0.1' });
  let shown = '';
  monitor.on('data', (chunk: Buffer) => {
    shown += chunk.toString('latin1');
  });
  const clients = await Promise.all(WAITS.map(() => server.client()));
  try {
    monitor.write('MONITOR\r\n');
    await until('it watches', () => shown.startsWith('+OK') || shown);
    const replies = WAITS.map((words, i) => clients[i]!.command(...words));
    await until('all wait', async () => (await server.info('blocked_clients')) === '4');
    for (const words of WAKES) await server.ask(...words);
    await Promise.all(replies);
    await server.ask('ECHO', 'over');
    await until('the last one', () => shown.includes('"over"') || shown);
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    monitor.destroy();
  }
  const lines = shown.split('\r\n').filter((line) => !/^\+OK|"INFO"|"AUTH"|"HELLO"|^$/i.test(line));
  const counted = WAITS.map(([name]) => name.toLowerCase());
  const calls = await Promise.all(
    counted.map(async (name) => {
      const figures = await server.ask('INFO', 'commandstats');
      return new RegExp(`cmdstat_${name}:calls=\\d+`).exec(figures)?.[0] ?? name;
    }),
  );
  return [...lines.map(normal).toSorted(), ...calls];
}

describe('MONITOR', { skip: eitherMissing() }, () => {
  let ours: Server;
  let theirs: Server;

  before(async () => {
    const args = ['--placement', 'spread'];
    [ours, theirs] = await Promise.all([startDarter({ threads: 3, args }), startRedis()]);
  });
  after(() => Promise.all([ours.stop(), theirs.stop()]));

  for (const [name, steps] of Object.entries(scripts)) {
    test(name, async () => {
      await Promise.all([ours.ask('FLUSHALL'), theirs.ask('FLUSHALL')]);
      const [own, their] = await Promise.all([
        converse(ours.port, 3, steps),
        converse(theirs.port, 3, steps),
      ]);
      assert.deepEqual(own.map(normal), their.map(normal));
    });
  }

  test('a command that waits for its key is shown once, and counted once', async () => {
    const [own, their] = await Promise.all([waitsSeen(ours), waitsSeen(theirs)]);
    assert.deepEqual(own, their);
  });

  test('CLIENT LIST flags who watches, and nobody is watched afterwards', async () => {
    const client = await ours.client();
    assert.ok(!isError(await client.command('MONITOR')));
    assert.match(await ours.ask('CLIENT', 'LIST', 'TYPE', 'normal'), / flags=O .* sub=0 psub=0 /);
    await client.close();
    const other = await ours.client();
    for (let i = 0; i < 100; i++) await other.command('SET', 'k', `${i}`);
    assert.equal(textOf(await other.command('GET', 'k')), '99');
    await other.close();
  });

  const noCli = spawnSync('redis-cli', ['--version']).status !== 0;
  test('redis-cli monitor shows commands of all threads', { skip: noCli }, async () => {
    const cli = spawn('redis-cli', ['-p', String(ours.port), 'monitor']);
    let shown = '';
    cli.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
    });
    try {
      await until('it watches', () => shown.includes('OK') || shown);
      const clients = await Promise.all(Array.from({ length: 6 }, () => ours.client()));
      for (const [i, client] of clients.entries()) await client.command('SET', `key:${i}`, 'v');
      for (let i = 0; i < 6; i++) {
        await until(`key ${i}`, () => shown.includes(`"SET" "key:${i}" "v"`) || shown);
      }
      await Promise.all(clients.map((client) => client.close()));
    } finally {
      cli.kill();
    }
  });
});
