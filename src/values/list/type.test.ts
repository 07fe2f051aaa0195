/** What a list answers as a value of any type: above all which bytes of a peer are one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../base/region.js';
import { listTester } from '../../commands/list/lib/testing.js';
import { LIST_PACKED, LIST_SEQUENCE, PACKED_LIST_COUNT_MAX } from './layout.js';
import { listType } from './type.js';

function isList(kind: number, bytes: readonly number[]): boolean {
  const region = new Region(new SharedArrayBuffer((bytes.length + 15) & ~7), 0);
  region.bytes.set(bytes, 3);
  return listType.verify(kind, region, 3, bytes.length);
}

test('bytes of a peer are a list when they are what a packed list has', () => {
  assert.ok(isList(LIST_PACKED, [2, 0, 0x05, 0x81, 0x61]));
  assert.ok(!isList(LIST_PACKED, [3, 0, 0x05, 0x81, 0x61]), 'fewer elements than it says');
  assert.ok(!isList(LIST_PACKED, [1, 0, 0x05, 0x81, 0x61]), 'bytes behind the last element');
  assert.ok(!isList(LIST_PACKED, [1, 0, 0x81, 0x35]), 'a digit that is no integer');
  assert.ok(!isList(LIST_PACKED, [1, 0, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0x40]), 'a score');
  assert.ok(!isList(LIST_PACKED, [0, 0]), 'no element');
  assert.ok(!isList(LIST_PACKED, []), 'no header');
  const many = Array.from({ length: PACKED_LIST_COUNT_MAX + 1 }, () => 1);
  assert.ok(isList(LIST_PACKED, [0, 2, ...many.slice(1)]));
  assert.ok(!isList(LIST_PACKED, [1, 2, ...many]), 'too many elements');
});

test('a root is never taken from a peer', () => {
  assert.ok(!isList(LIST_SEQUENCE, new Array(32).fill(0)));
});

test('memory is what the pages take, and freeing gives back as much', () => {
  const t = listTester({ shards: 1 });
  t.run('RPUSH', 'k', 'a');
  const key = new Region(new SharedArrayBuffer(8), 0);
  key.bytes[0] = 'k'.charCodeAt(0);
  t.keys.seekKey(0, key, 0, 1);
  assert.equal(listType.memory(t.keys), 0);
  const before = t.keys.space.residentPages;
  t.run(
    'RPUSH',
    'k',
    ...Array.from({ length: 3000 }, (_, i) => `element ${i}`),
    'x'.repeat(20_000),
  );
  t.keys.seekKey(0, key, 0, 1);
  const pages = t.keys.space.residentPages - before;
  assert.ok(pages > 10);
  assert.equal(listType.memory(t.keys), pages * 4096);
  let steps = 1;
  while (!listType.freeStep(t.keys, 2)) steps++;
  assert.ok(steps > 5);
  assert.equal(t.keys.space.residentPages, before);
});
