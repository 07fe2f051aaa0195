import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlBlock } from './control.js';
import {
  ControlLayout,
  declareCounter,
  declareSequence,
  declareSignal,
  declareValue,
  declareWord,
} from './control-layout.js';
import { bucketOf, HISTOGRAM_BUCKETS } from './histogram.js';
import { countRuns } from './testing.js';

const FIRST = declareCounter('first');
const LASTING = declareCounter('lasting', { lasting: true });
const WORD = declareWord('word');
const OTHER_WORD = declareWord('other-word');
const SIGNAL = declareSignal('signal');
const VALUE = declareValue('value');
const IDS = declareSequence('ids');
const LAYOUT = new ControlLayout([FIRST, WORD, SIGNAL, LASTING, VALUE, OTHER_WORD, IDS]);

test('sections of threads and commands do not overlap', () => {
  const control = ControlBlock.create(LAYOUT, 3, 5);
  const last = ControlBlock.attach(control.buffer, LAYOUT, 3, 5).threads[2]!;
  for (const [index, thread] of control.threads.entries()) {
    thread.add(FIRST, index + 1);
    thread.add(LASTING, index + 1);
    for (const array of [thread.errors, thread.calls, thread.microseconds]) array.fill(index + 1);
    thread.rejected.fill(index + 1);
    thread.failed.fill(index + 1);
    thread.histograms.fill(index + 1);
  }
  assert.equal(last.get(FIRST), 3);
  assert.equal(last.get(LASTING), 3);
  for (const array of [last.errors, last.calls, last.microseconds, last.rejected, last.failed]) {
    assert.ok(array.every((value) => value === 3));
  }
  assert.ok(last.histograms.every((value) => value === 3));
  assert.equal(control.sum(FIRST), 6);
  assert.equal(control.sumErrors(7), 6);
  assert.equal(control.sumOfCommand('calls', 4), 6);
  assert.equal(control.histogram(4)[HISTOGRAM_BUCKETS - 1], 6);
  assert.equal(control.word(WORD).load(), 0);
  assert.deepEqual(control.errorNames.list(), []);
});

test('what is shared is one place for all threads, and no place of something else', () => {
  const one = ControlBlock.create(LAYOUT, 2, 1);
  const other = ControlBlock.attach(one.buffer, LAYOUT, 2, 1);
  one.mail.announce(1);
  assert.equal(one.word(WORD).add(3), 3);
  assert.equal(other.word(WORD).add(-1), 2);
  other.word(OTHER_WORD).store(7);
  other.set(VALUE, 1.5);
  assert.deepEqual([one.next(IDS), other.next(IDS), one.next(IDS)], [0, 1, 2]);
  one.errorNames.indexOf('ERR');
  assert.equal(one.word(WORD).load(), 2);
  assert.equal(one.words[other.word(OTHER_WORD).index], 7);
  assert.equal(one.get(VALUE), 1.5);
  assert.equal(other.mail.announced(1), 1);
  assert.equal(other.mail.announced(0), 0);
  assert.equal(other.sum(FIRST), 0);
});

test('a thread of other code, or with other numbers, refuses the block', () => {
  const control = ControlBlock.create(LAYOUT, 2, 1);
  const more = new ControlLayout([FIRST, WORD, SIGNAL, LASTING, VALUE, IDS]);
  for (const attach of [
    () => ControlBlock.attach(control.buffer, more, 2, 1),
    () => ControlBlock.attach(control.buffer, LAYOUT, 3, 1),
    () => ControlBlock.attach(control.buffer, LAYOUT, 2, 2),
    () => ControlBlock.attach(new SharedArrayBuffer(control.buffer.byteLength), LAYOUT, 2, 1),
  ]) {
    assert.throws(attach, /runs other code/);
  }
});

test('what was not declared to the layout, or twice, is refused', () => {
  const control = ControlBlock.create(LAYOUT, 1, 1);
  assert.throws(() => control.sum(declareCounter('nobody')), /nobody has no place/);
  assert.throws(() => control.threads[0]!.add(declareCounter('first'), 1), /no place/);
  assert.throws(() => control.word(declareWord('nobody')), /no place/);
  assert.throws(() => new ControlLayout([FIRST, declareWord('first')]), /the name first/);
});

test('reset clears what CONFIG RESETSTAT clears and keeps lasting counters', () => {
  const control = ControlBlock.create(LAYOUT, 1, 4);
  const own = control.threads[0]!;
  own.add(FIRST, 7);
  own.add(LASTING, 9);
  own.errors[0] = 2;
  countRuns(own, 2, 30, 3);
  assert.equal(control.histogram(2)[bucketOf(10_000)], 3);
  own.reset();
  assert.equal(control.sum(FIRST), 0);
  assert.equal(control.sum(LASTING), 9);
  assert.equal(control.sumErrors(0), 0);
  assert.ok(control.histogram(2).every((count) => count === 0));
  assert.equal(control.sumOfCommand('calls', 2), 0);
});

test('error names get one index in all threads, until the table is full', () => {
  const one = ControlBlock.create(LAYOUT, 2, 1).errorNames;
  const block = ControlBlock.create(LAYOUT, 2, 1);
  const names = block.errorNames;
  const other = ControlBlock.attach(block.buffer, LAYOUT, 2, 1).errorNames;
  assert.deepEqual(one.list(), []);
  assert.equal(names.indexOf('ERR'), 0);
  assert.equal(other.indexOf('WRONGTYPE'), 1);
  assert.equal(other.indexOf('ERR'), 0);
  assert.equal(names.indexOf('X'.repeat(50)), other.indexOf('X'.repeat(50)));
  for (let i = 0; i < 200; i++) names.indexOf(`E${i}`);
  assert.equal(names.indexOf('ONEMORE'), -1);
  assert.equal(other.list().length, 128);
  assert.deepEqual(other.list().slice(0, 2), ['ERR', 'WRONGTYPE']);
});

test('a signal wakes who sleeps for it, and nobody sleeps who has something to do', async () => {
  const control = ControlBlock.create(LAYOUT, 1, 1);
  const signal = control.signal(SIGNAL);
  // To sleep does not keep a process alive.
  const alive = setInterval(() => {}, 1000);
  let isAwake = false;
  const sleeping = signal
    .sleep(() => true, 60_000)
    .then(() => {
      isAwake = true;
    });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(isAwake, false);
  control.signal(SIGNAL).raise();
  await sleeping;
  await signal.sleep(() => false, 60_000);
  await signal.sleep(() => true, 1);
  clearInterval(alive);
});
