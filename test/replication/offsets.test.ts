/** Offsets order replicas: whoever has the greatest has all that WAIT has confirmed. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing } from '../support/server.js';
import { fill, follow, Load, linkUp, number, startSmall, until } from './support.js';

const CONFIRMED = 20;

describe('replication: offsets', { skip: darterMissing() }, () => {
  test('the replica with the greatest offset has what WAIT confirmed, also with the link down', async () => {
    await using primary = await startSmall();
    await using current = await startSmall();
    await using behind = await startSmall();
    await fill(primary, 2000, 100);
    for (const replica of [current, behind]) {
      await follow(replica, primary.port);
      await linkUp(replica);
    }
    const load = await Load.start(primary, 5);
    behind.child.kill('SIGSTOP');
    const client = await primary.client();
    for (let i = 0; i < CONFIRMED; i++) {
      await client.text('MSET', `confirmed:${i}`, 'yes', `confirmed:${i}:too`, 'yes');
      assert.equal(await client.text('WAIT', '1', '60000'), '1');
    }
    await client.close();
    await load.stop();
    primary.child.kill('SIGKILL');
    behind.child.kill('SIGCONT');
    for (const replica of [current, behind]) {
      await until('the link is down', async () => {
        return (await replica.info('master_link_status')) === 'down';
      });
    }
    const [most, least] = await Promise.all(
      [current, behind].map((replica) => number(replica, 'slave_repl_offset')),
    );
    assert.ok(least! > 0, 'it shows its offset without a link');
    assert.ok(most! >= least!, `${most} and ${least}`);
    for (let i = 0; i < CONFIRMED; i++) {
      assert.equal(await current.ask('GET', `confirmed:${i}`), 'yes');
      assert.equal(await current.ask('GET', `confirmed:${i}:too`), 'yes');
    }
  });

  test('are equal on both sides at rest, down a chain as well, and go on after a promotion', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await using last = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    await follow(last, replica.port);
    await linkUp(last);
    await fill(primary, 3000, 50);
    const equal = async (): Promise<boolean | string> => {
      const offsets = [
        await number(primary, 'master_repl_offset'),
        await number(replica, 'slave_repl_offset'),
        await number(last, 'slave_repl_offset'),
      ];
      return offsets.every((offset) => offset > 0 && offset === offsets[0]) || offsets.join(' ');
    };
    await until('equal offsets', equal);
    const offset = await number(replica, 'slave_repl_offset');
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await number(replica, 'master_repl_offset'), offset);
    await linkUp(last);
    await replica.ask('SET', 'next', 'write');
    await until('the last one follows', async () => {
      const now = await number(last, 'slave_repl_offset');
      return now > offset && now === (await number(replica, 'master_repl_offset'));
    });
  });
});
