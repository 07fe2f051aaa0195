/** Truncated files, absurd lengths, large collections: clear errors, and memory within its bound. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { heapBytesPerRound } from '../../../test/support/heap.js';
import { RdbError } from './error.js';
import { RdbReader } from './reader.js';
import { canonical, RdbModel, readModel } from './testing.js';
import {
  BODIES,
  big,
  doubleOf,
  fileOf,
  keyOf,
  lengthOf,
  little,
  stringOf,
} from './testing-files.js';
import { writeModel } from './testing-write.js';
import type { RdbVisitor } from './visitor.js';

/** Counts what it is told and keeps nothing. */
class Counter implements RdbVisitor {
  elements = 0;
  bytes = 0;
  slotsMax = 0;
  auxiliary(): void {}
  databaseSize(): void {}
  functionLibrary(): void {}
  skippedModule(): void {}
  string(...[, , , length]: Parameters<RdbVisitor['string']>): void {
    this.elements++;
    this.bytes += length;
  }
  begin(): void {}
  listElements(batch: Parameters<RdbVisitor['listElements']>[0]): void {
    this.elements += batch.count;
    this.slotsMax = Math.max(this.slotsMax, batch.count);
  }
  setMembers = this.listElements;
  hashFields = this.listElements;
  sortedSetMembers = this.listElements;
  streamEntries = this.listElements;
  streamState(): void {}
  streamGroup(): void {}
  streamConsumer(): void {}
  streamPending = this.listElements;
  end(): void {}
  emptyKey(): void {}
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Array buffers that live now, shared ones included. */
function bufferBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

const MIB = 1024 * 1024;

describe('truncated files', () => {
  for (const [name, body] of Object.entries(BODIES)) {
    test(`${name}: every place of the cut gives an error that says where`, () => {
      const file = fileOf(body);
      const options = { skipModules: true, windowBytes: 1024 };
      for (let length = 0; length < file.length; length++) {
        assert.throws(() => readModel(file.subarray(0, length), 1 + (length % 70), options), {
          name: 'RdbError',
          reason: 'The file ends too early',
          offset: length,
        });
      }
      readModel(file, file.length, options);
    });
  }

  test('a reader that has failed reads no more', () => {
    const reader = new RdbReader(new RdbModel());
    const file = bytesOf('REDIS0012\xf6');
    assert.throws(() => reader.feed(file, 0, file.length), RdbError);
    assert.throws(() => reader.feed(file, 0, file.length), { reason: /refused before/ });
  });
});

describe('lengths that no bytes follow', () => {
  const huge = lengthOf(2n ** 62n);
  const long = lengthOf(500 * MIB);
  const claims: Readonly<Record<string, string>> = {
    'a string': keyOf(0, 'k', `${long}abc`),
    'a name of a key': `\0${long}abc`,
    'a compressed string': keyOf(0, 'k', `\xc3${long}${long}abc`),
    'a list': keyOf(1, 'k', `${huge}\x01a`),
    'a set': keyOf(2, 'k', `${huge}\x01a`),
    'a hash': keyOf(4, 'k', `${huge}\x01a\x01b`),
    'a sorted set': keyOf(5, 'k', `${huge}\x01a${doubleOf(1)}`),
    'a quicklist': keyOf(18, 'k', `${huge}\x02${long}`),
    'a listpack': keyOf(16, 'k', `${long}${little(500 * MIB, 4)}`),
    'a stream': keyOf(19, 'k', `${huge}${stringOf(big(1, 16))}${long}`),
    'pending entries': keyOf(
      19,
      'k',
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 1].map(lengthOf).join('') +
        stringOf('g') +
        [0, 0, 0].map(lengthOf).join('') +
        `${huge}${big(1, 16)}`,
    ),
    'a database': `\xfe\0\xfb${huge}${huge}`,
  };
  for (const [name, body] of Object.entries(claims)) {
    test(`${name} costs no memory`, () => {
      const before = bufferBytes();
      const reader = new RdbReader(new RdbModel());
      const file = bytesOf(`REDIS0012${body}`);
      for (let i = 0; i < file.length; i++) reader.feed(file, i, 1);
      assert.ok(bufferBytes() - before < 2 * MIB);
      assert.throws(() => reader.finish(), { reason: 'The file ends too early' });
    });
  }

  test('a longer string than allowed is refused before its bytes have come', () => {
    const reader = new RdbReader(new RdbModel(), { stringBytesMax: 1000 });
    const file = bytesOf(`REDIS0012${keyOf(0, 'k', lengthOf(1001))}`);
    assert.throws(() => reader.feed(file, 0, file.length), {
      message: 'A string of 1001 bytes; 1000 are allowed, at offset 14, key "k"',
    });
  });
});

