import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SharedText } from './shared-text.js';

const THREADS = 3;
const ROUNDS = 300;

describe('shared text', () => {
  it('gives every thread the last text and a new version for it', () => {
    const one = SharedText.create('first');
    const other = new SharedText(one.buffer);
    const before = other.version;
    assert.equal(other.read().text, 'first');
    one.update((text) => `${text}, sécond`);
    assert.deepEqual(other.read(), { text: 'first, sécond', version: before + 1 });
    one.update(() => 'x');
    assert.equal(other.read().text, 'x');
  });

  it('keeps the text and frees the lock when the change is refused or fails', () => {
    const shared = SharedText.create('kept', 64);
    const { version } = shared;
    shared.update(() => null);
    assert.throws(() => {
      shared.update(() => {
        throw new Error('no');
      });
    }, /no/);
    assert.throws(() => shared.update(() => 'x'.repeat(100)), RangeError);
    assert.deepEqual(shared.read(), { text: 'kept', version });
  });

  it('loses no update of several threads', async () => {
    const shared = SharedText.create('0');
    const script = `
      const { workerData } = require('node:worker_threads');
      import(workerData.module).then(({ SharedText }) => {
        const shared = new SharedText(workerData.buffer);
        for (let i = 0; i < ${ROUNDS}; i++) shared.update((text) => String(Number(text) + 1));
      });`;
    const module = new URL('./shared-text.js', import.meta.url).href;
    const workers = Array.from(
      { length: THREADS },
      () => new Worker(script, { eval: true, workerData: { module, buffer: shared.buffer } }),
    );
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            worker.on('error', reject);
            worker.on('exit', () => resolve());
          }),
      ),
    );
    assert.equal(shared.read().text, String(THREADS * ROUNDS));
  });
});
