import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionsOf } from '../../engine/definitions.js';
import { CommandTester } from '../contract/test-support.js';
import * as cluster from './cluster.js';
import * as connections from './readonly.js';

test('KEYSLOT computes, everything else says that there is no cluster', () => {
  const tester = new CommandTester(definitionsOf([cluster, connections]), { shards: 1 });
  // From the cluster specification, and the CRC of its reference test.
  assert.equal(tester.run('CLUSTER', 'KEYSLOT', 'somekey'), 11058);
  assert.equal(tester.run('CLUSTER', 'KEYSLOT', '123456789'), 0x31c3);
  assert.equal(
    tester.run('CLUSTER', 'KEYSLOT', '{user1000}.following'),
    tester.run('CLUSTER', 'KEYSLOT', '{user1000}.followers'),
  );
  for (const name of ['INFO', 'NODES', 'MYID', 'SLOTS', 'SHARDS', 'HELP']) {
    assert.equal(
      tester.run('CLUSTER', name),
      '-ERR This instance has cluster support disabled',
      name,
    );
  }
  for (const name of ['READONLY', 'READWRITE', 'ASKING']) {
    assert.equal(tester.run(name), '-ERR This instance has cluster support disabled', name);
  }
});
