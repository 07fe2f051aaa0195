import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRING_AUTO, STRING_RAW } from '../../values/string/type.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { append } from './append.js';
import { set } from './set.js';

test('APPEND creates, then adds, keeping the end', () => {
  const t = new CommandTester([set, append]);
  t.listen();
  assert.equal(t.run('APPEND', 'k', '12'), 2);
  assert.equal(t.dump().get('0 k')?.kind, STRING_AUTO);
  t.run('SET', 'k', '12', 'PX', 9);
  assert.equal(t.run('APPEND', 'k', ''), 2);
  assert.equal(t.dump().get('0 k')?.kind, STRING_RAW);
  assert.equal(t.run('APPEND', 'k', '\0z'), 4);
  assert.deepEqual(t.dump().get('0 k'), {
    kind: STRING_RAW,
    expiry: START_MS + 9,
    value: '12\0z',
  });
  assert.deepEqual(
    t.takeEvents().filter((event) => event.startsWith('append')),
    ['append k', 'append k', 'append k'],
  );
});

test('many small additions make one long value', () => {
  const t = new CommandTester([set, append], { shards: 1 });
  let expected = '';
  for (let i = 0; i < 3000; i++) {
    const piece = `${i},`.repeat(1 + (i % 7));
    expected += piece;
    assert.equal(t.run('APPEND', 'k', piece), expected.length);
    if (i % 100 === 0) t.run('SET', `other${i}`, piece);
  }
  assert.equal(t.dump().get('0 k')?.value, expected);
  t.check();
});

test('APPEND refuses another type', () => {
  const t = new CommandTester([set, append]);
  t.run('SET', 'k', 'v');
  t.keys.reencode(1);
  assert.match(String(t.run('APPEND', 'k', 'v')), /^-WRONGTYPE /);
});
