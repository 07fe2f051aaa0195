/**
 * EXEC looks again at what forbids its commands: a transaction is queued, another client changes the
 * server's state, and EXEC answers as redis-server's does.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RawClient } from '../support/client.js';
import { showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

interface Cause {
  readonly begin: readonly string[];
  readonly end: readonly string[];
}

/** Nothing listens there. */
const NOBODY = '1';
/**
 * Pauses, in milliseconds: UNPAUSE would wait as well when all commands do. On a busy machine a short one is
 * over, or a third of it, before an answer can be there: then a longer one tells.
 */
const PAUSES_MS = [300, 1500, 6000];
const causes: Readonly<Record<string, Cause>> = {
  OOM: { begin: ['CONFIG SET maxmemory 1'], end: ['CONFIG SET maxmemory 0'] },
  NOREPLICAS: {
    begin: ['CONFIG SET min-replicas-to-write 1'],
    end: ['CONFIG SET min-replicas-to-write 0'],
  },
  READONLY: { begin: [`REPLICAOF 127.0.0.1 ${NOBODY}`], end: ['REPLICAOF NO ONE'] },
  MASTERDOWN: {
    begin: ['CONFIG SET replica-serve-stale-data no', `REPLICAOF 127.0.0.1 ${NOBODY}`],
    end: ['REPLICAOF NO ONE', 'CONFIG SET replica-serve-stale-data yes'],
  },
  'several at once': {
    begin: ['CONFIG SET min-replicas-to-write 1', `REPLICAOF 127.0.0.1 ${NOBODY}`],
    end: ['REPLICAOF NO ONE', 'CONFIG SET min-replicas-to-write 0'],
  },
};

/** Scripts whose flags count instead of those of EVAL. A tilde is a space within a word. */
const scripts: readonly (readonly string[])[] = [
  ['EVAL #!lua\nreturn(1) 0'],
  ['EVAL #!lua~flags=no-writes\nreturn(1) 0', 'GET k'],
  ['EVAL #!lua~flags=allow-oom,allow-stale\nreturn(1) 0'],
  ['EVAL_RO #!lua~flags=no-writes,allow-stale\nreturn(1) 0'],
  ['EVAL #!lua~flags=nothing\nreturn(1) 0'],
  ['EVAL return(redis.call("incr",KEYS[1])) 1 n'],
];

const queues: readonly (readonly string[])[] = [
  ['SET k 1'],
  ['GET k'],
  ['GET k', 'DEL k'],
  ['PING', 'INCR n', 'GET n'],
  ['PING'],
  [],
  ['SET k 1', 'NOSUCH'],
  ['GET k', 'GET'],
  ...scripts,
];

async function ask(client: RawClient, command: string): Promise<string> {
  const words = command.split(' ').map((word) => word.replaceAll('~', ' '));
  return `${command}: ${showReply(await client.command(...words))}`;
}

/** What a transaction answers when the cause begins after it was queued, or while it is. */
async function transcript(server: Server, cause: Cause): Promise<string[]> {
  const lines: string[] = [];
  const [client, other] = [await server.client(), await server.client()];
  for (const queue of queues) {
    for (const isLate of [true, false]) {
      lines.push(`-- ${queue.join('; ')}, ${isLate ? 'queued before' : 'queued after'}`);
      lines.push(await ask(client, 'MULTI'));
      if (isLate) for (const command of queue) lines.push(await ask(client, command));
      for (const command of cause.begin) await ask(other, command);
      if (!isLate) for (const command of queue) lines.push(await ask(client, command));
      lines.push(await ask(client, 'EXEC'));
      lines.push(await ask(client, 'EXEC'));
      for (const command of cause.end) await ask(other, command);
      lines.push(await ask(client, 'GET k'), await ask(client, 'GET n'));
    }
  }
  for (const one of [client, other]) await one.close();
  return lines;
}

/** Of each transaction under CLIENT PAUSE: whether its EXEC waits until the pause ends. */
async function pauses(server: Server, mode: string, pauseMs: number): Promise<string[]> {
  const lines: string[] = [];
  const [client, other] = [await server.client(), await server.client()];
  for (const queue of queues) {
    for (const command of ['MULTI', ...queue]) lines.push(await ask(client, command));
    await ask(other, `CLIENT PAUSE ${pauseMs} ${mode}`);
    const answered = ask(client, 'EXEC');
    const first = await Promise.race([answered, sleep(pauseMs / 3, 'waits')]);
    lines.push(`${queue.join('; ')}: ${first}`);
    lines.push(await answered);
    await ask(client, 'SET k 0');
  }
  for (const one of [client, other]) await one.close();
  return lines;
}

describe('EXEC looks again', { skip: eitherMissing() }, () => {
  let darter: Server;
  let redis: Server;
  before(async () => {
    [darter, redis] = await Promise.all([startDarter(), startRedis()]);
  });
  after(async () => {
    for (const server of [darter, redis]) await server.stop();
  });

  for (const [name, cause] of Object.entries(causes)) {
    test(`at ${name}`, async () => {
      const [own, their] = await Promise.all([darter, redis].map((s) => transcript(s, cause)));
      assert.deepEqual(own, their);
    });
  }

  for (const mode of ['WRITE', 'ALL']) {
    test(`at CLIENT PAUSE ${mode}`, async () => {
      let both: string[][] = [];
      for (const pauseMs of PAUSES_MS) {
        both = await Promise.all([darter, redis].map((server) => pauses(server, mode, pauseMs)));
        if (isDeepStrictEqual(both[0], both[1])) return;
      }
      assert.deepEqual(both[0], both[1]);
    });
  }
});