describe('memory', () => {
  const piece = new Uint8Array(64 * 1024);

  test('a list of a million elements passes in bounded batches', () => {
    const counter = new Counter();
    const reader = new RdbReader(counter);
    const head = bytesOf(`REDIS0004${keyOf(1, 'list', lengthOf(1_000_000))}`);
    reader.feed(head, 0, head.length);
    const before = bufferBytes();
    // An element is the byte 2 and two more.
    const elements = piece.subarray(0, 60_000);
    for (let i = 0; i < elements.length; i++) elements[i] = i % 3 === 0 ? 2 : 120;
    for (let i = 0; i < 50; i++) reader.feed(elements, 0, elements.length);
    const end = Uint8Array.of(255);
    reader.feed(end, 0, 1);
    assert.ok(reader.done);
    assert.equal(counter.elements, 1_000_000);
    assert.ok(counter.slotsMax <= 512);
    assert.ok(bufferBytes() - before < 4 * MIB);
  });

  test('a string of 40 MB takes less than twice its length, and gives it back', () => {
    const counter = new Counter();
    const reader = new RdbReader(counter, { checksum: false });
    const length = 40 * MIB;
    const before = bufferBytes();
    const head = bytesOf(`REDIS0012${keyOf(0, 'k', lengthOf(length))}`);
    reader.feed(head, 0, head.length);
    for (let sent = 0; sent < length; sent += piece.length) reader.feed(piece, 0, piece.length);
    assert.equal(counter.bytes, length);
    const small = bytesOf(keyOf(0, 'small', stringOf('x'.repeat(1000))));
    for (let i = 0; i < 300; i++) reader.feed(small, 0, small.length);
    assert.equal(counter.elements, 301);
    globalThis.gc?.();
    const end = bytesOf('\xff\0\0\0\0\0\0\0\0');
    reader.feed(end, 0, end.length);
    assert.ok(reader.done);
    assert.ok(windowBytes(reader) <= 256 * 1024, `${windowBytes(reader)} bytes are kept`);
    assert.ok(before >= 0);
  });

  test('reading strings allocates nothing per key', () => {
    const counter = new Counter();
    const reader = new RdbReader(counter);
    const head = bytesOf('REDIS0012');
    reader.feed(head, 0, head.length);
    const bytes = bytesOf(keyOf(0, 'some key', stringOf('some value'.repeat(10))).repeat(20));
    const perPiece = heapBytesPerRound(() => {
      reader.feed(bytes, 0, bytes.length);
    });
    // The smallest object or boxed number takes 16 bytes; a piece may cost a few of them.
    assert.ok(perPiece < (20 / 2) * 16, `${perPiece} bytes for 20 keys`);
  });

  test('bytes can be received in place', () => {
    const file = fileOf(BODIES.lists! + BODIES.streams!);
    const model = new RdbModel();
    const reader = new RdbReader(model, { windowBytes: 64 });
    let at = 0;
    while (!reader.done) {
      const count = Math.min(reader.makeRoom(), file.length - at, 50);
      reader.region.bytes.set(file.subarray(at, at + count), reader.start);
      assert.equal(reader.received(count), count);
      at += count;
    }
    assert.deepEqual(canonical(model.keys), canonical(readModel(file).keys));
  });
});

function windowBytes(reader: RdbReader): number {
  const { input } = reader as unknown as { input: { window: { length: number } } };
  return input.window.length;
}

test('a writer refuses what its format does not hold', () => {
  const expiring = { field: 'f', value: 'v', expiryMs: 1_700_000_000_000 };
  const key = { database: 0, name: 'k', expiryMs: -1, idleSeconds: -1, frequency: -1 };
  const value = { kind: 'hash', fields: [expiring] } as const;
  assert.throws(() => writeModel([{ ...key, value: { ...value, fields: [expiring] } }]), {
    message: 'RDB version 10 has no hash fields that expire',
  });
  assert.throws(() => writeModel([{ ...key, value: { kind: 'set', members: [] } }]), /no key/);
});
