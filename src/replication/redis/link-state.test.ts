/** What a link to a Redis keeps over cuts, and when it tries again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RETRY_MS_MAX } from '../replica/replica-state.js';
import { RedisLinkState } from './link-state.js';

const ID = 'a'.repeat(40);
const OTHER_ID = 'b'.repeat(40);

function at(offset: number) {
  return { offset, database: 3 };
}

function online(): RedisLinkState {
  const state = new RedisLinkState(null, 0);
  state.connected();
  state.consented(ID);
  state.replacing();
  state.loaded();
  return state;
}

test('a cut link continues from the offset that was applied', () => {
  const state = online();
  assert.equal(state.replicationId, ID);
  state.lost(1000, at(500), false);
  assert.deepEqual(state.history, { id: ID, ...at(500) });
  assert.equal(state.isDue(1000), false);
  assert.equal(state.isDue(1000 + RETRY_MS_MAX), true);
});

test('an attempt that fails before the data goes keeps what there is', () => {
  const state = online();
  state.lost(0, at(500), false);
  state.connected();
  state.lost(10, at(500), false);
  state.connected();
  state.consented(OTHER_ID);
  state.lost(20, at(500), false);
  assert.deepEqual(state.history, { id: ID, ...at(500) });
});

test('a full sync that is cut leaves no history, and data in pieces', () => {
  const state = online();
  state.lost(0, at(500), false);
  state.connected();
  state.consented(OTHER_ID);
  state.replacing();
  assert.equal(state.replicationId, '');
  state.lost(20, at(0), false);
  assert.equal(state.history, null);
  assert.equal(state.isInPieces, true);
});

test('a new id of the primary counts from the moment the stream goes on', () => {
  const state = online();
  state.lost(0, at(500), false);
  state.connected();
  state.continued(OTHER_ID);
  state.lost(0, at(700), false);
  assert.deepEqual(state.history, { id: OTHER_ID, ...at(700) });
});

test('a change that could not be applied ends the history, and is not tried at once again', () => {
  const state = online();
  state.lost(0, at(500), true);
  assert.equal(state.history, null);
  assert.equal(state.retryAtMs, RETRY_MS_MAX);
});

test('attempts that fail come ever more seldom, up to a bound', () => {
  const state = new RedisLinkState(null, 0);
  const waits: number[] = [];
  let nowMs = 0;
  for (let i = 0; i < 8; i++) {
    assert.equal(state.isDue(nowMs), true);
    state.connected();
    state.lost(nowMs, at(0), false);
    waits.push(state.retryAtMs - nowMs);
    nowMs = state.retryAtMs;
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
});
