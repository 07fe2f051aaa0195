/** Servers that follow each other in a circle, or themselves: none is a primary, and they say so. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { darterMissing } from '../support/server.js';
import { fill, follow, linkUp, number, sameData, startSmall, until } from './support.js';

describe('replication: circles', { skip: darterMissing() }, () => {
  test('are found and told, cost no full syncs, and end with the order that ends them', async () => {
    await using first = await startSmall();
    await using second = await startSmall();
    await using third = await startSmall();
    const servers = [first, second, third];
    await fill(first, 1000, 100);
    await follow(second, first.port);
    await linkUp(second);
    await follow(third, second.port);
    await linkUp(third);
    const syncs = () => Promise.all(servers.map((server) => number(server, 'sync_full')));
    const before = await syncs();
    await follow(first, third.port);
    await until('the log tells it', async () => /a circle of 3 servers/.test(first.log));
    await until('INFO tells it', async () => {
      return /a circle of 3 servers/.test((await first.info('master_link_failure')) ?? '');
    });
    assert.equal(await first.info('master_link_status'), 'down');
    assert.match(await first.ask('ROLE'), /connect/);
    await sleep(2000);
    assert.deepEqual(await syncs(), before);
    assert.equal(await first.ask('DBSIZE'), '1000', 'nobody has lost anything');
    assert.equal(await first.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    await linkUp(second);
    await linkUp(third);
    assert.equal(await first.info('master_link_failure'), undefined);
    assert.equal(await first.ask('SET', 'k', 'v'), 'OK');
    await sameData(...servers);
    assert.deepEqual(await syncs(), before);
    await follow(first, first.port);
    await until('it tells', async () => {
      return /it is this server itself/.test((await first.info('master_link_failure')) ?? '');
    });
    assert.equal(await first.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await first.ask('DBSIZE'), '1001');
  });
});
