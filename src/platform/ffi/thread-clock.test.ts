import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ffiUnavailableReason } from './libc.js';
import { threadCpuMs } from './thread-clock.js';

test('counts work and not waiting', { skip: ffiUnavailableReason() || false }, async () => {
  const start = threadCpuMs();
  await sleep(300);
  const rested = threadCpuMs();
  assert.ok(rested - start < 150, `${rested - start} ms of 300 ms asleep`);
  const until = performance.now() + 300;
  while (performance.now() < until) Math.sqrt(until);
  const worked = threadCpuMs() - rested;
  assert.ok(worked > 30 && worked <= 310, `${worked} ms of 300 ms at work`);
});
