/** Scripts and functions give the same replies and errors as in redis-server, and leave the same data. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../../support/client.js';
import { Random, seedFromEnvironment } from '../../support/random.js';
import { textOf } from '../../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../../support/server.js';
import type { Step } from './conversions.js';
import * as conversions from './conversions.js';
import { errors } from './errors.js';
import { functionSteps } from './functions.js';
import { handledErrors } from './handled-errors.js';
import { recipes } from './recipes.js';
import { sameKey } from './same-key.js';
import { UserStory, userScripts } from './user-scripts.js';

/** As often as it takes to find something: DARTER_STORIES plays more. */
const STORIES = Number(process.env.DARTER_STORIES ?? 4);
const STORY_STEPS = 300;

/** What a script answers as it comes: it is nested too deeply for the decoder. */
async function rawReply(port: number, script: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const words = ['EVAL', script, '0'].map((word) => `$${word.length}\r\n${word}\r\n`);
  socket.end(`*3\r\n${words.join('')}*1\r\n$4\r\nQUIT\r\n`);
  let text = '';
  for await (const chunk of socket) text += (chunk as Buffer).toString('latin1');
  return text;
}

describe('scripts beside redis-server', { skip: eitherMissing() }, () => {
  let servers: Server[];
  let clients: RawClient[];

  before(async () => {
    const args = ['--enable-debug-command', 'yes'];
    servers = await Promise.all([startDarter({ args }), startRedis({ args })]);
    clients = await Promise.all(servers.map((server) => server.client()));
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function both(step: Step): Promise<string[]> {
    return (await Promise.all(clients.map((client) => client.command(...step)))).map(textOf);
  }

  async function compare(steps: readonly Step[]): Promise<void> {
    await both(['FLUSHALL']);
    const failures: string[] = [];
    for (const step of steps) {
      const [ours, theirs] = await both(step);
      if (ours === theirs) continue;
      failures.push(`${JSON.stringify(step)}\n  redis:  ${theirs}\n  darter: ${ours}`);
    }
    assert.equal(failures.length, 0, failures.join('\n'));
    const [ours, theirs] = await both(['DEBUG', 'DIGEST']);
    assert.equal(ours, theirs, 'the data');
  }

  it('tables that hold themselves end where Lua has no more room', async () => {
    const tables = ['t[1] = t', 't.map = {a = t}', 't.map = {[t] = 1}', 't.set = {[t] = true}'];
    for (const table of tables) {
      const script = `local t = {} ${table} return t`;
      const [ours, theirs] = await Promise.all(servers.map(({ port }) => rawReply(port, script)));
      assert.equal(ours, theirs, table);
    }
  });

  it('libraries that one server dumps are restored by the other', async () => {
    await both(['FUNCTION', 'FLUSH']);
    for (const name of ['one', 'two', 'three']) {
      const filler = `-- ${name.repeat(400)}`;
      const register = `redis.register_function('${name}', function() return '${name}' end)`;
      await both(['FUNCTION', 'LOAD', `#!lua name=${name}\n${filler}\n${register}`]);
    }
    const [ours, theirs] = await Promise.all(
      clients.map((client) => client.command('FUNCTION', 'DUMP')),
    );
    for (const [client, payload] of [
      [clients[0]!, theirs],
      [clients[1]!, ours],
    ] as const) {
      const restore = ['FUNCTION', 'RESTORE', textOf(payload!)];
      assert.match(textOf(await client.command(...restore)), /^ERR Library \w+ already exists/);
      assert.equal(textOf(await client.command(...restore, 'REPLACE')), 'OK');
      assert.equal(textOf(await client.command(...restore, 'FLUSH')), 'OK');
      for (const name of ['one', 'two', 'three']) {
        assert.equal(textOf(await client.command('FCALL', name, '0')), name);
      }
    }
    await both(['FUNCTION', 'FLUSH']);
  });

  it('a read-only script may neither send messages nor call what may change a replica', async () => {
    const calls = [
      "'publish', 'c', 'm'",
      "'spublish', 'c', 'm'",
      "'pfcount', 'h'",
      "'set', 'k', 'v'",
    ];
    const library = calls.map(
      (call, i) => `redis.register_function{function_name = 'f${i}', flags = {'no-writes'},
        callback = function() return redis.call(${call}) end}`,
    );
    await compare([
      ...calls.flatMap((call): Step[] => [
        ['EVAL_RO', `return redis.call(${call})`, '0'],
        ['EVAL', `#!lua flags=no-writes\nreturn redis.call(${call})`, '0'],
        ['EVAL', `return redis.call(${call})`, '0'],
      ]),
      ['FUNCTION', 'LOAD', 'REPLACE', `#!lua name=readers\n${library.join('\n')}`],
      ...calls.flatMap((_, i): Step[] => [
        ['FCALL', `f${i}`, '0'],
        ['FCALL_RO', `f${i}`, '0'],
      ]),
      ['FUNCTION', 'FLUSH'],
    ]);
  });

  it('a script with flags is refused with the texts of a command with such flags', async () => {
    const flags = ['', ' flags=no-writes', ' flags=allow-oom', ' flags=allow-stale'];
    const runs = flags.flatMap((flag): Step[] => [
      ['EVAL', `#!lua${flag}\nreturn 1`, '0'],
      ['EVAL_RO', `#!lua${flag}\nreturn 1`, '0'],
    ]);
    await compare([
      ['CONFIG', 'SET', 'maxmemory', '1'],
      ...runs,
      ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
      ...runs,
      ['CONFIG', 'SET', 'maxmemory', '0'],
      ...runs,
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      ['REPLICAOF', '127.0.0.1', '1'],
      ...runs,
      ['CONFIG', 'SET', 'replica-serve-stale-data', 'no'],
      ...runs,
      ['CONFIG', 'SET', 'replica-serve-stale-data', 'yes'],
      ['REPLICAOF', 'NO', 'ONE'],
    ]);
  });

  it('a script that promises not to write runs while writes are paused', async () => {
    const register = `redis.register_function{function_name = 'reads', flags = {'no-writes'},
      callback = function(keys) return redis.call('get', keys[1]) end}`;
    await compare([
      ['SET', 'k', 'v'],
      ['FUNCTION', 'LOAD', 'REPLACE', `#!lua name=readers\n${register}`],
      ['CLIENT', 'PAUSE', '60000', 'WRITE'],
      ['EVAL', "#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])", '1', 'k'],
      ['EVAL_RO', "return redis.call('get', KEYS[1])", '1', 'k'],
      ['FCALL', 'reads', '1', 'k'],
      ['FCALL_RO', 'reads', '1', 'k'],
      ['CLIENT', 'UNPAUSE'],
      ['FUNCTION', 'FLUSH'],
    ]);
    // One that does not promise it waits, also when it would write nothing.
    for (const [index, server] of servers.entries()) {
      const other = await server.client();
      await other.command('CLIENT', 'PAUSE', '60000', 'WRITE');
      let isOver = false;
      const reply = clients[index]!.command('EVAL', '#!lua\nreturn 1', '0').finally(() => {
        isOver = true;
      });
      await sleep(150);
      assert.equal(isOver, false);
      await other.command('CLIENT', 'UNPAUSE');
      assert.equal(textOf(await reply), '1');
      await other.close();
    }
  });

  it(`${userScripts.length} scripts of users, in any order, on the same keys`, async () => {
    const seed = seedFromEnvironment();
    console.log(`seed ${seed}`);
    await both(['HELLO', '2']);
    for (let run = 0; run < STORIES; run++) {
      const story = new UserStory(new Random(seed + run));
      await compare([
        UserStory.library(),
        ...Array.from({ length: STORY_STEPS }, () => story.step()),
      ]);
      await both(['SCRIPT', 'FLUSH']);
    }
    await both(['FUNCTION', 'FLUSH']);
  });

  const corpora = {
    ...conversions,
    errors,
    handledErrors,
    functions: functionSteps,
    sameKey,
    ...recipes,
  };
  for (const version of ['2', '3']) {
    for (const [name, steps] of Object.entries(corpora)) {
      it(`${name}: ${steps.length} commands, RESP${version}`, async () => {
        await both(['HELLO', version]);
        await both(['SET', 's', 'v']);
        await compare([['SET', 's', 'v'], ...steps]);
      });
    }
  }
});
