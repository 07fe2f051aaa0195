/** MIGRATE between Darter and redis-server in all directions, with servers that fail in its midst. */
import assert from 'node:assert/strict';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { claimPort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, isList, showReply, textOf } from '../support/reply.js';
import {
  darterMissing,
  type Server,
  startDarter,
  startRedis,
  testedRedisMissing,
} from '../support/server.js';
import { until } from '../support/until.js';
import { dataset } from './dataset.js';

const seed = seedFromEnvironment();
const skip = darterMissing() || testedRedisMissing();
const TESTED = ['--enable-debug-command', 'yes'];

type Start = (options: { args: string[] }) => Promise<Server>;

/** Answers as a server would, or not at all. */
class Target {
  readonly sockets: Socket[] = [];
  readonly received: string[] = [];

  private constructor(
    readonly port: number,
    private readonly server: NetServer,
  ) {}

  static async listen(serve: (socket: Socket, text: string) => void): Promise<Target> {
    const port = await claimPort();
    const server = createServer((socket) => {
      target.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1');
        target.received.push(text);
        serve(socket, text);
      });
    });
    const target = new Target(port, server);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function keysOf(server: Server): Promise<string[]> {
  const client = await server.client();
  const names = await client.command('KEYS', '*');
  await client.close();
  if (!isList(names)) throw new Error('KEYS answers no list');
  return names.items.map(textOf);
}

async function fill(server: Server): Promise<void> {
  const client = await server.client();
  // What is large goes by DUMP and RESTORE elsewhere (dump-restore.test.ts).
  const isLarge = (word: string): boolean => /:many$|:large values$|:huge$/.test(word);
  const commands = dataset(new Random(seed)).filter((words) => !words.some(isLarge));
  for (const reply of await client.pipeline(commands)) {
    if (isError(reply)) throw new Error(showReply(reply));
  }
  // A digest covers database and expiry, and only database 0 is moved.
  await client.pipeline([3, 15].flatMap((one) => [['SELECT', String(one)], ['FLUSHDB']]));
  await client.close();
}

const to = (server: { port: number }): string[] => ['127.0.0.1', String(server.port)];

