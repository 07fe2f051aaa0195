import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PerSpace } from './per-space.js';
import type { Space } from './space.js';

test('each space has its own, made once, whoever else keeps something', () => {
  // Only the list of a space is looked at.
  const spaces = [{ kept: [] }, { kept: [] }] as unknown as [Space, Space];
  let made = 0;
  const numbers = new PerSpace(() => ++made);
  const owners = new PerSpace((space) => ({ space }));
  assert.equal(owners.of(spaces[1]).space, spaces[1]);
  assert.equal(numbers.of(spaces[0]), 1);
  assert.equal(numbers.of(spaces[1]), 2);
  assert.equal(numbers.of(spaces[0]), 1);
  assert.equal(owners.of(spaces[0]).space, spaces[0]);
  assert.equal(owners.of(spaces[1]), owners.of(spaces[1]));
});
