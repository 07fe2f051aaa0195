import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { libc } from './libc.js';

const MODULE = new URL('./thread-priority.js', import.meta.url).href;

/** Field 19 of /proc/thread-self/stat, proc(5). */
const CODE = `
  const { parentPort } = require('node:worker_threads');
  const { readFileSync } = require('node:fs');
  import('${MODULE}').then(({ yieldToOthers }) => {
    const done = yieldToOthers(5);
    const text = readFileSync('/proc/thread-self/stat', 'latin1');
    parentPort.postMessage([done, text.slice(text.lastIndexOf(')') + 2).split(' ')[16]]);
  });`;

function ownNice(): number {
  const text = readFileSync('/proc/self/stat', 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]);
}

test('a thread yields to others, and to itself only', async (t) => {
  if (libc === undefined) return t.skip('no native calls');
  const before = getPriority();
  const worker = new Worker(CODE, { eval: true });
  const [done, nice] = await new Promise<[boolean, string]>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  assert.equal(done, true);
  assert.equal(nice, String(Math.min(before + 5, 19)));
  assert.equal(ownNice(), before);
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
      yieldToOthers(5);
      console.log(getPriority());`;
    const words = ['-n', String(processNice), process.execPath, '--input-type=module', '-e', code];
    assert.equal(String(spawnSync('nice', words).stdout).trim(), String(expected));
  });
}
