import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadKoffi } from './koffi.js';
import { ffiUnavailableReason } from './libc.js';

const WORKER = `
const { parentPort } = require('node:worker_threads');
import(${JSON.stringify(new URL('koffi.js', import.meta.url).href)}).then(({ loadKoffi }) => {
  parentPort.postMessage(loadKoffi().config());
});`;

test('a Worker leaves little address space behind that koffi does not give back', async (t) => {
  if (ffiUnavailableReason() !== '') return t.skip(ffiUnavailableReason());
  const byDefault = loadKoffi().config();
  const worker = new Worker(WORKER, { eval: true });
  // Both may come at once.
  const exited = once(worker, 'exit');
  const [config] = await once(worker, 'message');
  await exited;
  assert.ok(config.sync_stack_size + config.sync_heap_size <= 256 * 1024);
  assert.deepEqual(loadKoffi().config(), byDefault, "the main thread's is the program's own");
});
