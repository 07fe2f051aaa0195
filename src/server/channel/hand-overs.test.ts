import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Offers } from '../../memory/offers.js';
import { HandOvers } from './hand-overs.js';

test('what a thread that is away has not taken comes back, and nothing else', () => {
  const offers = Offers.create(1);
  const handOvers = new HandOvers(offers, 0);
  const taken = handOvers.offer(1, 40)!;
  const waiting = handOvers.offer(1, 41)!;
  const elsewhere = handOvers.offer(2, 42)!;
  assert.equal(offers.take(taken.ticket), true);
  assert.deepEqual(
    handOvers.takeBack((thread) => thread === 1),
    [41],
  );
  assert.deepEqual(
    handOvers.takeBack((thread) => thread === 1),
    [],
  );
  assert.equal(offers.take(waiting.ticket), false);
  assert.equal(offers.take(elsewhere.ticket), true);
});

test('where too many are on their way, a connection stays where it is', () => {
  const handOvers = new HandOvers(Offers.create(1), 0);
  for (let descriptor = 0; descriptor < 128; descriptor++) {
    assert.notEqual(handOvers.offer(1, descriptor), null);
  }
  assert.equal(handOvers.offer(1, 128), null);
  assert.equal(handOvers.takeBack(() => true).length, 128);
});
