import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Spill, type SpillFile } from './spill.js';

/** A file in memory that says how it was used. */
function memoryFile(): SpillFile & { readonly size: number; isOpen: boolean } {
  let bytes = Buffer.alloc(0);
  return {
    isOpen: true,
    get size() {
      return bytes.length;
    },
    append(more) {
      bytes = Buffer.concat([bytes, more]);
    },
    read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.length));
    },
    clear() {
      bytes = Buffer.alloc(0);
    },
    close() {
      this.isOpen = false;
    },
  };
}

test('what was spilled comes back in its order, from memory and from the file', () => {
  const step = fc.record({ append: fc.nat({ max: 40 }), take: fc.nat({ max: 60 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const spill = new Spill(memoryFile, 64);
      let put = '';
      let got = '';
      steps.forEach(({ append, take }, i) => {
        const bytes = String.fromCharCode(97 + (i % 26)).repeat(append);
        spill.append(Buffer.from(bytes));
        put += bytes;
        if (take > 0) got += spill.take(take).toString();
        assert.equal(spill.left, put.length - got.length);
      });
      while (spill.left > 0) got += spill.take(10).toString();
      assert.equal(got, put);
      assert.equal(spill.total, put.length);
    }),
    { numRuns: 200 },
  );
});

test('memory is bounded, and the file is empty when all was taken', () => {
  const file = memoryFile();
  const spill = new Spill(() => file, 100);
  for (let i = 0; i < 10; i++) spill.append(Buffer.alloc(50));
  assert.equal(file.size, 400);
  while (spill.left > 0) spill.take(30);
  assert.equal(file.size, 0);
  spill.append(Buffer.alloc(50));
  assert.equal(file.size, 0);
  spill.close();
  assert.equal(file.isOpen, false);
});

test('a disk that refuses is told to who appends', () => {
  const file = memoryFile();
  file.append = () => {
    throw new Error('ENOSPC');
  };
  const spill = new Spill(() => file, 10);
  spill.append(Buffer.alloc(10));
  assert.throws(() => spill.append(Buffer.alloc(1)), /ENOSPC/);
  assert.equal(spill.total, 10);
});
