import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataBytes } from './container-memory.js';

const MIB = 1 << 20;
const JOURNALS = 32 * MIB;

test('the data get what the process, its threads and the journals leave', () => {
  assert.equal(dataBytes(1024 * MIB, 2, JOURNALS), 800 * MIB);
  assert.equal(dataBytes(512 * MIB, 1, JOURNALS), 320 * MIB);
});

test('a fifth of a large container stays free', () => {
  assert.equal(dataBytes(10_000 * MIB, 8, JOURNALS), 8000 * MIB);
});

test('a container that is too small leaves the data an eighth', () => {
  assert.equal(dataBytes(128 * MIB, 4, JOURNALS), 16 * MIB);
});
