/** Scripts on several threads: one cache, atomic without declared keys, long scripts and their end. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../support/server.js';
import { until } from '../support/until.js';

const skip = darterMissing() || (testsDarter ? false : 'for Darter alone');
const CLIENTS = 8;

describe('scripts on several threads', { skip }, () => {
  let server: Server;
  let clients: RawClient[];

  before(async () => {
    const args = ['--placement', 'spread', '--busy-reply-threshold', '150'];
    server = await startDarter({ args, threads: 2 });
    clients = [];
    for (let i = 0; i < CLIENTS; i++) clients.push(await server.client());
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.stop();
  });

  async function ask(index: number, ...words: string[]): Promise<string> {
    return textOf(await clients[index]!.command(...words));
  }

  async function askAll(...words: string[]): Promise<string[]> {
    return Promise.all(clients.map((_, i) => ask(i, ...words)));
  }

  it('a script that takes its time is in the slow log, by its own steps or by one long command', async () => {
    await ask(
      0,
      'EVAL',
      "for i = 1, 300000 do redis.call('rpush', KEYS[1], i % 7) end",
      '1',
      'long',
    );
    const sources = [
      'local n = 0 for i = 1, 5e7 do n = n + i end return n',
      "return #redis.call('sort', KEYS[1], 'by', 'nosort', 'desc')",
    ];
    for (const source of sources) {
      await ask(0, 'SLOWLOG', 'RESET');
      await ask(0, 'EVAL', source, '1', 'long');
      assert.match(await ask(0, 'SLOWLOG', 'GET'), /EVAL/);
    }
    await ask(0, 'DEL', 'long');
  });

  it('a script that one client loaded is known to all, until SCRIPT FLUSH', async () => {
    for (let round = 0; round < 20; round++) {
      const loader = round % CLIENTS;
      const sha = await ask(loader, 'SCRIPT', 'LOAD', `return 'round ${round}'`);
      const replies = await askAll('EVALSHA', sha, '0');
      assert.deepEqual(replies, new Array(CLIENTS).fill(`round ${round}`));
      assert.equal(await ask((loader + 1) % CLIENTS, 'SCRIPT', 'FLUSH'), 'OK');
      for (const reply of await askAll('EVALSHA', sha, '0')) assert.match(reply, /^NOSCRIPT/);
    }
  });

  it('a library that one client loaded is known to all, and replaced for all', async () => {
    for (let round = 0; round < 10; round++) {
      const code = `#!lua name=lib\nredis.register_function('f', function() return ${round} end)`;
      assert.equal(await ask(round % CLIENTS, 'FUNCTION', 'LOAD', 'REPLACE', code), 'lib');
      assert.deepEqual(await askAll('FCALL', 'f', '0'), new Array(CLIENTS).fill(String(round)));
    }
    assert.equal(await ask(0, 'FUNCTION', 'FLUSH'), 'OK');
    for (const reply of await askAll('FCALL', 'f', '0')) assert.match(reply, /Function not found/);
  });

  it('transfers between keys that nobody declared leave the sum as it is', async () => {
    const accounts = 20;
    for (let i = 0; i < accounts; i++) await ask(0, 'SET', `account:${i}`, '100');
    const transfer = `local from, to = 'account:' .. ARGV[1], 'account:' .. ARGV[2]
      local have = tonumber(redis.call('get', from))
      if have < 1 then return 0 end
      redis.call('decr', from)
      redis.call('incr', to)
      return 1`;
    const sum = `local sum = 0
      for i = 0, ${accounts - 1} do sum = sum + redis.call('get', 'account:' .. i) end
      return sum`;
    const keys = Array.from({ length: accounts }, (_, i) => `account:${i}`);
    const work = clients.map(async (client, index) => {
      for (let i = 0; i < 120; i++) {
        const from = (i * 7 + index) % accounts;
        const to = (i * 3 + index * 5 + 1) % accounts;
        if (index === 0) assert.equal(textOf(await client.command('EVAL', sum, '0')), '2000');
        else if (index === 1) {
          const [, , reply] = await client.pipeline([['MULTI'], ['MGET', ...keys], ['EXEC']]);
          assert.equal(sumOf(textOf(reply!)), 2000);
        } else if (index === 2) {
          await client.pipeline([
            ['MULTI'],
            ['EVAL', transfer, '0', String(from), String(to)],
            ['EXEC'],
          ]);
        } else {
          const reply = textOf(await client.command('EVAL', transfer, '0', `${from}`, `${to}`));
          assert.match(reply, /^[01]$/);
        }
      }
    });
    await Promise.all(work);
    assert.equal(await ask(0, 'EVAL', sum, '0'), '2000');
  });

  it('a long script is killed by another client, and what needs its keys is answered BUSY', async () => {
    for (const command of ['SCRIPT', 'FUNCTION'] as const) {
      const running = await startEndless(command);
      await untilNoticed(server, 'held');
      const other = await findFree(running.index);
      assert.match(await ask(other, 'GET', 'held'), /^BUSY Redis is busy running a script/);
      assert.match(await ask(other, 'KEYS', '*'), /^BUSY Redis is busy running a script/);
      assert.match(await ask(other, 'MGET', 'held', 'x'), /^BUSY Redis is busy running a script/);
      const write = "redis.call('set', 'mine', 1) return redis.pcall('get', 'held')";
      assert.match(await ask(other, 'REPLICAOF', '127.0.0.1', '1'), /^BUSY /);
      assert.match(await ask(other, 'EVAL', write, '0'), /^BUSY Redis is busy running a script/);
      assert.equal(await ask(other, 'DEL', 'mine'), '1');
      const stats = await ask(other, 'FUNCTION', 'STATS');
      if (command === 'SCRIPT') assert.match(stats, /^BUSY .* SCRIPT KILL/);
      else assert.match(stats, /name endless command \[FCALL endless 1 held\] duration_ms \d+\]/);
      const wrong = command === 'SCRIPT' ? 'FUNCTION' : 'SCRIPT';
      assert.match(await ask(other, wrong, 'KILL'), /^BUSY/);
      assert.equal(await ask(other, command, 'KILL'), 'OK');
      assert.match(
        await running.reply,
        /^ERR Script killed by user with SCRIPT KILL\.\.\. script: /,
      );
      assert.equal(await ask(other, 'GET', 'held'), '$-1');
      assert.match(await ask(other, command, 'KILL'), /^NOTBUSY/);
    }
  });

  it('a long script that has written cannot be killed', async () => {
    const source = `redis.call('set', KEYS[1], 1)
      local t = redis.call('time')
      while true do
        local now = redis.call('time')
        if now[1] - t[1] + (now[2] - t[2]) / 1000000 > tonumber(ARGV[1]) then break end
      end
      return 'done'`;
    // On a busy machine a short one may be over before anybody has asked.
    for (const seconds of ['1', '6', '24']) {
      let isOver = false;
      const reply = ask(0, 'EVAL', source, '1', 'written', seconds).finally(() => {
        isOver = true;
      });
      let killed = '';
      while (!isOver && !killed.startsWith('UNKILLABLE')) {
        killed = await server.ask('SCRIPT', 'KILL');
        await sleep(5);
      }
      assert.equal(await reply, 'done');
      assert.equal(await server.ask('DEL', 'written'), '1');
      if (killed.startsWith('UNKILLABLE')) return;
    }
    assert.fail('no SCRIPT KILL was answered UNKILLABLE');
  });

  it('what a script pushes wakes a client that waits for it, after the whole script', async () => {
    for (let round = 0; round < 10; round++) {
      const key = `queue:${round}`;
      const waiting = ask(round % 4, 'BLPOP', key, '0');
      await until('it waits', async () => (await server.info('blocked_clients')) === '1');
      const push = `redis.call('rpush', ARGV[1], 'a') redis.call('rpush', ARGV[1], 'b')
        redis.call('lpop', ARGV[1]) return redis.call('llen', ARGV[1])`;
      assert.equal(await ask(4 + (round % 4), 'EVAL', push, '0', key), '1');
      assert.equal(await waiting, `[${key} b]`);
      assert.equal(await ask(5, 'EXISTS', key), '0');
    }
  });

  it('SHUTDOWN NOSAVE ends a script that has written', async () => {
    const ending = await startDarter({ args: ['--busy-reply-threshold', '100'], threads: 2 });
    const runner = await ending.client();
    const source = "redis.call('set', 'k', 1) while true do end";
    const reply = runner.command('EVAL', source, '0').then(textOf, () => 'closed');
    await untilNoticed(ending, 'k');
    const attempts = Array.from({ length: 8 }, async () => {
      const client = await ending.client();
      return client.command('SHUTDOWN', 'NOSAVE').then(textOf, () => 'closed');
    });
    const exit = await ending.exit();
    assert.equal(exit.code, 0);
    assert.match(await reply, /closed|the server ends/);
    await Promise.allSettled(attempts);
    await ending.stop();
  });

  it('new clients are not given to a thread that a long script keeps busy', async () => {
    await using gathering = await startDarter({
      args: ['--busy-reply-threshold', '100'],
      threads: 2,
    });
    const runner = await gathering.client();
    const source = "redis.call('get', 'held') while true do end";
    const reply = runner.command('EVAL', source, '0');
    await untilNoticed(gathering, 'held');
    // The kernel gives each new connection to either thread; those of the busy one wait.
    const attempts = Array.from({ length: 12 }, async () => {
      const client = await gathering.client();
      const killed = textOf(await client.command('SCRIPT', 'KILL'));
      await client.close();
      return killed;
    });
    assert.match(textOf(await reply), /Script killed by user with SCRIPT KILL/);
    const answers = await Promise.all(attempts);
    // Until the script has seen it, one that comes once more is answered the same.
    assert.ok(answers.includes('OK'), String(answers));
    for (const answer of answers) assert.match(answer, /^(OK|NOTBUSY .*)$/);
    await runner.close();
  });

  it('lists its subcommands', async () => {
    assert.match(await ask(0, 'SCRIPT', 'HELP'), /LOAD script/);
    assert.match(await ask(0, 'FUNCTION', 'HELP'), /LOAD \[REPLACE\] function-code/);
  });

  async function startEndless(command: 'SCRIPT' | 'FUNCTION') {
    const index = 0;
    if (command === 'SCRIPT') {
      const source = "redis.call('get', KEYS[1]) while true do end";
      return { index, reply: ask(index, 'EVAL', source, '1', 'held') };
    }
    const code =
      "#!lua name=endless\nredis.register_function('endless', function(keys) while true do end end)";
    await ask(index, 'FUNCTION', 'LOAD', code);
    return { index, reply: ask(index, 'FCALL', 'endless', '1', 'held') };
  }

  /** A client whose thread is not the one that runs the script of client `busy`, which is noticed. */
  async function findFree(busy: number): Promise<number> {
    for (let i = 0; i < CLIENTS; i++) {
      if (i !== busy && (await ask(i, 'PING')) === 'PONG') return i;
    }
    throw new Error('no thread serves');
  }
});

/** Until who asks for the key is told that a script which has it runs for too long. */
function untilNoticed(server: Server, key: string): Promise<void> {
  return until('the script is noticed', async () => {
    const reply = await server.ask('GET', key);
    return reply.startsWith('BUSY') || reply;
  });
}

function sumOf(text: string): number {
  return (text.match(/\d+/g) ?? []).reduce((sum, word) => sum + Number(word), 0);
}
