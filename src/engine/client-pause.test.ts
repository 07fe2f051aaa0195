import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlBlock } from '../memory/control.js';
import { ControlLayout } from '../memory/control-layout.js';
import {
  ClientPause,
  PAUSE_END_MS,
  PAUSE_EVERYTHING,
  PAUSE_MODE,
  PAUSE_NOTHING,
  PAUSE_WRITES,
} from './client-pause.js';

test('a pause only grows, until its end or its withdrawal', () => {
  const layout = new ControlLayout([PAUSE_MODE, PAUSE_END_MS]);
  const pause = new ClientPause(ControlBlock.create(layout, 1, 1));
  assert.equal(pause.modeAt(0), PAUSE_NOTHING);
  pause.begin(PAUSE_EVERYTHING, 1000, 0);
  pause.begin(PAUSE_WRITES, 500, 0);
  assert.equal(pause.modeAt(999), PAUSE_EVERYTHING);
  assert.equal(pause.modeAt(1000), PAUSE_NOTHING);
  assert.deepEqual([pause.restMs(400), pause.restMs(1000)], [600, Number.POSITIVE_INFINITY]);
  pause.begin(PAUSE_WRITES, 3000, 2000);
  assert.equal(pause.modeAt(2000), PAUSE_WRITES);
  pause.end();
  assert.equal(pause.modeAt(2000), PAUSE_NOTHING);
});
