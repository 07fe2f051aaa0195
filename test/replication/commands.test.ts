/** The replication commands' answers, on their own. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing } from '../support/server.js';
import { follow, linkUp, startNode, until } from './support.js';

describe('replication: commands', { skip: darterMissing() }, () => {
  test('answer as Redis does, and refuse what is not there', async () => {
    await using node = await startNode();
    const client = await node.client();
    const answer = async (...words: string[]) => {
      const reply = await client.command(...words);
      return JSON.stringify(reply);
    };
    assert.match(await answer('PSYNC', '?', '-1'), /ERR /);
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
    await using primary = await startNode();
    await using replica = await startNode();
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
});
