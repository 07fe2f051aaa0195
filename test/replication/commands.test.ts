/** The replication commands' answers, on their own. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing } from '../support/server.js';
import { follow, linkUp, startSmall, until } from './support.js';

describe('replication: commands', { skip: darterMissing() }, () => {
  test('answer as Redis does, and refuse what is not there', async () => {
    await using node = await startSmall();
    const client = await node.client();
    const answer = async (...words: string[]) => {
      const reply = await client.command(...words);
      return JSON.stringify(reply);
    };
    assert.match(await answer('PSYNC', '?', 'x'), /ERR value is not an integer/);
    assert.match(await answer('PSYNC', '?', '-1'), /ERR the length of the RDB is not known/);
    assert.match(await answer('REPLCONF', 'rdb-only', 'x'), /ERR value is not an integer/);
    assert.match(
      await answer('REPLCONF', 'rdb-filter-only', 'x'),
      /ERR Unsupported rdb-filter-only/,
    );
    assert.match(await answer('REPLCONF', 'foo'), /ERR syntax error/);
    assert.match(await answer('REPLCONF', 'foo', 'bar'), /ERR Unrecognized REPLCONF option: foo/);
    assert.match(await answer('REPLCONF', 'ip-address', 'a'.repeat(255)), /OK/);
    assert.match(
      await answer('REPLCONF', 'ip-address', 'a'.repeat(256)),
      /ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes/,
    );
    assert.match(await answer('SLAVEOF', 'NO', 'ONE'), /OK/);
    assert.match(await answer('SLAVEOF', 'localhost', 'abc'), /ERR Invalid master port/);
    assert.match(await answer('REPLTAKEOVER', '1'), /ERR /);
    assert.match(await answer('ROLE'), /master/);
    await client.close();
  });

  test('ROLE and REPLTAKEOVER on a replica', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await primary.ask('SET', 'k', 'v');
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await replica.client();
    assert.match(JSON.stringify(await client.command('ROLE')), /slave.*connected/);
    assert.match(JSON.stringify(await client.command('REPLTAKEOVER', '5')), /OK/);
    await client.close();
    assert.equal(await replica.info('role'), 'master');
    await until('the old primary follows', async () => (await primary.info('role')) === 'slave');
    await linkUp(primary);
    assert.equal(await replica.ask('SET', 'k', 'w'), 'OK');
  });

  test('DARTER: messages about roles from no replica change nothing', async () => {
    await using node = await startSmall();
    const id = 'a'.repeat(40);
    const [other, wrong] = [/^ERR this server speaks version 1 of/, /^ERR the id is not one of 40/];
    const runId = (await node.info('run_id')) ?? '';
    assert.equal(await node.ask('DARTER', 'CHAIN', '1', id), `[${runId}]`);
    assert.match(await node.ask('DARTER', 'CHAIN', '2', id), other);
    assert.match(await node.ask('DARTER', 'CHAIN', '1', 'A'.repeat(40)), wrong);
    assert.match(await node.ask('DARTER', 'HANDOVER', '2', id, '10'), other);
    assert.match(await node.ask('DARTER', 'HANDOVER', '1', 'x', '10'), wrong);
    assert.match(await node.ask('DARTER', 'HANDOVER', '1', id, '-1'), /^ERR value is not an int/);
    assert.match(
      await node.ask('DARTER', 'HANDOVER', '1', id, '10'),
      /^ERR only a replica in stable sync can take over/,
    );
    assert.match(await node.ask('DARTER', 'DEMOTE', '1', id, 'DONE'), /^ERR syntax error/);
    assert.match(await node.ask('DARTER', 'DEMOTE', '1', id, 'COMMIT'), /^NOTAKEOVER /);
    assert.equal(await node.ask('DARTER', 'DEMOTE', '1', id, 'ABORT'), 'OK');
    assert.match(await node.ask('DARTER', 'HANDOVER', '1', id, '10'), /^NOTAKEOVER /);
    assert.match(
      await node.ask('DARTER', 'TAKEOVER', '1', id, runId, '10'),
      /^ERR this server is not in stable sync with the one that asks/,
    );
    assert.match(await node.ask('DARTER', 'TAKEOVER', '1', id, 'x', '10'), wrong);
    assert.equal(await node.info('role'), 'master');
    assert.equal(await node.ask('SET', 'k', 'v'), 'OK');
  });
});
