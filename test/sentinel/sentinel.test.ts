/** Real redis-sentinels fail over a Darter under load. More by command: `npm run sentinel`. */
import { describe, test } from 'node:test';
import { darterMissing, programMissing } from '../support/server.js';
import { play } from './scenarios.js';

const skip = darterMissing() || programMissing('redis-sentinel');

describe('redis-sentinel', { skip }, () => {
  test('fails over when it is told to', async (t) => {
    t.diagnostic(await play('SENTINEL FAILOVER'));
  });

  test('fails over when the primary is killed, with passwords', async (t) => {
    t.diagnostic(await play('kill -9', { password: 'secret' }));
  });
});
