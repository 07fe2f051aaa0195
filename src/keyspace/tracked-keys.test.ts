import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { Region, toBinary } from '../base/region.js';
import { SharedText } from '../memory/shared-text.js';
import { Invalidations, PENDING_HEADER_BYTES } from './invalidations.js';
import { checkShard } from './shard-check.js';
import { WORD_FORGOTTEN, WORD_TRACKED, WORD_TRACKED_ITEMS } from './shard-words.js';
import { formatShard, Shards } from './shards.js';
import {
  forgetUnannounced,
  ITEM_BYTES,
  itemClient,
  itemThread,
  NOT_TRACKED,
  TRACKED,
  TRACKED_NEW_KEY,
  track,
} from './tracked-keys.js';
import { TrackedPrefixes } from './tracked-prefixes.js';

const SHARD_BYTES = 1 << 20;
const ID_MAX = 2 ** 48 - 1;

let shards: Shards;
let words: Int32Array;
let invalidations: Invalidations;

beforeEach(() => {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const region = new Region(new SharedArrayBuffer(SHARD_BYTES), 0);
  formatShard(region, 2, counters, 0, { key0: 1, key1: 2, spread: 1 });
  shards = new Shards([region], 2, counters, 0, 0);
  words = region.words;
  invalidations = new Invalidations();
  shards.lock(0);
});

function keyOf(name: string) {
  const region = new Region(new SharedArrayBuffer((name.length + 8) & ~7), 0);
  for (let i = 0; i < name.length; i++) region.bytes[i] = name.charCodeAt(i);
  return { region, offset: 0, length: name.length };
}

function change(name: string): void {
  const { region, offset, length } = keyOf(name);
  const hash = { h1: 0, h2: 0 };
  shards.keyHash.hash(hash as never, region, offset, length);
  const key = { keyRegion: region, keyOffset: offset, keyLength: length };
  invalidations.note({ shards, shard: 0, ...hash, ...key });
}

/** What was noted: 'key thread:client ...', or 'all'. */
function noted(): string[] {
  const { region, used } = invalidations.pending;
  const lines: string[] = [];
  for (let at = 0; at < used; ) {
    const bytes = region.view.getInt32(at + 8, true);
    const length = region.view.getInt32(at + 12, true);
    const key = at + PENDING_HEADER_BYTES + bytes;
    const items: string[] = [];
    for (let item = at + PENDING_HEADER_BYTES; item < key; item += ITEM_BYTES) {
      items.push(`${itemThread(region, item)}:${itemClient(region, item)}`);
    }
    lines.push(bytes === 0 ? 'all' : [toBinary(region, key, length), ...items].join(' '));
    at = key + length;
  }
  invalidations.clearPending();
  return lines;
}

test('every client that has read a key is told once, and then reads it again', () => {
  assert.equal(track(shards, 0, keyOf('a'), { id: 7, thread: 1 }), TRACKED_NEW_KEY);
  assert.equal(track(shards, 0, keyOf('a'), { id: ID_MAX, thread: 65535 }), TRACKED);
  assert.equal(track(shards, 0, keyOf('a'), { id: 7, thread: 1 }), TRACKED);
  assert.equal(track(shards, 0, keyOf('b'), { id: 7, thread: 1 }), TRACKED_NEW_KEY);
  assert.deepEqual([words[WORD_TRACKED], words[WORD_TRACKED_ITEMS]], [2, 3]);
  change('a');
  change('a');
  change('none');
  assert.deepEqual(noted(), [`a 1:7 65535:${ID_MAX}`]);
  assert.deepEqual([words[WORD_TRACKED], words[WORD_TRACKED_ITEMS]], [1, 1]);
});

test('what is tracked is that of a plain model, and its memory comes back', () => {
  const steps = fc.array(
    fc.record({ key: fc.integer({ min: 0, max: 20 }), id: fc.integer({ min: 0, max: 5 }) }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const model = new Map<string, number[]>();
      for (const { key, id } of list) {
        const name = `key:${'x'.repeat(key * 30)}`;
        if (id === 0) {
          const clients = model.get(name);
          model.delete(name);
          change(name);
          const expected =
            clients === undefined ? [] : [[name, ...clients.map((c) => `0:${c}`)].join(' ')];
          assert.deepEqual(noted(), expected);
        } else {
          const clients = model.get(name) ?? [];
          model.set(name, clients.includes(id) ? clients : [...clients, id]);
          track(shards, 0, keyOf(name), { id, thread: 0 });
        }
        assert.equal(words[WORD_TRACKED], model.size);
      }
      checkShard(shards, 0);
      invalidations.forgetAll(shards, 0);
      invalidations.forgetAll(shards, 0);
      assert.deepEqual(noted(), ['all']);
      assert.equal(shards.tracked(0).allocatedPages, 0);
    }),
    { numRuns: 50 },
  );
});

