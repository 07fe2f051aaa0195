import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setImmediate as settle } from 'node:timers/promises';
import { SharedSignal } from '../../memory/signal.js';
import { Rest } from './rest.js';

function newRest() {
  const awaited = new SharedSignal(new Int32Array(new SharedArrayBuffer(8)), 0);
  let ends = 0;
  const rest = new Rest(awaited, () => {
    ends++;
  });
  const raise = async () => {
    awaited.raise();
    for (let i = 0; i < 10; i++) await settle();
  };
  return { rest, raise, ends: () => ends };
}

test('a rest ends when its time is over, once', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { rest, ends } = newRest();
  rest.begin(2);
  rest.begin(2);
  mock.timers.tick(1);
  assert.deepEqual([rest.isUnderWay, ends()], [true, 0]);
  mock.timers.tick(5);
  assert.deepEqual([rest.isUnderWay, ends()], [false, 1]);
  rest.close();
  mock.timers.reset();
});

test('a rest ends at once when somebody begins to wait for replicas; without a rest nothing happens', async () => {
  const { rest, raise, ends } = newRest();
  const never = 1 << 30;
  for (let i = 1; i <= 3; i++) {
    await raise();
    assert.equal(ends(), i - 1);
    rest.begin(never);
    await raise();
    assert.deepEqual([rest.isUnderWay, ends()], [false, i]);
  }
  rest.begin(never);
  rest.close();
  await raise();
  assert.equal(ends(), 3);
});
