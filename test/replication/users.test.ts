/** Replicas are a user of their primary: with a password, only the rights that they need, and no longer. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, sameData, startSmall, until } from './support.js';

const RIGHTS = ['+replconf', '+darter'];

function linkDown(replica: Server): Promise<void> {
  return until('the link is down', async () => {
    return (await replica.info('master_link_status')) === 'down';
  });
}

describe('replication: the user of a replica', { skip: darterMissing() }, () => {
  test('needs few rights, and the link ends with it', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall('--masteruser', 'rep', '--masterauth', 'wrong');
    await primary.ask('ACL', 'SETUSER', 'rep', 'on', '>secret', ...RIGHTS);
    await primary.ask('SET', 'k', 'v');
    await follow(replica, primary.port);
    await until('the login is refused', async () => {
      return Number(await primary.info('acl_access_denied_auth')) > 0;
    });
    assert.equal(await replica.info('master_link_status'), 'down');
    await replica.ask('CONFIG', 'SET', 'masterauth', 'secret');
    await linkUp(replica);
    await sameData(primary, replica);
    const list = (await primary.ask('CLIENT', 'LIST', 'TYPE', 'replica')).trim().split('\n');
    assert.ok(list.length > 0 && list.every((line) => line.includes(' user=rep ')), String(list));
    // Its rights are asked for when it comes, its effects by nobody.
    await primary.ask('SET', 'k', 'w');
    await sameData(primary, replica);
    await primary.ask('ACL', 'DELUSER', 'rep');
    await linkDown(replica);
    await primary.ask('ACL', 'SETUSER', 'rep', 'on', '>secret', ...RIGHTS);
    await linkUp(replica);
    await sameData(primary, replica);
  });

  test('users are of each server; clients of a replica are asked too', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    await primary.ask('ACL', 'SETUSER', 'u', 'on', 'nopass', '+@all', '~*');
    await replica.ask('ACL', 'SETUSER', 'u', 'on', 'nopass', '+get', '%R~a*');
    await primary.ask('MSET', 'a', '1', 'b', '2');
    await sameData(primary, replica);
    const client = await replica.client();
    assert.equal(await client.text('AUTH', 'u', 'x'), 'OK');
    assert.equal(await client.text('GET', 'a'), '1');
    await assert.rejects(client.text('GET', 'b'), /NOPERM .* one of the keys/);
    await assert.rejects(client.text('SET', 'a', '1'), /NOPERM .* run the 'set' command/);
    await client.close();
  });
});
