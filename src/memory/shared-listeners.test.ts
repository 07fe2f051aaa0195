import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedListeners } from './shared-listeners.js';

function visited(listeners: SharedListeners, thread: number): number[] {
  const found: number[] = [];
  listeners.visit(thread, (descriptor) => found.push(descriptor));
  return found.sort((a, b) => a - b);
}

function two(): [SharedListeners, SharedListeners] {
  const words = new Int32Array(SharedListeners.createBuffer(2));
  return [new SharedListeners(words, 1), new SharedListeners(words, 2)];
}

test('a thread sees the listeners that another one has, row by row', () => {
  const [first, second] = two();
  first.add(0, 20);
  first.add(0, 21);
  second.add(1, 20);
  assert.deepEqual(visited(second, 0), [20, 21]);
  first.remove(0, 20);
  assert.deepEqual(visited(second, 0), [21]);
  assert.deepEqual(visited(first, 1), [20]);
  first.remove(0, 20);
  assert.deepEqual(visited(second, 0), [21]);
});

test('one thread visits at a time, and an exception gives the row free', () => {
  const [first, second] = two();
  first.add(0, 20);
  second.visit(0, () => assert.deepEqual(visited(first, 0), []));
  assert.throws(() => second.visit(0, () => assert.fail()));
  assert.deepEqual(visited(first, 0), [20]);
});

test('more listeners than a row has room for are left out', () => {
  const [first, second] = two();
  for (let descriptor = 100; descriptor < 170; descriptor++) first.add(0, descriptor);
  const found = visited(second, 0);
  assert.equal(found.length, 62);
  first.remove(0, 169);
  first.remove(0, 100);
  assert.deepEqual(visited(second, 0).length, 61);
  assert.deepEqual(visited(second, 1), []);
});
