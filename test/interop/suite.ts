/** What every client library must be able to do, against one server, as one suite for all. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

/** A client library, reduced to what the suite needs; each test file adapts one. */
export interface Library {
  /** Any command, its reply as the library gives it. */
  command(...args: (string | Buffer)[]): Promise<unknown>;
  /** The reply's bulk strings as Buffers. */
  binary(...args: (string | Buffer)[]): Promise<Buffer | null>;
  /** The commands in one pipeline. */
  pipeline(commands: readonly (readonly string[])[]): Promise<unknown[]>;
  /** The commands in MULTI and EXEC; null when a watched key changed. */
  transaction(commands: readonly (readonly string[])[]): Promise<unknown[] | null>;
  close(): Promise<void>;
}

export type Connect = () => Promise<Library>;

export function librarySuite(name: string, connect: Connect): void {
  const scenario = (what: string, run: (library: Library) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const library = await connect();
      try {
        await library.command('FLUSHALL');
        await run(library);
      } finally {
        await library.close();
      }
    });
  };
  scenario('commands and replies', commandsAndReplies);
  scenario('binary values', binaryValues);
  scenario('a pipeline of 10,000', longPipeline);
  scenario('transactions', transactions);
  scenario('WATCH', async (library) => watching(library, connect));
  scenario('calls that wait', async (library) => waiting(library, connect));
  scenario('streams', async (library) => streams(library, connect));
  scenario('errors are errors', errors);
  scenario('a value of 64 MB', largeValue);
}

async function commandsAndReplies(library: Library): Promise<void> {
  assert.equal(await library.command('SET', 'k', 'v'), 'OK');
  assert.equal(await library.command('GET', 'k'), 'v');
  assert.equal(await library.command('GET', 'none'), null);
  assert.equal(await library.command('INCRBY', 'n', '41'), 41);
  assert.equal(await library.command('INCR', 'n'), 42);
  assert.deepEqual(await library.command('MGET', 'k', 'none', 'n'), ['v', null, '42']);
  assert.equal(await library.command('EXPIRE', 'k', '1000'), 1);
  assert.ok(Number(await library.command('TTL', 'k')) > 990);
  assert.equal(await library.command('DEL', 'k', 'n', 'none'), 2);
  assert.equal(await library.command('SET', 'e', ''), 'OK');
  assert.equal(await library.command('GET', 'e'), '');
  assert.equal(await library.command('DBSIZE'), 1);
}

async function binaryValues(library: Library): Promise<void> {
  const value = randomBytes(1000);
  const key = Buffer.from([0, 255, 13, 10, 42, 36]);
  await library.command('SET', key, value);
  const back = await library.binary('GET', key);
  assert.ok(back !== null && value.toString('hex') === back.toString('hex'));
}

async function longPipeline(library: Library): Promise<void> {
  const commands: string[][] = [];
  for (let i = 0; i < 5000; i++) {
    commands.push(['SET', `key:${i}`, `value:${i}`], ['GET', `key:${i}`]);
  }
  const replies = await library.pipeline(commands);
  assert.equal(replies.length, 10_000);
  for (let i = 0; i < 5000; i++) {
    if (replies[2 * i] === 'OK' && replies[2 * i + 1] === `value:${i}`) continue;
    assert.fail(`command ${i}: ${String(replies[2 * i])}, ${String(replies[2 * i + 1])}`);
  }
  assert.equal(await library.command('DBSIZE'), 5000);
}

async function transactions(library: Library): Promise<void> {
  const replies = await library.transaction([
    ['SET', 'a', '1'],
    ['INCR', 'a'],
    ['GET', 'a'],
  ]);
  assert.deepEqual(replies, ['OK', 2, '2']);
}

async function watching(library: Library, connect: Connect): Promise<void> {
  await library.command('WATCH', 'a');
  const other = await connect();
  await other.command('SET', 'a', 'other');
  await other.close();
  assert.equal(await library.transaction([['SET', 'a', 'mine']]), null);
  assert.equal(await library.command('GET', 'a'), 'other');
  await library.command('WATCH', 'a');
  assert.deepEqual(await library.transaction([['SET', 'a', 'mine']]), ['OK']);
}

