import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clientsPossible,
  descriptorsPerClient,
  mustAcceptSingly,
  reservedDescriptors,
} from './descriptor-budget.js';

const NEEDS = { ioThreads: 2, flowThreads: 2, tlsThreads: 0, listeners: 2, loading: 4, http: 0 };

test('the reserve grows with threads and listeners, and clients get the rest', () => {
  const reserved = reservedDescriptors(NEEDS);
  assert.equal(reserved, 103);
  assert.ok(reservedDescriptors({ ...NEEDS, ioThreads: 3 }) > reserved);
  assert.ok(reservedDescriptors({ ...NEEDS, flowThreads: 3 }) > reserved);
  assert.ok(reservedDescriptors({ ...NEEDS, listeners: 3 }) > reserved);
  assert.ok(reservedDescriptors({ ...NEEDS, tlsThreads: 1 }) > reserved);
  assert.equal(reservedDescriptors({ ...NEEDS, http: 33 }), reserved + 33);
  assert.equal(clientsPossible(1024, reserved, 1), 921);
  assert.equal(clientsPossible(1024, reserved, descriptorsPerClient(true)), 307);
  assert.equal(clientsPossible(103, reserved, 1), 0);
  assert.equal(clientsPossible(20, reserved, 1), 0);
  const unlimited = Number.POSITIVE_INFINITY;
  assert.equal(clientsPossible(unlimited, reserved, 1), unlimited);
});

test('clients are accepted one at a time when a burst could take the reserve', () => {
  assert.equal(mustAcceptSingly(0, NEEDS, 511), true);
  assert.equal(mustAcceptSingly(4087, NEEDS, 511), true);
  assert.equal(mustAcceptSingly(4088, NEEDS, 511), false);
});
