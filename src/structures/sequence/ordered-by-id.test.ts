import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../../memory/space-layout.js';
import { testSpace } from '../testing.js';
import { Cursor } from './cursor.js';
import { ElementView, NewElement } from './element.js';
import { SearchKey } from './order.js';
import { ID_BYTES, ORDER_ID } from './root.js';
import { Sequence } from './sequence.js';
import { textOf } from './testing.js';

/** A log of texts by id: two numbers of 64 bits, most significant byte first. */
class TextLog {
  readonly sequence: Sequence;
  readonly source = new Region(new SharedArrayBuffer(1 << 16), 0);
  readonly cursor = new Cursor();
  readonly element: NewElement;
  readonly key: SearchKey;
  readonly view = new ElementView();

  constructor(readonly space = testSpace(16)) {
    this.sequence = new Sequence(space);
    this.sequence.create(ROOTS_OFFSET, ORDER_ID);
    this.element = new NewElement(this.source);
    this.key = new SearchKey(this.source);
  }

  private aim(milliseconds: bigint, number: bigint): void {
    this.source.view.setBigUint64(0, milliseconds, false);
    this.source.view.setBigUint64(8, number, false);
    this.key.aimId(this.source, 0);
  }

  prepare(milliseconds: bigint, number: bigint, text: string): void {
    this.aim(milliseconds, number);
    const length = Buffer.from(this.source.buffer, ID_BYTES).write(text, 'latin1');
    this.element.setIdentified(this.source, 0, this.source, ID_BYTES, length);
  }

  put(milliseconds: bigint, number: bigint, text: string): boolean {
    this.prepare(milliseconds, number, text);
    this.sequence.findKey(this.cursor, this.key);
    return this.sequence.insertAfterSeek(this.cursor, this.element);
  }

  seek(milliseconds: bigint, number: bigint, after: boolean): boolean {
    this.aim(milliseconds, number);
    return this.sequence.seekKey(this.cursor, this.key, after);
  }

  /** Id and payload of the element at the cursor. */
  get(): [bigint, bigint, string] {
    const { view } = this.space.region;
    this.sequence.read(this.cursor, this.view);
    const { idOffset } = this.view;
    const id = [
      view.getBigUint64(idOffset, false),
      view.getBigUint64(idOffset + 8, false),
    ] as const;
    return [...id, textOf(this.space, this.view)];
  }
}

const half = fc.oneof(fc.bigInt(0n, 5n), fc.bigInt(0n, 2n ** 64n - 1n), fc.constant(2n ** 63n));
const text = fc.oneof(
  fc.string({ maxLength: 300, unit: 'binary-ascii' }),
  fc.constantFrom(2000, 2010, 2026, 2027, 9000).map((length) => 'x'.repeat(length)),
);

test('elements by id are in order, found from both sides of their ids, and removed', () => {
  const entry = fc.tuple(half, half, text, fc.boolean());
  const unique = fc.uniqueArray(entry, { selector: ([a, b]) => `${a}-${b}`, maxLength: 80 });
  fc.assert(
    fc.property(unique, (entries) => {
      const log = new TextLog();
      const keep: (readonly [bigint, bigint, string])[] = [];
      for (const [a, b, payload] of entries) assert.ok(log.put(a, b, payload));
      log.sequence.check();
      for (const [a, b, payload, stays] of entries) {
        assert.ok(log.seek(a, b, false));
        assert.deepEqual(log.get(), [a, b, payload]);
        const { rank } = log.cursor;
        log.seek(a, b, true);
        assert.equal(log.cursor.rank, rank + 1);
        log.seek(a, b, false);
        if (stays) {
          log.prepare(a, b, `${payload}, changed`);
          assert.ok(log.sequence.replace(log.cursor, log.element));
          assert.equal(log.cursor.rank, rank);
          keep.push([a, b, `${payload}, changed`]);
        } else log.sequence.remove(log.cursor, 1);
        log.sequence.check();
      }
      const expected = keep.sort((x, y) =>
        x[0] !== y[0] ? (x[0] < y[0] ? -1 : 1) : x[1] < y[1] ? -1 : 1,
      );
      const found: (readonly [bigint, bigint, string])[] = [];
      const { sequence, cursor } = log;
      for (let more = sequence.seekIndex(cursor, 0); more; more = sequence.next(cursor)) {
        found.push(log.get());
      }
      assert.deepEqual(found, expected);
    }),
    { numRuns: 50 },
  );
});

test('a log of blocks: appending to the last block, trimming the first, splits nothing', () => {
  const log = new TextLog();
  const { sequence, cursor } = log;
  let payload = '';
  let blocks = 0n;
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    const entry = `entry ${i.toString().padStart(10, '0')}`;
    if (payload.length + entry.length > 1000 || blocks === 0n) {
      payload = entry;
      assert.ok(log.put(++blocks, 0n, payload));
    } else {
      payload += entry;
      log.prepare(blocks, 0n, payload);
      assert.ok(sequence.seekIndex(cursor, sequence.count - 1));
      assert.ok(sequence.replace(cursor, log.element));
    }
  }
  sequence.check();
  const perEntry = (log.space.residentPages * PAGE_BYTES) / count;
  assert.ok(perEntry < 18, `${perEntry.toFixed(2)} bytes for 16 bytes`);
  while (sequence.count > 3) {
    sequence.seekIndex(cursor, 0);
    sequence.remove(cursor, 1);
  }
  sequence.check();
  assert.ok(log.space.residentPages <= 4);
});

test('100,000 elements by id in any order, and each gone again', () => {
  const log = new TextLog();
  const count = 100_000;
  const idOf = (i: number): bigint => BigInt((i * 7919) % count);
  for (let i = 0; i < count; i++) log.put(0n, idOf(i), 'some payload of 30 bytes or so');
  log.sequence.check();
  assert.equal(log.sequence.root.height, 2);
  for (let i = 0; i < count; i++) {
    assert.ok(log.seek(0n, idOf(i * 3), false));
    log.sequence.remove(log.cursor, 1);
    if (i % 5000 === 0) log.sequence.check();
  }
  assert.equal(log.space.residentPages, 0);
});
