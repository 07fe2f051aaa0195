/**
 * The end of the server while a script runs, by a command or a signal, with a journal: the script ends
 * first, as in Redis. One that SHUTDOWN NOSAVE cuts leaves nothing, nor does the transaction that it is in.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../support/server.js';
import { until } from '../support/until.js';

const skip = darterMissing() || (testsDarter ? false : 'for Darter alone');
const VALUE_BYTES = 16 << 20;
const HALF = `redis.call('set', KEYS[1], string.rep('half', ${VALUE_BYTES / 4}))`;
/** Long enough that the end is asked for meanwhile, and far from busy-reply-threshold. */
const WHOLE = `${HALF} for i = 1, 3e7 do end redis.call('set', KEYS[1], 'whole') return 'done'`;
const ENDLESS = `${HALF} while true do end`;
const BUSY = /^BUSY Redis is busy running a script/;

/** Runs with a folder that outlives its servers. @returns what GET of the keys tells after a restart */
async function afterRestart(
  options: { readonly threads: number; readonly args?: readonly string[] },
  keys: readonly string[],
  run: (server: Server) => Promise<void>,
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darter-ending-'));
  const { threads } = options;
  const args = ['--dir', folder, '--appendonly', 'yes', ...(options.args ?? [])];
  try {
    {
      await using server = await startDarter({ threads, args });
      await run(server);
      assert.equal((await server.exit()).code, 0);
    }
    await using server = await startDarter({ threads, args });
    const client = await server.client();
    const values = [];
    for (const key of keys) values.push(textOf(await client.command('GETRANGE', key, '0', '4')));
    await client.close();
    return values;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Until the script has written its first half: nothing but memory tells that while it is young. */
async function untilHalf(server: Server, begin: () => void): Promise<void> {
  const before = server.residentBytes();
  begin();
  await until('the script has written', () => server.residentBytes() > before + VALUE_BYTES / 2);
}

const YOUNG: [threads: number, how: string[]][] = [
  [1, ['SIGTERM']],
  [1, ['SHUTDOWN', 'NOSAVE']],
  [2, ['SIGTERM']],
  [2, ['SHUTDOWN']],
  [2, ['SHUTDOWN', 'SAVE']],
  [2, ['SHUTDOWN', 'NOSAVE', 'NOW', 'FORCE']],
];

describe('the end of the server while a script runs', { skip }, () => {
  for (const [threads, how] of YOUNG) {
    it(`${how.join(' ')} lets it end, ${threads} threads`, async () => {
      const values = await afterRestart({ threads }, ['k'], async (server) => {
        const [runner, other] = [await server.client(), await server.client()];
        let reply: Promise<string> | undefined;
        await untilHalf(server, () => {
          reply = runner.command('EVAL', WHOLE, '1', 'k').then(textOf);
        });
        if (how[0] === 'SIGTERM') server.child.kill('SIGTERM');
        else void other.command(...how).catch(() => {});
        assert.equal(await reply, 'done');
      });
      assert.deepEqual(values, ['whole']);
    });
  }

  it('a SHUTDOWN that waits for it is refused at busy-reply-threshold; NOSAVE cuts it', async () => {
    const args = ['--busy-reply-threshold', '300', '--placement', 'spread'];
    const values = await afterRestart({ threads: 2, args }, ['k'], async (server) => {
      const clients = await Promise.all(Array.from({ length: 4 }, () => server.client()));
      const [runner, other, third] = clients;
      let reply: Promise<string> | undefined;
      await untilHalf(server, () => {
        reply = runner!.command('EVAL', ENDLESS, '1', 'k').then(textOf, () => 'closed');
      });
      assert.match(textOf(await other!.command('SHUTDOWN')), BUSY);
      // A signal cannot be refused: it waits.
      server.child.kill('SIGTERM');
      await server.logged(/A script runs for too long: the server ends after it/);
      assert.match(textOf(await third!.command('SCRIPT', 'KILL')), /^UNKILLABLE/);
      await assert.rejects(third!.command('SHUTDOWN', 'NOSAVE'));
      assert.match((await reply)!, /closed|the server ends/);
    });
    assert.deepEqual(values, ['']);
  });

  it('SHUTDOWN NOSAVE that comes while another end waits for a young script cuts that when it is slow', async () => {
    const args = ['--busy-reply-threshold', '1500', '--placement', 'spread'];
    const values = await afterRestart({ threads: 2, args }, ['k'], async (server) => {
      const clients = [];
      for (let i = 0; i < 4; i++) clients.push(await server.client());
      const [runner, other] = clients;
      await untilHalf(server, () => {
        void runner!.command('EVAL', ENDLESS, '1', 'k').catch(() => {});
      });
      server.child.kill('SIGTERM');
      await server.logged(/User requested shutdown/);
      await assert.rejects(other!.command('SHUTDOWN', 'NOSAVE'));
    });
    assert.deepEqual(values, ['']);
  });

  it('SHUTDOWN NOSAVE cuts a transaction with a script that runs for too long', async () => {
    const args = ['--busy-reply-threshold', '50'];
    const keys = ['before', 'k', 'after'];
    const values = await afterRestart({ threads: 1, args }, ['first', ...keys], async (server) => {
      const [runner, other] = [await server.client(), await server.client()];
      void runner
        .pipeline([
          ['SET', 'first', 'value'],
          ['MULTI'],
          ['SET', 'before', 'value'],
          ['EVAL', ENDLESS, '1', 'k'],
          ['SET', 'after', 'value'],
          ['EXEC'],
        ])
        .catch(() => {});
      await until('it is slow', async () => BUSY.test(textOf(await other.command('GET', 'first'))));
      await assert.rejects(other.command('SHUTDOWN', 'NOSAVE'));
    });
    assert.deepEqual(values, ['value', '', '', '']);
  });
});