/** Each call waits until the other client pushes; then come a timeout and a move. */
async function waiting(library: Library, connect: Connect): Promise<void> {
  const other = await connect();
  const waits = library.command('BLPOP', 'none', 'jobs', '0');
  assert.equal(await other.command('RPUSH', 'jobs', 'one'), 1);
  assert.deepEqual(await waits, ['jobs', 'one']);
  const moves = library.command('BLMOVE', 'jobs', 'active', 'LEFT', 'RIGHT', '10');
  await other.command('RPUSH', 'jobs', 'two');
  assert.equal(await moves, 'two');
  assert.deepEqual(await other.command('LRANGE', 'active', '0', '-1'), ['two']);
  assert.equal(await library.command('BRPOP', 'none', '0.01'), null);
  const lowest = library.command('BZMPOP', '0', '1', 'scores', 'MIN');
  await other.command('ZADD', 'scores', '1', 'm');
  const [key, members] = (await lowest) as [string, unknown[][]];
  assert.deepEqual([key, members.length, members[0]![0]], ['scores', 1, 'm']);
  await other.close();
}

/** A reader and a consumer of a group wait for an entry, which is acknowledged. */
async function streams(library: Library, connect: Connect): Promise<void> {
  const other = await connect();
  assert.equal(await library.command('XADD', 's', '1-1', 'name', 'one'), '1-1');
  assert.equal(await library.command('XGROUP', 'CREATE', 's', 'g', '$'), 'OK');
  const read = library.command('XREAD', 'BLOCK', '0', 'STREAMS', 's', '$');
  // The connections have threads of their own: an entry that comes first is not after `$`.
  await untilOneWaits(other);
  await other.command('XADD', 's', '2-1', 'name', 'two');
  assert.match(JSON.stringify(await read), /"s".*\[\["2-1",\["name","two"\]\]\]/);
  const take = library.command(
    ...['XREADGROUP', 'GROUP', 'g', 'alice', 'BLOCK', '0', 'STREAMS', 's', '>'],
  );
  assert.match(JSON.stringify(await take), /\[\["2-1",\["name","two"\]\]\]/);
  const summary = ['1', '2-1', '2-1', 'alice,1'].join();
  assert.equal(String(await library.command('XPENDING', 's', 'g')), summary);
  assert.equal(await library.command('XACK', 's', 'g', '2-1'), 1);
  assert.deepEqual(await library.command('XRANGE', 's', '-', '+', 'COUNT', '1'), [
    ['1-1', ['name', 'one']],
  ]);
  await other.close();
}

async function untilOneWaits(library: Library): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!/\r\nblocked_clients:1\r/.test(String(await library.command('INFO', 'clients')))) {
    assert.ok(performance.now() < deadline, 'no client waits after 30 s');
    await delay(5);
  }
}

async function errors(library: Library): Promise<void> {
  await library.command('SET', 'text', 'abc');
  const text = { message: 'ERR value is not an integer or out of range' };
  await assert.rejects(library.command('INCR', 'text'), text);
  const arguments_ = { message: "ERR wrong number of arguments for 'get' command" };
  await assert.rejects(library.command('GET'), arguments_);
  await assert.rejects(library.command('NOSUCH', 'x'), /ERR unknown command/i);
  assert.equal(await library.command('GET', 'text'), 'abc');
}

async function largeValue(library: Library): Promise<void> {
  const value = Buffer.alloc(64 * 1024 * 1024, 'abcdefghijklmno');
  value.write('start', 0);
  value.write('the end', value.length - 7);
  await library.command('SET', 'large', value);
  assert.equal(await library.command('STRLEN', 'large'), value.length);
  const back = await library.binary('GET', 'large');
  assert.ok(back !== null && Buffer.compare(back as never, value as never) === 0);
  assert.equal(await library.command('DEL', 'large'), 1);
}
