import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Region } from '../base/region.js';
import { slotOf } from './slot.js';

function slot(key: string): number {
  const region = new Region(new SharedArrayBuffer(128), 0);
  region.bytes.set(Buffer.from(key, 'latin1'), 8);
  return slotOf(region, 8, key.length);
}

describe('key slots', () => {
  it('are those of the Redis Cluster specification', () => {
    assert.equal(slot('123456789'), 0x31c3);
    assert.equal(slot('foo'), 12182);
    assert.equal(slot(''), 0);
  });

  it('count only the hash tag, when there is one that is not empty', () => {
    assert.equal(slot('{user1000}.following'), slot('user1000'));
    assert.equal(slot('foo{}{bar}'), 8363);
    assert.equal(slot('foo{{bar}}zap'), slot('{bar'));
    assert.equal(slot('foo{bar}{zap}'), slot('bar'));
    assert.notEqual(slot('foo{bar'), slot('bar'));
  });
});
