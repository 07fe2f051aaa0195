import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { del, unlink } from './del.js';

for (const name of ['DEL', 'UNLINK']) {
  test(`${name} removes the keys that are there and counts them`, () => {
    const t = new CommandTester([set, del, unlink]);
    for (const key of ['a', 'b', 'c', 'd']) t.run('SET', key, key);
    t.takeEffects();
    t.listen();
    assert.equal(t.run(name, 'a', 'absent', 'c', 'a', 'd'), 3);
    assert.deepEqual([...t.dump().keys()], ['0 b']);
    assert.deepEqual(t.takeEffects(), ['0 DEL a', '0 DEL c', '0 DEL d']);
    assert.deepEqual(t.takeEvents(), ['del a', 'del c', 'del d']);
    assert.equal(t.changes, 3);
    assert.equal(t.run(name, 'absent'), 0);
    assert.equal(t.changes, 0);
    t.check();
  });

  test(`${name} does not count an expired key`, () => {
    const t = new CommandTester([set, del, unlink]);
    t.run('SET', 'k', 'v', 'PX', 10);
    t.now += 11;
    assert.equal(t.run(name, 'k'), 0);
    assert.equal(t.dump().size, 0);
    assert.deepEqual(t.takeEffects().slice(1), ['0 DEL k']);
  });
}
