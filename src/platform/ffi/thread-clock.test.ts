import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ffiUnavailableReason } from './libc.js';
import { ThreadClock } from './thread-clock.js';

test('tells work, waiting for a core, and sleep apart', {
  skip: ffiUnavailableReason() || false,
}, async () => {
  const clock = new ThreadClock();
  const started = readings(clock);
  await sleep(300);
  const rested = readings(clock);
  assert.ok(rested.worked - started.worked < 150, `${rested.worked - started.worked} ms`);
  // On a busy machine the thread waits for most of the time.
  for (let tries = 0; tries < 50 && clock.workedMs() - rested.worked <= 10; tries++) {
    const until = performance.now() + 300;
    while (performance.now() < until) Math.sqrt(until);
  }
  const ended = readings(clock);
  const worked = ended.worked - rested.worked;
  const queued = ended.queued - rested.queued;
  // It may wait for a core while it reads.
  const [least, most] = [ended.beganMs - rested.endedMs, ended.endedMs - rested.beganMs];
  assert.ok(worked > 10 && worked <= most + 10, `${worked} ms of ${most} ms at work`);
  assert.ok(queued >= 0 && queued <= most + 10, `${queued} ms of ${most} ms waiting`);
  // Where the kernel tells both, they make up the time (a tick is up to 10 ms).
  if (ended.queued > 0)
    assert.ok(worked + queued > least - 50, `${worked} + ${queued} of ${least}`);
});

/** What the clock tells, between these moments. */
function readings(clock: ThreadClock) {
  const beganMs = performance.now();
  const [worked, queued] = [clock.workedMs(), clock.queuedMs()];
  return { worked, queued, beganMs, endedMs: performance.now() };
}
