/** Errors that quote an argument, with arguments longer than any string made of one, or with odd bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RawClient } from '../support/client.js';
import { showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const skip = eitherMissing();
/** Longer than what an error quotes of an unknown command. */
const LONG = 'x'.repeat(70_000);
const QUOTED = {
  'a long one': LONG,
  'line ends within and at the end': `x\r\n${LONG}\n\r`,
  'line ends and a NUL': `a\r\nb\0${LONG}`,
  'a NUL behind line ends': `a\r\n\0b`,
};

/** Commands whose errors quote `argument`. */
function commands(argument: string): string[][] {
  return [
    [argument],
    ['GET', argument, argument],
    [argument, argument, 'c', argument],
    ...['CLIENT', 'CONFIG', 'OBJECT', 'COMMAND', 'MEMORY', 'LATENCY', 'SLOWLOG', 'DEBUG'].map(
      (container) => [container, argument],
    ),
    ['EXPIRE', 'key', '10', argument],
    ['PEXPIREAT', 'key', '10', 'NX', argument],
    ['HELLO', '3', argument],
    ['REPLCONF', argument, '1'],
    ['CLIENT', 'LIST', 'TYPE', argument],
    ['CLIENT', 'KILL', 'TYPE', argument],
    ['CLIENT', 'KILL', 'USER', argument],
    ['CONFIG', 'SET', argument, 'value'],
    ['LATENCY', 'GRAPH', argument],
    ['DEBUG', 'ERROR', argument],
    ['ACL', 'CAT', argument],
    ['XPENDING', 'key', argument],
    ['XREADGROUP', 'GROUP', argument, 'c', 'STREAMS', argument, '>'],
  ];
}

async function answer(server: Server, command: readonly string[]): Promise<string> {
  const client = await RawClient.connect({ port: server.port });
  const reply = showReply(await client.command(...command), LONG.length * 2);
  await client.close();
  return reply;
}

test('errors quote as much of an argument as Redis does', { skip }, async (t) => {
  const args = ['--enable-debug-command', 'yes'];
  const [darter, redis] = await Promise.all([startDarter({ args }), startRedis({ args })]);
  t.after(() => Promise.all([darter.stop(), redis.stop()]));
  for (const [kind, argument] of Object.entries(QUOTED)) {
    for (const command of commands(argument)) {
      const [own, wanted] = await Promise.all([answer(darter, command), answer(redis, command)]);
      const name = command.filter((word) => word.length < 20).join(' ');
      assert.equal(own, wanted, `${name} with ${kind}`);
    }
  }
});