test('a table whose last key was taken out gives its pages back when the database is emptied', () => {
  track(shards, 0, keyOf('a'), { id: 1, thread: 0 });
  change('a');
  assert.equal(words[WORD_TRACKED], 0);
  invalidations.forgetAll(shards, 0);
  assert.equal(shards.tracked(0).allocatedPages, 0);
});

test('a full shard: the client is told that it must not keep the key', () => {
  let outcome = TRACKED_NEW_KEY;
  let count = 0;
  while (outcome !== NOT_TRACKED) {
    outcome = track(shards, 0, keyOf(`${count++}:${'x'.repeat(200)}`), { id: 1, thread: 0 });
  }
  assert.equal(words[WORD_TRACKED], count - 1);
  invalidations.refuse(keyOf('new'), { id: 3, thread: 2 });
  assert.deepEqual(noted(), ['new 2:3']);
  checkShard(shards, 0);
});

test('keys are evicted by chance until none is left', () => {
  for (let i = 0; i < 50; i++) track(shards, 0, keyOf(`k${i}`), { id: 1, thread: 0 });
  const names = new Set<string>();
  while (invalidations.evict(shards, 0)) for (const line of noted()) names.add(line);
  assert.equal(names.size, 50);
  assert.deepEqual([words[WORD_TRACKED], words[WORD_TRACKED_ITEMS]], [0, 0]);
});

test('content that is replaced without commands leaves a mark for the threads', () => {
  track(shards, 0, keyOf('a'), { id: 1, thread: 0 });
  forgetUnannounced(shards, 0);
  assert.deepEqual([words[WORD_TRACKED], words[WORD_FORGOTTEN]], [0, 1]);
});

test('prefixes: the threads with clients for a key', () => {
  const shared = SharedText.create('', 4096);
  const [one, other] = [new TrackedPrefixes(shared, 3), new TrackedPrefixes(shared, 3)];
  const threadsOf = (name: string) => {
    const { region, offset, length } = keyOf(name);
    return [...other.threadsOf(region, offset, length)];
  };
  assert.equal(other.areUsed, false);
  one.change(0, ['a', '\xff\0'], 1);
  one.change(2, ['ab'], 1);
  one.change(2, ['ab'], 1);
  assert.equal(other.areUsed, true);
  assert.equal(other.count, 3);
  assert.deepEqual(threadsOf('abc'), [1, 0, 1]);
  assert.deepEqual(threadsOf('a'), [1, 0, 0]);
  assert.deepEqual(threadsOf('\xff\0x'), [1, 0, 0]);
  assert.deepEqual(threadsOf(''), [0, 0, 0]);
  one.change(2, ['ab'], -1);
  assert.deepEqual([other.count, threadsOf('ab')], [3, [1, 0, 1]]);
  one.change(2, ['ab'], -1);
  assert.deepEqual([other.count, threadsOf('ab')], [2, [1, 0, 0]]);
  assert.throws(() => one.change(1, ['x', 'y'.repeat(5000)], 1));
  assert.equal(other.count, 2);
  one.change(0, ['a', '\xff\0'], -1);
  assert.equal(other.areUsed, false);
});

test('each key has the client that has changed it, and none where the server has', () => {
  invalidations.currentClient = () => 5;
  const authors = (): number[] => {
    const { region, used } = invalidations.pending;
    const author = used === 0 ? [] : [region.view.getFloat64(0, true)];
    invalidations.clearPending();
    return author;
  };
  const read = () => track(shards, 0, keyOf('k'), { id: 5, thread: 0 });
  read();
  change('k');
  assert.deepEqual(authors(), [5]);
  read();
  invalidations.byClient = false;
  change('k');
  assert.deepEqual(authors(), [0]);
  invalidations.byClient = true;
  read();
  assert.equal(invalidations.evict(shards, 0), true);
  assert.deepEqual(authors(), [0]);
  invalidations.refuse(keyOf('k'), { id: 5, thread: 0 });
  assert.deepEqual(authors(), [0]);
});
