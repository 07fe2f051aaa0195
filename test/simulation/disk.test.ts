import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulateDisk } from './disk-simulate.js';

describe('a journal and snapshots on a disk that loses, tears and refuses', () => {
  it('have after every crash what was acknowledged or saved, and transactions whole', async () => {
    const summary = await simulateDisk(1, 16, 250);
    assert.match(summary, /acknowledged [1-9].* rewrites [1-9].* snapshots [1-9].* roles [1-9]/);
  });
});
