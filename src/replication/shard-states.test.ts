/** The tables of states, row by row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as states from './shard-states.js';
import * as wire from './wire.js';

const BLOCKS = [
  wire.BLOCK_CLEAR,
  wire.BLOCK_FRAME,
  wire.BLOCK_ENTRIES,
  wire.BLOCK_JOURNAL,
  wire.BLOCK_SHARD_DONE,
  wire.BLOCK_CUT,
  wire.BLOCK_HEARTBEAT,
  wire.BLOCK_VALUES,
  wire.BLOCK_POSITIONS,
];
const letters = 'AWDSR';

/** One letter for each block: the next state, or '-' for refused. */
function row(state: number): string {
  return BLOCKS.map((type) => letters[states.afterBlock(state, type)] ?? '-').join('');
}

test('a shard of the replica accepts blocks by its state', () => {
  //                                            CLEAR FRAME ENTRIES JOURNAL DONE CUT HEARTBEAT VALUES POSITIONS
  assert.equal(row(states.AWAITS_CLEAR), 'W-----A--');
  assert.equal(row(states.WALKING), 'WWWWD-WW-');
  assert.equal(row(states.DONE), 'W--D-SD--');
  assert.equal(row(states.STREAMING), '---S--S-S');
  assert.equal(row(states.RESUMED), '---R-SR--');
  for (const type of [0, 10, 255]) {
    for (let state = 0; state < letters.length; state++) {
      assert.equal(states.afterBlock(state, type), states.REFUSED);
    }
  }
});

test('only entries, values and records of a walk continue in the next block', () => {
  const long = [wire.BLOCK_ENTRIES, wire.BLOCK_VALUES, wire.BLOCK_JOURNAL];
  for (let state = 0; state < letters.length; state++) {
    for (const type of BLOCKS) {
      const expected = state === states.WALKING && long.includes(type);
      assert.equal(states.mayContinue(state, type), expected);
    }
  }
  assert.deepEqual(BLOCKS.filter(states.hasPayload), [
    wire.BLOCK_FRAME,
    wire.BLOCK_ENTRIES,
    wire.BLOCK_JOURNAL,
    wire.BLOCK_VALUES,
    wire.BLOCK_POSITIONS,
  ]);
  assert.deepEqual([0, 1, 2, 3, 4].map(states.isComplete), [false, false, true, true, true]);
  assert.equal(states.REPLICA_STATE_NAMES.length, letters.length);
});

test('a shard of the primary is pending, walked, streamed, and shipped again', () => {
  const next = (state: number, event: number): number | null => {
    try {
      return states.afterEvent(state, event);
    } catch {
      return null;
    }
  };
  const events = [states.EVENT_BEGIN, states.EVENT_END, states.EVENT_RESHIP];
  const rows = [states.SHIP_PENDING, states.SHIP_WALKING, states.SHIP_STREAMING].map((state) =>
    events.map((event) => next(state, event)),
  );
  assert.deepEqual(rows, [
    [states.SHIP_WALKING, null, null],
    [null, states.SHIP_STREAMING, states.SHIP_PENDING],
    [null, null, states.SHIP_PENDING],
  ]);
});
