import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { DistinctElements } from './distinct.js';
import { PackedElement } from './element.js';

test('elements differ as their texts do, from one value to the next', () => {
  const region = new Region(new SharedArrayBuffer(65_536), 0);
  const source = new Region(new SharedArrayBuffer(1024), 0);
  const element = new PackedElement(source);
  const distinct = new DistinctElements();
  const texts = fc.array(fc.string({ maxLength: 4, unit: 'binary-ascii' }), { maxLength: 300 });
  fc.assert(
    fc.property(texts, (words) => {
      distinct.begin(words.length);
      const seen = new Set<string>();
      let at = 8;
      for (const word of words) {
        source.bytes.set(Buffer.from(word, 'latin1'));
        element.set(source, 0, word.length);
        element.write(region, at);
        assert.equal(distinct.add(region, at, element.size), !seen.has(word), word);
        seen.add(word);
        at += element.size;
      }
    }),
  );
});

test('more elements than any value has at present', () => {
  const region = new Region(new SharedArrayBuffer(65_536), 0);
  const distinct = new DistinctElements();
  distinct.begin(10_000);
  for (let i = 0; i < 10_000; i++) {
    region.view.setInt32(i * 4, i, true);
    assert.ok(distinct.add(region, i * 4, 4));
  }
  region.view.setInt32(40_000, 77, true);
  assert.ok(!distinct.add(region, 40_000, 4));
});
