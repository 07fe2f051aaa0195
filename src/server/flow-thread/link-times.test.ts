import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Config } from '../config/config.js';
import { Values } from '../config/values.js';
import { LinkTimes } from './link-times.js';

test('the times of links follow CONFIG SET of another thread', () => {
  const config = Config.create(new Values([['dir', '/tmp']]));
  const times = new LinkTimes(Config.attach(config.buffer));
  const seen = () => [times.timeoutMs, times.heartbeatMs, times.backlogTtlMs];
  assert.deepEqual(seen(), [60_000, 10_000, 3_600_000]);
  assert.equal(config.set([['repl-ping-replica-period', '2']]), null);
  assert.deepEqual(seen(), [60_000, 2000, 3_600_000]);
  assert.equal(
    config.set([
      ['repl-timeout', '3'],
      ['repl-backlog-ttl', '7'],
    ]),
    null,
  );
  assert.deepEqual(seen(), [3000, 1000, 7000]);
});