describe('MIGRATE', { skip }, () => {
  const pairs: readonly (readonly [string, Start, Start])[] = [
    ['Darter to Redis', startDarter, startRedis],
    ['Darter to Darter', startDarter, startDarter],
    ['Redis to Darter', startRedis, startDarter],
  ];
  for (const [name, startSource, startTarget] of pairs) {
    test(`all keys go from ${name} (seed ${seed})`, async () => {
      await using source = await startSource({ args: TESTED });
      await using target = await startTarget({ args: TESTED });
      await fill(source);
      const digest = await source.ask('DEBUG', 'DIGEST');
      const keys = await keysOf(source);
      const half = keys.length >> 1;
      const first = keys.slice(0, half);
      const rest = keys.slice(half);
      const words = ['MIGRATE', ...to(target), '', '0', '20000'];
      assert.equal(await source.ask(...words, 'COPY', 'KEYS', ...keys), 'OK');
      assert.equal(await target.ask('DEBUG', 'DIGEST'), digest, 'copied');
      assert.equal(await source.ask('DEBUG', 'DIGEST'), digest, 'nothing was removed');
      assert.match(await source.ask(...words, 'KEYS', ...first), /BUSYKEY/);
      assert.equal(await source.ask(...words, 'REPLACE', 'KEYS', ...first), 'OK');
      assert.equal(await source.ask('DBSIZE'), String(rest.length));
      for (const key of rest.slice(0, 3)) {
        const one = ['MIGRATE', ...to(target), key, '0', '20000', 'REPLACE'];
        assert.equal(await source.ask(...one), 'OK');
      }
      assert.equal(await source.ask(...words, 'REPLACE', 'KEYS', ...rest), 'OK');
      assert.equal(await source.ask('DBSIZE'), '0');
      assert.equal(await target.ask('DEBUG', 'DIGEST'), digest, 'moved');
    });
  }

  test('replies, errors and options are those of Redis', async () => {
    await using redis = await startRedis({ args: TESTED });
    await using darter = await startDarter({ threads: 1, args: TESTED });
    await using target = await startRedis({ args: ['--databases', '4'] });
    await using locked = await startRedis({
      args: ['--requirepass', 'secret'],
      password: 'secret',
    });
    const nobody = await claimPort();
    const place = to(target);
    const scripts: string[][] = [
      ['MIGRATE', ...place, 'none', '0', '5000'],
      ['SET', 'k', 'v'],
      ['MIGRATE', ...place, 'k', '0', '5000'],
      ['EXISTS', 'k'],
      ['MIGRATE', ...place, 'k', '0', '5000'],
      ['SET', 'k', 'w', 'PX', '100000000'],
      ['MIGRATE', ...place, 'k', '0', '5000'],
      ['MIGRATE', ...place, 'k', '9', '5000'],
      ['MIGRATE', ...place, 'k', '3', '5000', 'COPY'],
      ['EXISTS', 'k'],
      ['MIGRATE', ...place, 'k', '0', 'x'],
      ['MIGRATE', ...place, 'k', 'x', '5000'],
      ['MIGRATE', ...place, 'k', '0', '5000', 'FOO'],
      ['MIGRATE', ...place, 'k', '0', '5000', 'AUTH'],
      ['MIGRATE', ...place, 'k', '0', '5000', 'AUTH2', 'a'],
      ['MIGRATE', ...place, 'k', '0', '5000', 'KEYS', 'k'],
      ['MIGRATE', ...place, 'k', '0'],
      ['MIGRATE', '127.0.0.1', String(nobody), 'k', '0', '1000'],
      ['MIGRATE', '127.0.0.1', 'port', 'k', '0', '1000'],
      ['MIGRATE', ...to(locked), 'k', '0', '5000'],
      ['MIGRATE', ...to(locked), 'k', '0', '5000', 'AUTH', 'wrong'],
      ['EXISTS', 'k'],
      ['MIGRATE', ...to(locked), 'k', '0', '5000', 'AUTH', 'secret', 'REPLACE'],
      ['EXISTS', 'k'],
      ['MSET', 'a', '1', 'b', '2'],
      [
        'MIGRATE',
        ...to(locked),
        '',
        '0',
        '5000',
        'REPLACE',
        'AUTH2',
        'default',
        'secret',
        'KEYS',
        'a',
        'x',
        'b',
      ],
      ['EXISTS', 'a', 'b'],
      ['COMMAND', 'GETKEYS', 'MIGRATE', 'h', '1', '', '0', '1', 'KEYS', 'a', 'b'],
      ['COMMAND', 'GETKEYS', 'MIGRATE', 'h', '1', 'k', '0', '1'],
    ];
    for (const words of scripts) {
      // Whoever comes second finds what the first has left there.
      const theirs = await redis.ask(...words);
      await target.ask('FLUSHALL');
      const ours = await darter.ask(...words);
      await target.ask('FLUSHALL');
      assert.equal(ours, theirs, words.join(' '));
    }
  });

  test('a target that ends in its midst loses no key', async () => {
    await using darter = await startDarter({ threads: 1, args: TESTED });
    const answers = [
      (socket: Socket): unknown => socket.destroy(),
      (socket: Socket): unknown => socket.end('+OK\r\n'),
      (socket: Socket): unknown => socket.end('+OK\r\n-ERR no\r\n'),
      (socket: Socket): unknown => socket.end(':1\r\n'),
      (socket: Socket): unknown => socket.end('x'.repeat(100_000)),
    ];
    const expected = [3, 2, 2, 3, 3];
    const errors = [/^-?IOERR/, /^-?IOERR/, /Target instance replied with error: ERR no/];
    for (const [i, answer] of answers.entries()) {
      await using target = await Target.listen((socket, text) => {
        if (text.includes('$1\r\nc\r\n')) answer(socket);
      });
      await darter.ask('MSET', 'a', '1', 'b', '2', 'c', '3');
      const words = ['MIGRATE', ...to(target), '', '0', '20000', 'KEYS', 'a', 'b', 'c'];
      assert.match(await darter.ask(...words), errors[i] ?? /^-?IOERR/);
      assert.equal(await darter.ask('EXISTS', 'a', 'b', 'c'), String(expected[i]), `answer ${i}`);
    }
    assert.equal(await darter.ask('DEBUG', 'CHECK'), 'OK');
  });

  test('a key that changes meanwhile stays, and nobody else waits', async () => {
    await using darter = await startDarter({ threads: 1, args: TESTED });
    let answer = (): void => {};
    await using target = await Target.listen((socket) => {
      answer = () => socket.write('+OK\r\n+OK\r\n');
    });
    await darter.ask('MSET', 'a', '1', 'b', '2');
    const words = ['MIGRATE', ...to(target), '', '0', '20000', 'KEYS', 'a', 'b'];
    const migrating = darter.ask(...words);
    await until('all is sent', async () => {
      assert.equal(await darter.ask('PING'), 'PONG');
      return target.received.join('').includes('$1\r\nb\r\n');
    });
    assert.equal(await darter.ask('APPEND', 'a', 'x'), '2');
    answer();
    assert.match(await migrating, /a key has changed while it was migrated/);
    assert.equal(await darter.ask('GET', 'a'), '1x');
    assert.equal(await darter.ask('EXISTS', 'b'), '0');
    // Nothing is watched any more.
    assert.equal(await darter.ask('DEBUG', 'CHECK'), 'OK');
  });

  test('a connection that the target has closed meanwhile is made anew', async () => {
    await using darter = await startDarter({ threads: 1, args: TESTED });
    await using target = await Target.listen((socket) => socket.end('+OK\r\n'));
    for (const key of ['a', 'b', 'c']) {
      await darter.ask('SET', key, 'v');
      assert.equal(await darter.ask('MIGRATE', ...to(target), key, '0', '20000'), 'OK');
    }
    assert.equal(await darter.ask('DBSIZE'), '0');
  });

  test('it is refused where nothing may wait, and removals reach a replica', async () => {
    await using darter = await startDarter({ threads: 1, args: TESTED });
    await using replica = await startDarter({
      threads: 1,
      args: ['--replicaof', '127.0.0.1', String(darter.port)],
    });
    await using target = await startDarter({ threads: 1, args: TESTED });
    const client = await darter.client();
    await client.pipeline([['MULTI'], ['MIGRATE', ...to(target), 'k', '0', '1000']]);
    assert.match(await client.text('EXEC'), /not allowed in a transaction or a script/);
    await client.text('MSET', 'a', '1', 'b', '2');
    const words = ['MIGRATE', ...to(target), '', '0', '20000', 'KEYS', 'a', 'b'];
    assert.equal(await client.text(...words), 'OK');
    await client.text('SET', 'last', '1');
    await client.close();
    await until('the replica has what is left', async () => {
      const sizes = `${await replica.ask('DBSIZE')} ${await replica.ask('EXISTS', 'last')}`;
      return sizes === '1 1' || sizes;
    });
    assert.equal(await target.ask('DBSIZE'), '2');
  });
});
