import { describe, it } from 'node:test';
import { simulateDisk } from './disk-simulate.js';

describe('the journal on a disk that loses, tears and refuses', () => {
  it('has after every crash what was acknowledged, and transactions whole', async () => {
    await simulateDisk(1, 40, 120);
  });
});
