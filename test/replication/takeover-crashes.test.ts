/**
 * kill -9 of either side at each step of a takeover. Before the primary has committed nothing has
 * changed; after that the role waits for an order, if the one who died was needed to pass it on.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing, startDarter } from '../support/server.js';
import type { Fate } from './proxy.js';
import { fill, followThroughProxy, linkUp, number, startSmall, until } from './support.js';

const KEYS = 100;

interface Step {
  readonly name: string;
  readonly message: string;
  readonly fate: Fate;
  /** Whether the primary has given its role away by then. */
  readonly isCommitted: boolean;
}

const STEPS: readonly Step[] = [
  { name: 'HANDOVER is on its way', message: 'HANDOVER', fate: 'stall', isCommitted: false },
  { name: 'HANDOVER is answered', message: 'HANDOVER', fate: 'lose-reply', isCommitted: false },
  { name: 'COMMIT is on its way', message: 'COMMIT', fate: 'stall', isCommitted: false },
  { name: 'COMMIT is answered', message: 'COMMIT', fate: 'lose-reply', isCommitted: true },
];

describe('replication: takeover, kill -9', { skip: darterMissing(), concurrency: 2 }, () => {
  for (const { name, message, fate, isCommitted } of STEPS) {
    for (const victim of ['heir', 'primary'] as const) {
      test(`of the ${victim} when ${name}`, async (t) => {
        await using primary = await startSmall();
        await using heir = await startSmall();
        const proxy = await followThroughProxy(heir, primary, t);
        await fill(primary, KEYS, 10);
        // Until HANDOVER is answered nothing says that the heir has what the primary has.
        await until('the heir has all', async () => (await heir.ask('DBSIZE')) === String(KEYS));
        let seen = false;
        proxy.fateOf = (request) => {
          if (!request.includes(message)) return 'pass';
          seen = true;
          return fate;
        };
        const answer = heir.ask('REPLTAKEOVER', '3').catch(() => 'gone');
        await until('it is so far', async () => {
          if (!seen || fate === 'stall') return seen;
          if (isCommitted) return (await primary.info('role')) === 'slave';
          return (await primary.info('master_failover_state')) !== 'no-failover';
        });
        const [killed, left] = victim === 'heir' ? [heir, primary] : [primary, heir];
        killed.child.kill('SIGKILL');
        await killed.exited;
        const isPrimary = victim === 'heir' && !isCommitted;
        if (victim === 'primary') assert.match(await answer, /^ERR REPLTAKEOVER/);
        if (!isPrimary) {
          assert.equal(await left.info('role'), 'slave', 'nobody makes itself a primary');
          assert.match(await left.ask('SET', 'k', 'v'), /^READONLY/);
          assert.equal(await left.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
        }
        // Within the deadline at the latest.
        assert.equal(await left.ask('SET', 'k', 'v'), 'OK');
        await until('the dead one is forgotten', async () => {
          return (await number(left, 'connected_slaves')) === 0;
        });
        assert.equal(await left.ask('DBSIZE'), String(KEYS + 1), 'it has everything');
      });
    }
  }

  test('of an heir, and an order to follow its address before the primary knows that it is gone', async (t) => {
    await using primary = await startSmall();
    await using heir = await startSmall();
    const proxy = await followThroughProxy(heir, primary, t);
    await fill(primary, KEYS, 10);
    await until('the heir has all', async () => (await heir.ask('DBSIZE')) === String(KEYS));
    proxy.fateOf = (request) => (request.includes('COMMIT') ? 'lose-reply' : 'pass');
    const answer = heir.ask('REPLTAKEOVER', '3').catch(() => 'gone');
    await until('the role is given away', async () => (await primary.info('role')) === 'slave');
    heir.child.kill('SIGKILL');
    await Promise.all([heir.exited, answer]);
    const follow = () => primary.ask('REPLICAOF', '127.0.0.1', String(heir.port));
    assert.equal(await follow(), 'OK Already connected to specified master');
    assert.match(await primary.ask('SET', 'k', 'v'), /^READONLY/, 'its role does not come back');
    await using next = await startDarter({ port: heir.port, threads: 1 });
    assert.equal(await next.ask('SET', 'k', 'v'), 'OK');
    await linkUp(primary);
    assert.equal(await primary.ask('DBSIZE'), '1');
  });
});
