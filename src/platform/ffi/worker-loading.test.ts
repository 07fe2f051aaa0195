import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awaitLoaded, forgetLoading, noteLoading } from './worker-loading.js';

test('a Worker is waited for that another copy of the module has started', async () => {
  // As in the bundle, where the file that starts the first thread is not the one that ends it.
  const other: typeof import('./worker-loading.js') = await import(
    new URL('worker-loading.js?another', import.meta.url).href
  );
  assert.notEqual(other.noteLoading, noteLoading);
  const latch = other.noteLoading();
  let waits = 0;
  latch.wait = () => {
    waits++;
    return true;
  };
  awaitLoaded();
  assert.equal(waits, 1);
  forgetLoading(latch);
  awaitLoaded();
  assert.equal(waits, 1);
  const listening = process.listenerCount('exit');
  for (const module of [other, { noteLoading, forgetLoading }]) {
    for (let i = 0; i < 5; i++) module.forgetLoading(module.noteLoading());
  }
  assert.ok(process.listenerCount('exit') <= listening + 1, 'listeners do not pile up');
});
