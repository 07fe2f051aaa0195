import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRING_TEXT } from '../../values/string/type.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { incrbyfloat } from './incrbyfloat.js';
import { set } from './set.js';

test('INCRBYFLOAT adds decimals as they are written', () => {
  const t = new CommandTester([set, incrbyfloat]);
  assert.equal(t.run('INCRBYFLOAT', 'k', '0.1'), '0.1');
  assert.equal(t.run('INCRBYFLOAT', 'k', '0.2'), '0.3');
  assert.equal(t.run('INCRBYFLOAT', 'k', '-3e-1'), '0');
  assert.equal(t.takeEffects().at(-1), '0 SET k 0');
  t.run('SET', 'k', '10.5');
  assert.equal(t.run('INCRBYFLOAT', 'k', '0.1'), '10.6');
  // 64 bits of mantissa end here, and Redis shows it too.
  t.run('SET', 'k', '0.3');
  assert.equal(t.run('INCRBYFLOAT', 'k', '5.0e3'), '5000.29999999999999982');
});

test('INCRBYFLOAT keeps the end, and its result never counts as integer', () => {
  const t = new CommandTester([set, incrbyfloat]);
  t.listen();
  t.run('SET', 'k', '7', 'PX', 50);
  t.takeEvents();
  assert.equal(t.run('INCRBYFLOAT', 'k', '1'), '8');
  assert.deepEqual(t.dump().get('0 k'), { kind: STRING_TEXT, expiry: START_MS + 50, value: '8' });
  assert.deepEqual(t.takeEvents(), ['incrbyfloat k']);
});

test('INCRBYFLOAT refuses what is no finite number', () => {
  const t = new CommandTester([set, incrbyfloat]);
  const notFloat = '-ERR value is not a valid float';
  t.run('SET', 'text', 'a');
  t.run('SET', 'long', '1'.repeat(10_000));
  assert.equal(t.run('INCRBYFLOAT', 'text', '1'), notFloat);
  assert.equal(t.run('INCRBYFLOAT', 'long', '1'), notFloat);
  for (const by of ['', 'nan', ' 1', '1 ', '1a']) {
    assert.equal(t.run('INCRBYFLOAT', 'k', by), notFloat);
  }
  assert.equal(t.run('INCRBYFLOAT', 'k', 'inf'), '-ERR increment would produce NaN or Infinity');
  t.run('SET', 'list', 'x');
  t.keys.reencode(1);
  assert.match(String(t.run('INCRBYFLOAT', 'list', 'a')), /^-WRONGTYPE /);
});
