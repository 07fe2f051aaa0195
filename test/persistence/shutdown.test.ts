/** SHUTDOWN that waits for a replica and is called off, beside redis-server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../replication/support.js';
import { textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

async function callOff(start: () => Promise<Server>): Promise<string[]> {
  await using primary = await start();
  await using replica = await start();
  await replica.ask('REPLICAOF', '127.0.0.1', String(primary.port));
  await until('the link is up', async () => (await replica.info('master_link_status')) === 'up');
  await until('it is online', async () => /online/.test((await primary.info('slave0')) ?? ''));
  replica.child.kill('SIGSTOP');
  await primary.ask('SET', 'key', 'value');
  const replies: string[] = [];
  const waiting = await primary.client({ timeout_ms: 60_000 });
  const answer = waiting.command('SHUTDOWN');
  await primary.logged(/waiting|Waiting/i, 30_000);
  // Writes wait meanwhile; reads do not.
  replies.push(await primary.ask('GET', 'key'));
  const rest = Number(await primary.info('shutdown_in_milliseconds'));
  replies.push(String(rest > 0 && rest <= 100_000));
  replies.push(await primary.ask('SHUTDOWN', 'ABORT'));
  replies.push(textOf(await answer));
  replies.push(String(await primary.info('shutdown_in_milliseconds')));
  replies.push(await primary.ask('SHUTDOWN', 'ABORT'));
  replies.push(await primary.ask('SET', 'key', 'other'));
  await waiting.close();
  replica.child.kill('SIGCONT');
  return replies;
}

test('SHUTDOWN ABORT calls a shutdown off that waits for replicas', {
  skip: eitherMissing(),
}, async () => {
  const expected = await callOff(() => startRedis({ args: ['--shutdown-timeout', '100'] }));
  assert.deepEqual(expected.slice(1, 3), ['true', 'OK']);
  assert.deepEqual(
    await callOff(() => startDarter({ args: ['--shutdown-timeout', '100'] })),
    expected,
  );
});

test('a shutdown by SIGTERM does what shutdown-on-sigterm says', {
  skip: eitherMissing(),
}, async () => {
  for (const start of [startRedis, startDarter]) {
    await using server = await start({
      args: ['--save', '3600 1', '--shutdown-on-sigterm', 'nosave'],
    });
    await server.ask('SET', 'key', 'value');
    server.child.kill('SIGTERM');
    assert.equal((await server.exit()).code, 0);
    assert.doesNotMatch(server.log, /Saving the final/);
  }
});
