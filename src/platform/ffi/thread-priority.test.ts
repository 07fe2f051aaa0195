import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { libc } from './libc.js';

const MODULE = new URL('./thread-priority.js', import.meta.url).href;

/** Field 19 of /proc/thread-self/stat, proc(5): before and after. */
const CODE = `
  const { parentPort } = require('node:worker_threads');
  const { readFileSync } = require('node:fs');
  const nice = () => {
    const text = readFileSync('/proc/thread-self/stat', 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
  };
  import('${MODULE}').then(({ yieldToOthers }) => {
    const before = nice();
    const done = yieldToOthers(5);
    parentPort.postMessage({ done, before, after: nice() });
  });`;

interface Yielded {
  readonly done: boolean;
  readonly before: number;
  readonly after: number;
}

/** Whoever runs the tests may have changed their priority, also while they run. */
const ATTEMPTS = 3;

test('a thread yields to others, and to itself only', async (t) => {
  if (libc === undefined) return t.skip('no native calls');
  for (let attempt = 1; ; attempt++) {
    const own = getPriority();
    const worker = new Worker(CODE, { eval: true });
    const { done, before, after } = await new Promise<Yielded>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    assert.equal(done, true);
    assert.equal(after, Math.min(before + 5, 19));
    if (getPriority() === own) return;
    assert.ok(attempt < ATTEMPTS, `from ${own} to ${getPriority()}`);
  }
});

for (const [processNice, expected] of [
  [10, 15],
  [17, 19],
] as const) {
  test(`under nice ${processNice} a thread that yields has ${expected}`, (t) => {
    if (libc === undefined || getPriority() > 0) return t.skip('no native calls, or not at nice 0');
    const code = `
      import { yieldToOthers } from '${MODULE}';
      import { getPriority } from 'node:os';
      const before = getPriority();
      yieldToOthers(5);
      console.log(before, getPriority());`;
    const words = ['-n', String(processNice), process.execPath, '--input-type=module', '-e', code];
    const [before, after] = String(spawnSync('nice', words).stdout).trim().split(' ').map(Number);
    // The tests themselves may have been made nicer meanwhile.
    assert.ok(before! >= processNice, `${before}`);
    assert.equal(after, before === processNice ? expected : Math.min(before! + 5, 19));
  });
}
