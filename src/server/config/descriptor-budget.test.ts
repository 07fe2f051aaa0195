import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientsPossible, mustAcceptSingly, reservedDescriptors } from './descriptor-budget.js';

const NEEDS = { ioThreads: 2, flowThreads: 2, listeners: 2, loading: 4 };

test('the reserve grows with threads and listeners, and clients get the rest', () => {
  const reserved = reservedDescriptors(NEEDS);
  assert.equal(reserved, 103);
  assert.ok(reservedDescriptors({ ...NEEDS, ioThreads: 3 }) > reserved);
  assert.ok(reservedDescriptors({ ...NEEDS, flowThreads: 3 }) > reserved);
  assert.ok(reservedDescriptors({ ...NEEDS, listeners: 3 }) > reserved);
  assert.equal(clientsPossible(1024, reserved), 921);
  assert.equal(clientsPossible(103, reserved), 0);
  assert.equal(clientsPossible(20, reserved), 0);
  assert.equal(clientsPossible(Number.POSITIVE_INFINITY, reserved), Number.POSITIVE_INFINITY);
});

test('clients are accepted one at a time when a burst could take the reserve', () => {
  assert.equal(mustAcceptSingly(0, NEEDS, 511), true);
  assert.equal(mustAcceptSingly(4087, NEEDS, 511), true);
  assert.equal(mustAcceptSingly(4088, NEEDS, 511), false);
});
