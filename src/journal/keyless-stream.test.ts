import assert from 'node:assert/strict';
import { test } from 'node:test';
import { argumentVector } from '../../test/support/argument-vector.js';
import { Region, toBinary } from '../base/region.js';
import { holdsLock } from '../memory/lock.js';
import { Arguments } from '../protocol/parser.js';
import { KeylessStream, loadVector } from './keyless-stream.js';
import { RECORD_HEADER_BYTES, RecordOrigin, recordError } from './record.js';
import { JournalRing, RING_LOCK_WORD } from './ring.js';

const OWNER = 3;

function newStream(isOn: boolean): { ring: JournalRing; stream: KeylessStream } {
  const ring = new JournalRing(new Region(JournalRing.create(1 << 20), 0));
  const stream = new KeylessStream(ring, 2, OWNER);
  stream.isOn = isOn;
  return { ring, stream };
}

/** The words of the effects in a ring. */
function wordsIn(ring: JournalRing): string[][] {
  const target = new Region(new SharedArrayBuffer(1 << 20), 0);
  const origin = Object.assign(new RecordOrigin(), { shard: 2, shards: 2, databases: 1 });
  const args = new Arguments();
  const effects: string[][] = [];
  ring.read(0, ring.head, target, 0);
  for (let at = 0; at < ring.head; at += target.view.getUint32(at, true)) {
    assert.equal(recordError(target, at, ring.head, origin), null);
    loadVector(target, at + RECORD_HEADER_BYTES, args);
    const words = Array.from({ length: args.count }, (_, i) =>
      toBinary(args.region, args.offset[i]!, args.length[i]!),
    );
    effects.push(words);
  }
  return effects;
}

test('the words of a command become a record of the stream, from the first one wanted on', () => {
  const { ring, stream } = newStream(true);
  const long = 'x'.repeat(300_000);
  stream.append(argumentVector(['MESSAGE', 'channel', '\x00\xff']));
  stream.append(argumentVector(['any', 'LONG', long, '']), 1);
  stream.append(argumentVector(['SHORT']));
  assert.deepEqual(wordsIn(ring), [
    ['MESSAGE', 'channel', '\x00\xff'],
    ['LONG', long, ''],
    ['SHORT'],
  ]);
  assert.equal(stream.wrote, true);
});

test('without a journal only the change is done', () => {
  const { ring, stream } = newStream(false);
  let changes = 0;
  stream.append(argumentVector(['MESSAGE']), 0, () => changes++);
  assert.deepEqual([ring.head, stream.wrote, changes], [0, false, 1]);
});

test('the change comes before its record, under the lock; one that throws leaves neither', () => {
  const { ring, stream } = newStream(true);
  const isLocked = () => holdsLock(ring.words, RING_LOCK_WORD, OWNER);
  stream.append(argumentVector(['FIRST']), 0, () => {
    assert.deepEqual([ring.head, isLocked()], [0, true]);
  });
  const { head } = ring;
  assert.throws(
    () =>
      stream.append(argumentVector(['SECOND']), 0, () => {
        throw new Error('no room');
      }),
    /no room/,
  );
  assert.deepEqual([ring.head, isLocked()], [head, false]);
});
