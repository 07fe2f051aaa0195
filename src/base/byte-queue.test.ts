import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteQueue } from './byte-queue.js';
import { Region, toBinary } from './region.js';

test('what is appended lies one after the other, however much the region grows', () => {
  const source = new Region(new SharedArrayBuffer(16), 0);
  source.bytes.set(Buffer.from('0123456789'));
  const queue = new ByteQueue(16, 64);
  for (let i = 0; i < 20; i++) {
    queue.appendWord(-1 - i);
    queue.appendNumber(i / 2);
    queue.appendText(`\u00ff${i}`);
    queue.append(source, 2, 3);
  }
  const { view } = queue.region;
  let at = 0;
  for (let i = 0; i < 20; i++) {
    assert.equal(view.getInt32(at, true), -1 - i);
    assert.equal(view.getFloat64(at + 4, true), i / 2);
    const text = `\u00ff${i}234`;
    assert.equal(toBinary(queue.region, at + 12, text.length), text);
    at += 12 + text.length;
  }
  assert.equal(queue.used, at);
});

test('a region that has grown beyond its bound is not kept', () => {
  const queue = new ByteQueue(16, 64);
  queue.reserve(64);
  const kept = queue.region;
  queue.clear();
  assert.equal(queue.region, kept);
  queue.reserve(65);
  queue.clear();
  assert.equal(queue.region.length, 16);
  assert.equal(queue.used, 0);
});
