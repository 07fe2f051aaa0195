import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitionsOf } from '../../engine/definitions.js';
import { CommandTester } from '../contract/test-support.js';
import * as cluster from './cluster.js';
import * as disabled from './disabled.js';
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

/** With as few arguments as they take. */
const ABOUT_NODES = [
  ...['CLUSTER ADDSLOTS 1', 'CLUSTER ADDSLOTSRANGE 1 2', 'CLUSTER BUMPEPOCH'],
  ...['CLUSTER COUNT-FAILURE-REPORTS id', 'CLUSTER COUNTKEYSINSLOT 1', 'CLUSTER DELSLOTS 1'],
  ...['CLUSTER DELSLOTSRANGE 1 2', 'CLUSTER FAILOVER', 'CLUSTER FLUSHSLOTS', 'CLUSTER FORGET id'],
  ...['CLUSTER GETKEYSINSLOT 1 2', 'CLUSTER LINKS', 'CLUSTER MEET host 1', 'CLUSTER REPLICAS id'],
  ...['CLUSTER REPLICATE id', 'CLUSTER RESET', 'CLUSTER SAVECONFIG', 'CLUSTER SET-CONFIG-EPOCH 1'],
  ...['CLUSTER SETSLOT 1 STABLE', 'CLUSTER SLAVES id'],
];

test('subcommands about nodes and slots count their arguments, and say that there is no cluster', () => {
  const tester = new CommandTester(definitionsOf([cluster, disabled]), { shards: 1 });
  const arityOf = new Map(definitionsOf([disabled]).map(({ name, arity }) => [name, arity]));
  assert.equal(ABOUT_NODES.length, arityOf.size);
  for (const line of ABOUT_NODES) {
    const words = line.split(' ');
    const name = `${words[0]}|${words[1]}`.toLowerCase();
    const arity = arityOf.get(name)!;
    assert.equal(tester.run(...words), '-ERR This instance has cluster support disabled', line);
    if (arity === -2) continue;
    const wrong = arity > 0 ? [...words, '1'] : words.slice(0, -1);
    const refusal = `-ERR wrong number of arguments for '${name}' command`;
    assert.equal(tester.run(...wrong), refusal, wrong.join(' '));
  }
});
