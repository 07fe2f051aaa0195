import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { exists, touch } from './exists.js';

for (const name of ['EXISTS', 'TOUCH']) {
  test(`${name} counts keys, each as often as it is given`, () => {
    const t = new CommandTester([set, exists, touch]);
    t.run('SET', 'a', 1);
    t.run('SET', 'b', 1, 'PX', 10);
    assert.equal(t.run(name, 'a', 'b', 'absent', 'a'), 3);
    assert.deepEqual([t.keys.hits, t.keys.misses, t.changes], [3, 1, 0]);
    t.now += 11;
    assert.equal(t.run(name, 'a', 'b'), 1);
  });
}
