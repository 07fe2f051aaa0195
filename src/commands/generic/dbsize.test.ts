import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { dbsize } from './dbsize.js';

test('DBSIZE counts the keys of the current database, in all shards', () => {
  const t = new CommandTester([set, dbsize]);
  for (let i = 0; i < 100; i++) t.run('SET', `key:${i}`, 1);
  t.session.database = 1;
  t.run('SET', 'k', 1);
  assert.equal(t.run('DBSIZE'), 1);
  t.session.database = 0;
  assert.equal(t.run('DBSIZE'), 100);
});
