import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { IdleCores } from './idle-cores.js';

test('idle cores are some, and no more than there are', async (t) => {
  if (!existsSync('/proc/stat')) return t.skip('no /proc/stat');
  const idle = new IdleCores();
  idle.measure();
  await sleep(300);
  const cores = idle.measure();
  assert.ok(cores >= 0, `${cores}`);
  // Ticks of 10 ms a core: a little more than all is rounding.
  assert.ok(cores <= Math.max(cpus().length, availableParallelism()) * 1.2, `${cores}`);
});
