import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Offers } from './offers.js';

test('an offer that was taken cannot be taken back', () => {
  const offers = Offers.create(2);
  const ticket = offers.give(1);
  assert.equal(offers.take(ticket), true);
  assert.equal(offers.takeBack(ticket), false);
  assert.equal(offers.give(1), ticket);
});

test('an offer that was taken back cannot be taken, and keeps its ticket until it is read', () => {
  const offers = Offers.create(1);
  const ticket = offers.give(0);
  assert.equal(offers.takeBack(ticket), true);
  const other = offers.give(0);
  assert.notEqual(other, ticket);
  assert.equal(offers.take(ticket), false);
  assert.equal(offers.give(0), ticket);
  assert.equal(offers.take(other), true);
});

test('a giver has a number of tickets of its own', () => {
  const offers = Offers.create(2);
  let given = 0;
  while (offers.give(0) >= 0) given++;
  assert.equal(given, 128);
  const ticket = offers.give(1);
  assert.ok(ticket >= given);
  assert.equal(offers.take(ticket), true);
});
