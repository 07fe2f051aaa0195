import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyTooLongError } from '../../protocol/reply.js';
import type { Context } from './context.js';
import type { CommandDefinition } from './definition.js';
import {
  areFew,
  DistinctNumbers,
  RandomCount,
  RandomSelection,
  RepeatedReply,
  randomIndex,
  readRandomCount,
} from './random-choice.js';
import { CommandTester } from './test-support.js';

const TRIALS = 20_000;
const chosen = new RandomCount();

function counter(name: string, pairs: boolean): CommandDefinition {
  return {
    name,
    summary: '',
    since: '1.0.0',
    group: 'set',
    complexity: '',
    arity: 2,
    flags: ['readonly'],
    run(context: Context) {
      if (!readRandomCount(context, 1, pairs, chosen)) return;
      context.reply.bulkText(`${chosen.count} ${chosen.repeats}`);
    },
  };
}

test('the count argument has the range and the errors of Redis', () => {
  const t = new CommandTester([counter('single', false), counter('pairs', true)]);
  const range =
    '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807';
  for (const name of ['SINGLE', 'PAIRS']) {
    assert.equal(t.run(name, '3'), '3 false');
    assert.equal(t.run(name, '0'), '0 false');
    assert.equal(t.run(name, '-3'), '3 true');
    assert.equal(t.run(name, '4611686018427387903'), `${2 ** 62} false`);
    assert.equal(t.run(name, '-9223372036854775808'), range);
    for (const word of ['', 'x', '1.0', '+1', '9223372036854775808']) {
      assert.equal(t.run(name, word), '-ERR value is not an integer or out of range', word);
    }
  }
  assert.equal(t.run('SINGLE', '-9223372036854775807'), `${2 ** 63} true`);
  for (const word of ['4611686018427387904', '-4611686018427387904', '9223372036854775807']) {
    assert.equal(t.run('PAIRS', word), '-ERR value is out of range', word);
  }
});

test('more elements than a reply can hold are refused before the first', () => {
  const repeated = new RepeatedReply();
  repeated.begin(1_000_000);
  assert.throws(() => repeated.begin(2 ** 31), ReplyTooLongError);
  assert.throws(() => repeated.begin(2 ** 63), ReplyTooLongError);
});

test('a reply that its first elements show to be too long is refused after these', () => {
  const repeated = new RepeatedReply();
  const judge = (count: number, ...lengths: number[]): void => {
    repeated.begin(count);
    for (let i = 0; i < repeated.judged; i++) repeated.wrote(lengths[i % lengths.length]!);
    repeated.check();
  };
  judge(200_000_000, 10);
  assert.throws(() => judge(200_000_000, 11), ReplyTooLongError);
  // What matters is the shortest: nobody knows how often it will come.
  judge(200_000_000, 11, 10);
  judge(999, 4_000_000);
  assert.throws(() => judge(1000, 4_000_000), ReplyTooLongError);
});

/** How often each of `kinds` came differs from its share by less than six standard deviations. */
function assertEven(counts: readonly number[], total: number, share: number): void {
  const deviation = Math.sqrt(total * share * (1 - share));
  for (const count of counts) {
    assert.ok(Math.abs(count - total * share) <= 6 * deviation, `${count} of ${total}`);
  }
}

test('a selection takes exactly as many as wanted, each as often', () => {
  const selection = new RandomSelection();
  for (const [wanted, count] of [
    [0, 5],
    [1, 5],
    [3, 10],
    [7, 7],
    [0, 0],
  ] as const) {
    const taken = new Array<number>(count).fill(0);
    for (let trial = 0; trial < TRIALS; trial++) {
      let sum = 0;
      selection.begin(wanted, count);
      for (let i = 0; i < count; i++) {
        if (!selection.takes()) continue;
        taken[i]!++;
        sum++;
      }
      assert.equal(sum, wanted);
      assert.ok(selection.isDone);
    }
    assertEven(taken, TRIALS, count === 0 ? 0 : wanted / count);
  }
});

test('every pair of elements is as likely as any other', () => {
  const selection = new RandomSelection();
  const pairs = new Map<string, number>();
  for (let trial = 0; trial < TRIALS; trial++) {
    selection.begin(2, 5);
    const pair = [0, 1, 2, 3, 4].filter(() => selection.takes()).join();
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  assert.equal(pairs.size, 10);
  assertEven([...pairs.values()], TRIALS, 0.1);
});

test('indexes are spread evenly', () => {
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let trial = 0; trial < TRIALS; trial++) counts[randomIndex(7)]!++;
  assertEven(counts, TRIALS, 1 / 7);
});

test('distinct numbers are kept once, in the order in which they came', () => {
  const numbers = new DistinctNumbers();
  for (const [capacity, step] of [
    [10, 1],
    [200_000, 4096],
    [10, 16],
    [1000, 65_536],
  ] as const) {
    numbers.begin(capacity);
    for (let i = capacity; i >= 1; i--) assert.ok(numbers.add(i * step), `${i * step}`);
    for (let i = 1; i <= capacity; i++) assert.ok(!numbers.add(i * step), `${i * step}`);
    assert.equal(numbers.count, capacity);
    assert.equal(numbers.list[0], capacity * step);
    assert.equal(numbers.list[capacity - 1], step);
    numbers.release();
    assert.ok(numbers.list.length <= 65_536, 'memory for many numbers is given back');
  }
  numbers.begin(3);
  numbers.append(7);
  numbers.append(2 ** 31 - 1);
  assert.deepEqual([...numbers.list.subarray(0, numbers.count)], [7, 2 ** 31 - 1]);
});

test('few are those that a pass over all would cost more than', () => {
  assert.ok(areFew(1, 3) && areFew(10, 1000));
  assert.ok(!areFew(2, 3) && !areFew(1000, 1000));
});
