/** oom-score-adj writes what the system knows of the process, as in redis-server, or is refused. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const FILE = '/proc/self/oom_score_adj';

/** Raising it is anybody's right; what this process has now is where both servers begin. */
function missing(): string | false {
  try {
    writeFileSync(FILE, readFileSync(FILE));
    return eitherMissing();
  } catch {
    return 'the system has no oom_score_adj';
  }
}

/** Values, and what they need: lowering one's score takes a right that tests may lack. */
const STEPS: readonly (readonly string[])[] = [
  ['CONFIG', 'SET', 'oom-score-adj', 'zzz'],
  ['CONFIG', 'SET', 'oom-score-adj-values', '10 20 30'],
  ['CONFIG', 'SET', 'oom-score-adj', 'RELATIVE'],
  ['CONFIG', 'SET', 'oom-score-adj-values', '500 2 -7'],
  ['CONFIG', 'SET', 'oom-score-adj', 'absolute', 'oom-score-adj-values', '2000 5 6'],
  ['CONFIG', 'SET', 'oom-score-adj-values', '700 900 6', 'timeout', 'x'],
  ['CONFIG', 'SET', 'oom-score-adj-values', '700 900 6'],
  ['REPLICAOF', '127.0.0.1', '1'],
  ['REPLICAOF', 'NO', 'ONE'],
  ['CONFIG', 'SET', 'oom-score-adj-values', '-1000 -1000 -1000'],
  ['CONFIG', 'SET', 'oom-score-adj', 'no'],
  ['CONFIG', 'SET', 'oom-score-adj-values', '-1000 -1000 -1000'],
  ['CONFIG', 'SET', 'oom-score-adj', 'yes', 'oom-score-adj-values', '5 6 7'],
];

async function scores(server: Server): Promise<unknown[]> {
  const client = await server.client();
  const seen = [];
  const now = () => readFileSync(`/proc/${server.pid}/oom_score_adj`, 'latin1').trim();
  seen.push(now());
  for (const step of STEPS) {
    const reply = textOf(await client.command(...step)).trim();
    // One by one: redis-server has an order of its own in each process.
    const shown = [];
    for (const name of ['oom-score-adj', 'oom-score-adj-values']) {
      shown.push(textOf(await client.command('CONFIG', 'GET', name)));
    }
    seen.push([step.join(' '), reply, shown, now()]);
  }
  await client.close();
  return seen;
}

describe('oom-score-adj', { skip: missing() }, () => {
  it('is what redis-server makes of it', async () => {
    const args = ['--oom-score-adj', 'absolute', '--oom-score-adj-values', '100', '200', '300'];
    await using redis = await startRedis({ args });
    await using darter = await startDarter({ args });
    const expected = await scores(redis);
    assert.equal(expected[0], '100');
    assert.deepEqual(await scores(darter), expected);
  });
});
