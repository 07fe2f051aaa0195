import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ffiUnavailableReason } from './libc.js';
import { ThreadClock } from './thread-clock.js';

test('tells work, waiting for a core, and sleep apart', {
  skip: ffiUnavailableReason() || false,
}, async () => {
  const clock = new ThreadClock();
  const started = { worked: clock.workedMs(), queued: clock.queuedMs() };
  await sleep(300);
  const rested = { worked: clock.workedMs(), queued: clock.queuedMs() };
  assert.ok(rested.worked - started.worked < 150, `${rested.worked - started.worked} ms`);
  const until = performance.now() + 300;
  while (performance.now() < until) Math.sqrt(until);
  const worked = clock.workedMs() - rested.worked;
  const queued = clock.queuedMs() - rested.queued;
  assert.ok(worked > 10 && worked <= 310, `${worked} ms of 300 ms at work`);
  assert.ok(queued >= 0 && queued <= 310, `${queued} ms of 300 ms waiting`);
  // Where the kernel tells both, they make up the time (a tick is up to 10 ms).
  if (clock.queuedMs() > 0) assert.ok(worked + queued > 250, `${worked} + ${queued} ms of 300`);
});
