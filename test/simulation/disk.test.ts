import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateDisk } from './disk-simulate.js';

describe('the journal on a disk that loses, tears and refuses', () => {
  it('has after every crash what was acknowledged, and transactions whole', async () => {
    const summary = await simulateDisk(1, 8, 120);
    assert.match(summary, /acknowledged [1-9]/);
  });
});
