/**
 * A script that runs for too long, on the thread whose clients ask: they are answered as in Redis,
 * with one thread too, and nothing of theirs is lost or mixed up.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../support/server.js';

const skip = darterMissing() || (testsDarter ? false : 'for Darter alone');
const ENDLESS = 'while true do end';
const LIBRARY = `#!lua name=endless
  redis.register_function('endless', function() while true do end end)`;
const BUSY = /^BUSY Redis is busy running a script\. You can only call SCRIPT KILL/;
const BUSY_FUNCTION = /^BUSY .* FUNCTION KILL or SHUTDOWN NOSAVE/;
const BOUND_MS = 120_000;
const LEAVING_CLIENTS = 150;

async function ask(client: RawClient, ...words: string[]): Promise<string> {
  return textOf(await client.command(...words));
}

/** Until the client's thread answers what the pattern says. */
async function until(client: RawClient, words: string[], pattern: RegExp): Promise<string> {
  const endMs = performance.now() + BOUND_MS;
  for (;;) {
    const reply = await ask(client, ...words);
    if (pattern.test(reply)) return reply;
    if (performance.now() > endMs) throw new Error(`${words.join(' ')} answers ${reply}`);
    await sleep(5);
  }
}

for (const transport of ['auto', 'epoll']) {
  describe(`a thread that runs a long script (${transport})`, { skip }, () => {
    let server: Server;
    let runner: RawClient;
    let other: RawClient;

    before(async () => {
      const args = ['--transport', transport, '--busy-reply-threshold', '50'];
      server = await startDarter({ args, threads: 1 });
    });
    after(() => server.stop());

    async function connect(): Promise<void> {
      runner = await server.client({ timeout_ms: BOUND_MS });
      other = await server.client({ timeout_ms: BOUND_MS });
    }

    async function disconnect(): Promise<void> {
      for (const client of [runner, other]) await client.close();
    }

    it('answers BUSY, or what Redis allows then, and SCRIPT KILL ends it', async () => {
      await connect();
      const reply = ask(runner, 'EVAL', ENDLESS, '0');
      await until(other, ['PING'], BUSY);
      assert.match(await ask(other, 'GET', 'a'), BUSY);
      assert.match(await ask(other, 'NOSUCH'), /^ERR unknown command/);
      assert.match(await ask(other, 'GET'), /^ERR wrong number of arguments/);
      // BUSY while another thread, which may look for expired keys, has one of their shards.
      await until(other, ['WATCH', 'a', 'b'], /^OK$/);
      await until(other, ['WATCH', 'c', 'c'], /^OK$/);
      assert.equal(await ask(other, 'UNWATCH'), 'OK');
      assert.equal(await ask(other, 'MULTI'), 'OK');
      assert.match(await ask(other, 'SET', 'a', '1'), BUSY);
      assert.match(await ask(other, 'EXEC'), /^EXECABORT .* BUSY/);
      assert.match(await ask(other, 'EXEC'), /^EXECABORT .* BUSY/);
      assert.equal(await ask(other, 'MULTI'), 'OK');
      assert.equal(await ask(other, 'DISCARD'), 'OK');
      assert.match(await ask(other, 'HELLO', '2'), /server redis/);
      assert.match(await ask(other, 'AUTH', 'wrong'), /^ERR AUTH|^WRONGPASS/);
      assert.equal(await ask(other, 'RESET'), 'RESET');
      assert.match(await ask(other, 'FUNCTION', 'KILL'), BUSY);
      assert.equal(await ask(other, 'SCRIPT', 'KILL'), 'OK');
      assert.match(await reply, /^ERR Script killed by user with SCRIPT KILL/);
      assert.equal(await ask(other, 'PING'), 'PONG');
      assert.match(await ask(other, 'SCRIPT', 'KILL'), /^NOTBUSY/);
      await disconnect();
    });

    it('answers in order what comes in one piece, or cut anywhere', async () => {
      await connect();
      const reply = ask(runner, 'EVAL', ENDLESS, '0');
      await until(other, ['PING'], BUSY);
      const replies = await other.pipeline([['PING'], ['MULTI'], ['DISCARD'], ['GET', 'a']]);
      const texts = replies.map(textOf);
      assert.match(texts[0]!, BUSY);
      assert.deepEqual(texts.slice(1, 3), ['OK', 'OK']);
      assert.match(texts[3]!, BUSY);
      const cut = other.pipeline([['MULTI']]);
      other.socket.write('*1\r\n$7\r\nDISC');
      assert.equal(textOf((await cut)[0]!), 'OK');
      const rest = other.replies(1);
      other.socket.write('ARD\r\n');
      assert.equal(textOf((await rest)[0]!), 'OK');
      assert.equal(await ask(other, 'SCRIPT', 'KILL'), 'OK');
      await reply;
      await disconnect();
    });

    it('leaves the script the keys and arguments that it was given', async () => {
      await connect();
      const source = `for i = 1, 2e8 do end
        redis.call('set', KEYS[1], ARGV[1]) redis.call('append', KEYS[1], ARGV[2])
        return ARGV[1] .. KEYS[1]`;
      const long = 'x'.repeat(20_000);
      let isOver = false;
      const reply = ask(runner, 'EVAL', source, '1', 'given', 'short', long).finally(() => {
        isOver = true;
      });
      // It is sent by its own client, and by another one, into whatever memory is free meanwhile.
      const behind = runner.pipeline(Array.from({ length: 50 }, () => ['ECHO', 'y'.repeat(2000)]));
      while (!isOver)
        await other.pipeline([
          ['ECHO', 'z'.repeat(30_000)],
          ['PING', 'zzzzz'],
        ]);
      assert.equal(await reply, 'shortgiven');
      await behind;
      assert.equal(await ask(other, 'GET', 'given'), `short${long}`);
      await disconnect();
    });

    it('serves what its own client sent meanwhile behind the script, in order', async () => {
      await connect();
      const first = runner.pipeline([
        ['SET', 'a', '1'],
        ['EVAL', ENDLESS, '0'],
        ['APPEND', 'a', '2'],
      ]);
      await until(other, ['PING'], BUSY);
      const second = runner.pipeline([
        ['APPEND', 'a', 'x'.repeat(100_000)],
        ['APPEND', 'a', '3'],
      ]);
      await until(other, ['PING'], BUSY);
      const begun = other.pipeline([['MULTI'], ['DISCARD']]);
      other.socket.write('*2\r\n$6\r\nSTRLEN\r\n$');
      await begun;
      assert.equal(await ask(await server.client(), 'SCRIPT', 'KILL'), 'OK');
      const strlen = other.replies(1);
      const texts = (await first).map(textOf);
      assert.match(texts[1]!, /Script killed/);
      assert.deepEqual([texts[0], texts[2]], ['OK', '2']);
      assert.deepEqual((await second).map(textOf), ['100002', '100003']);
      other.socket.write('1\r\na\r\n');
      assert.equal(textOf((await strlen)[0]!), '100003');
      await disconnect();
    });

    it('serves hundreds of clients that come and go', async () => {
      await connect();
      const reply = ask(runner, 'EVAL', ENDLESS, '0');
      await until(other, ['PING'], BUSY);
      const visits = Array.from({ length: LEAVING_CLIENTS }, async (_, i) => {
        const client = await server.client({ timeout_ms: BOUND_MS });
        if (i % 3 === 0) {
          client.socket.destroy();
          return 'BUSY Redis is busy running a script. You can only call SCRIPT KILL';
        }
        if (i % 3 === 1) await ask(client, 'MULTI');
        const text = await ask(client, 'SET', `visit:${i}`, '1');
        await client.close();
        return text;
      });
      for (const text of await Promise.all(visits)) assert.match(text, BUSY);
      assert.equal(await ask(other, 'SCRIPT', 'KILL'), 'OK');
      await reply;
      assert.equal(await ask(other, 'KEYS', 'visit:*'), '[]');
      await until(other, ['INFO', 'clients'], /connected_clients:[23]\r/);
      await disconnect();
    });

    it('goes on when the client leaves that runs the script, alone or within MULTI', async () => {
      for (const isQueued of [false, true]) {
        await connect();
        if (isQueued) await ask(runner, 'MULTI');
        if (isQueued) await ask(runner, 'SET', 'queued', '1');
        const reply = runner.pipeline(
          isQueued
            ? [['EVAL', ENDLESS, '0'], ['INCR', 'queued'], ['EXEC']]
            : [['EVAL', ENDLESS, '0']],
        );
        const lost = assert.rejects(reply);
        await until(other, ['PING'], BUSY);
        runner.socket.destroy();
        await lost;
        for (let i = 0; i < 20; i++) assert.match(await ask(other, 'GET', 'queued'), BUSY);
        const late = await server.client({ timeout_ms: BOUND_MS });
        assert.match(await ask(late, 'PING'), BUSY);
        assert.equal(await ask(other, 'SCRIPT', 'KILL'), 'OK');
        assert.equal(await ask(late, 'PING'), 'PONG');
        if (isQueued) assert.equal(await ask(other, 'GET', 'queued'), '2');
        for (const client of [late, other]) await client.close();
      }
    });

    it('tells what function runs, and FUNCTION KILL ends it', async () => {
      await connect();
      await ask(runner, 'FUNCTION', 'LOAD', 'REPLACE', LIBRARY);
      for (const isQueued of [false, true]) {
        if (isQueued) await ask(runner, 'MULTI');
        const reply = runner.pipeline(
          isQueued ? [['FCALL', 'endless', '0'], ['EXEC']] : [['FCALL', 'endless', '0']],
        );
        await until(other, ['PING'], BUSY_FUNCTION);
        const stats = await ask(other, 'FUNCTION', 'STATS');
        assert.match(stats, /name endless command \[/);
        assert.match(await ask(other, 'SCRIPT', 'KILL'), BUSY_FUNCTION);
        assert.equal(await ask(other, 'FUNCTION', 'KILL'), 'OK');
        assert.match(textOf((await reply).at(-1)!), /Script killed by user with SCRIPT KILL/);
      }
      await disconnect();
    });

    it('QUIT and protocol errors end a connection, with their replies', async () => {
      await connect();
      const reply = ask(runner, 'EVAL', ENDLESS, '0');
      await until(other, ['PING'], BUSY);
      for (const [bytes, answer] of [
        ['QUIT\r\n', /^OK$/],
        ['*1\r\n+x\r\n', /Protocol error: expected '\$'/],
      ] as const) {
        const client = await server.client({ timeout_ms: BOUND_MS });
        const replies = client.replies(1);
        client.socket.write(bytes);
        assert.match(textOf((await replies)[0]!), answer);
        await client.ended();
      }
      assert.equal(await ask(other, 'SCRIPT', 'KILL'), 'OK');
      await reply;
      await disconnect();
    });

    it('does not kill what has written; SHUTDOWN NOSAVE ends the server', async () => {
      await connect();
      const source = `redis.call('set', 'k', 1) ${ENDLESS}`;
      const reply = ask(runner, 'EVAL', source, '0').catch(() => 'closed');
      await until(other, ['PING'], BUSY);
      assert.match(await ask(other, 'SCRIPT', 'KILL'), /^UNKILLABLE/);
      for (const save of [[], ['SAVE'], ['NOW', 'FORCE']]) {
        assert.match(await ask(other, 'SHUTDOWN', ...save), BUSY);
      }
      const ending = ask(other, 'SHUTDOWN', 'NOSAVE').catch(() => 'closed');
      assert.equal((await server.exit()).code, 0);
      assert.match(await reply, /closed|the server ends/);
      assert.equal(await ending, 'closed');
      await disconnect();
    });
  });
}

describe('all threads run long scripts', { skip }, () => {
  it('each answers its own clients, and each script can be killed', async () => {
    const args = ['--placement', 'spread', '--busy-reply-threshold', '50'];
    await using server = await startDarter({ args, threads: 2 });
    const clients: RawClient[] = [];
    for (let i = 0; i < 8; i++) clients.push(await server.client({ timeout_ms: BOUND_MS }));
    const running = new Map<RawClient, Promise<string>>();
    const idle = () => clients.filter((client) => !running.has(client));
    const endMs = performance.now() + BOUND_MS;
    for (let busy = 0; busy < 2; ) {
      assert.ok(performance.now() < endMs, `${running.size} scripts run`);
      // Who is idle may change meanwhile.
      const asked = idle();
      const answers = await Promise.all(asked.map((client) => ask(client, 'PING')));
      const isNoticed = running.size <= busy || answers.some((text) => BUSY.test(text));
      const free = answers.indexOf('PONG');
      if (!isNoticed) await sleep(5);
      else if (running.size === 0 || (running.size === 1 && free >= 0)) {
        const client = asked[free]!;
        const reply = ask(client, 'EVAL', ENDLESS, '0');
        running.set(client, reply);
        // Its thread may have answered PONG just before it began the other script. When the test fails before
        // the script is killed, the server's end is no news.
        const refused = (text: string) => BUSY.test(text) && running.delete(client);
        reply.then(refused, () => {});
      } else if (free < 0) busy = 2;
      else await sleep(5);
    }
    const others = idle();
    for (const client of others) assert.match(await ask(client, 'GET', 'a'), BUSY);
    for (let i = 0; i < running.size; i++) {
      assert.equal(await ask(others[i]!, 'SCRIPT', 'KILL'), 'OK');
    }
    for (const reply of running.values()) assert.match(await reply, /Script killed by user/);
    for (const client of clients) assert.equal(await ask(client, 'PING'), 'PONG');
    for (const client of clients) await client.close();
  });
});
