/** What is written is read equal, whatever it is: properties over files, payloads and their parts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Crc64 } from './crc64.js';
import { DUMP_BAD_DATA, DUMP_READ, DUMP_WRONG_FOOTER } from './dump.js';
import { newRegion } from './input.js';
import { decompressLzf, LzfCompressor, LzfJob } from './lzf.js';
import { ListpackCursor } from './packed/listpack.js';
import { canonical, canonicalValue, type ModelKey, readDump, readModel } from './testing.js';
import { listpackOf } from './testing-files.js';
import { expiring, key, largeText, value } from './testing-values.js';
import { dumpValue, writeModel } from './testing-write.js';

describe('round trips', () => {
  test('files of versions 10 to 12, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 8 }),
        fc.constantFrom(10, 11, 12),
        fc.boolean(),
        fc.integer({ min: 1, max: 5000 }),
        (keys, version, compression, piece) => {
          const all =
            version < 12 ? keys : keys.map((one) => ({ ...one, value: expiring(one.value) }));
          const file = new Uint8Array(writeModel(all, { version, compression }));
          const model = readModel(file, piece);
          assert.deepEqual(canonical(model.keys), canonical(all));
          const attributes = (list: readonly ModelKey[]): string[] =>
            list
              .map((one) => `${one.database} ${one.name} ${one.idleSeconds} ${one.frequency}`)
              .sort();
          assert.deepEqual(attributes(model.keys), attributes(all));
          assert.ok(model.slotsMax <= 4096);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('what a file says of its server', () => {
    assert.deepEqual(Object.fromEntries(readModel(new Uint8Array(writeModel([]))).settings), {
      'redis-ver': '7.0.15',
      'redis-bits': '64',
      ctime: '1700000000',
      'used-mem': '5000000000',
      'repl-stream-db': '3',
      'repl-id': '0123456789abcdef0123456789abcdef01234567',
      'repl-offset': '4294967296',
      'aof-base': '0',
    });
  });

  test('payloads of DUMP', () => {
    fc.assert(
      fc.property(value, fc.constantFrom(10, 12), (one, version) => {
        const written = version === 12 ? expiring(one) : one;
        const { outcome, value: read, error } = readDump(dumpValue(written, { version }));
        assert.equal(error, '');
        assert.equal(outcome, DUMP_READ);
        assert.equal(canonicalValue(read!), canonicalValue(written));
      }),
      { numRuns: 150 },
    );
  });

  test('a payload with another version or checksum is told from one with bad data', () => {
    const good = dumpValue({ kind: 'list', elements: ['a', 'b'] });
    assert.equal(readDump(good).outcome, DUMP_READ);
    for (let i = 0; i < good.length; i++) {
      const byte = String.fromCharCode(good.charCodeAt(i) ^ 64);
      const bad = good.slice(0, i) + byte + good.slice(i + 1);
      assert.equal(readDump(bad).outcome, DUMP_WRONG_FOOTER, `byte ${i}`);
      assert.equal(readDump(good.slice(0, i)).outcome, DUMP_WRONG_FOOTER, `${i} bytes`);
    }
    for (const body of [
      '',
      '\x00',
      '\x01\x00',
      '\x02\x02\x01a',
      '\xff',
      '\x1a\x00',
      '\x03\x01\x01a\xfd',
    ]) {
      const { outcome, error } = readDump(sealed(body, 10));
      assert.equal(outcome, DUMP_BAD_DATA, JSON.stringify(body));
      assert.match(error, /, at offset \d+$/);
    }
    assert.equal(readDump(sealed('\x00\x01a', 12)).outcome, DUMP_READ);
    assert.equal(readDump(sealed('\x00\x01a', 80)).outcome, DUMP_READ);
    for (const version of [13, 79, 81, 65535]) {
      assert.equal(readDump(sealed('\x00\x01a', version)).outcome, DUMP_WRONG_FOOTER);
    }
  });
});

/** A payload whose version and checksum are right, whatever its body. */
function sealed(body: string, version: number): string {
  const all = `${body}${String.fromCharCode(version & 255, version >>> 8)}`;
  const region = newRegion(all.length + 8);
  for (let i = 0; i < all.length; i++) region.bytes[i] = all.charCodeAt(i);
  const crc = new Crc64();
  crc.update(region, 0, all.length);
  crc.store(region, all.length);
  return Buffer.from(region.bytes.slice(0, all.length + 8)).toString('latin1');
}

describe('crc64', () => {
  const region = newRegion(4096);
  const crc = new Crc64();

  test('is that of Jones', () => {
    Buffer.from('123456789').forEach((byte, i) => {
      region.bytes[i] = byte;
    });
    crc.reset();
    crc.update(region, 0, 9);
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    assert.equal(hex(crc.high) + hex(crc.low), 'e9c6d914c4b8d9ca');
  });

  test('is the same in one piece and in several', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(9), (bytes, cut, at) => {
        const where = Math.min(cut, bytes.length);
        region.bytes.set(bytes, at);
        crc.reset();
        crc.update(region, at, bytes.length);
        const { low, high } = crc;
        crc.reset();
        crc.update(region, at, where);
        crc.update(region, at + where, bytes.length - where);
        assert.deepEqual([crc.low, crc.high], [low, high]);
        crc.store(region, 2000);
        assert.ok(crc.matches(region, 2000));
      }),
    );
  });
});

describe('lzf', () => {
  const compressor = new LzfCompressor();
  const job = new LzfJob();
  const from = newRegion(70_000);
  const packed = newRegion(80_000);
  const to = newRegion(70_000);

  function compress(bytes: Uint8Array, limit: number): number {
    from.bytes.set(bytes, 3);
    Object.assign(job, { from, fromOffset: 3, fromLength: bytes.length });
    Object.assign(job, { to: packed, toOffset: 5, toLength: limit });
    return compressor.compress(job);
  }

  function decompress(length: number, expected: number): boolean {
    Object.assign(job, { from: packed, fromOffset: 5, fromLength: length });
    Object.assign(job, { to, toOffset: 7, toLength: expected });
    return decompressLzf(job);
  }

  test('gives back what was compressed, and keeps to its limit', () => {
    const word = fc.uint8Array({ minLength: 1, maxLength: 12 });
    const bytes = fc
      .array(fc.tuple(word, fc.nat(300)), { maxLength: 8 })
      .map((runs) =>
        runs.flatMap(([one, times]) => new Array<number[]>(times).fill([...one]).flat()),
      );
    fc.assert(
      fc.property(bytes, fc.nat(100), (list, less) => {
        const input = Uint8Array.from(list);
        const limit = Math.max(0, input.length + Math.ceil(input.length / 32) - less);
        packed.bytes.fill(170, 5 + limit, 5 + limit + 400);
        const length = compress(input, limit);
        assert.ok(packed.bytes.subarray(5 + limit, 5 + limit + 400).every((byte) => byte === 170));
        if (length === 0) return;
        assert.ok(length <= limit);
        assert.ok(decompress(length, input.length));
        assert.deepEqual(Uint8Array.from(to.bytes.subarray(7, 7 + input.length)), input);
        assert.ok(!decompress(length, input.length + 1), 'a length too large');
        if (input.length > 0) assert.ok(!decompress(length, input.length - 1), 'one too small');
      }),
      { numRuns: 300 },
    );
  });

  test('compresses a run of 64 KiB to less than 1 KiB', () => {
    assert.ok(compress(new Uint8Array(65536).fill(120), 65532) < 1024);
  });

  test('touches nothing outside its place, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(600), (bytes, expected) => {
        packed.bytes.set(bytes, 5);
        to.bytes.fill(99);
        decompress(bytes.length, expected);
        assert.equal(to.bytes[6], 99);
        assert.ok(to.bytes.subarray(7 + expected, 7 + expected + 600).every((byte) => byte === 99));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('listpack', () => {
  test('gives back what was added, integers in their shortest form', () => {
    const cursor = new ListpackCursor();
    fc.assert(
      fc.property(fc.array(largeText, { maxLength: 100 }), (items) => {
        const bytes = Buffer.from(listpackOf(items), 'latin1');
        const region = newRegion(bytes.length + 16);
        region.bytes.set(Uint8Array.from(bytes), 9);
        cursor.open(region, 9, bytes.length);
        const read: string[] = [];
        while (cursor.next()) {
          cursor.text();
          const end = cursor.offset + cursor.length;
          read.push(Buffer.from(cursor.region.bytes.slice(cursor.offset, end)).toString('latin1'));
        }
        assert.deepEqual(read, items);
      }),
    );
    assert.equal(listpackOf(['127']).length, 6 + 2 + 1);
    assert.equal(listpackOf(['-4096']).length, 6 + 3 + 1);
    assert.equal(listpackOf(['9223372036854775807']).length, 6 + 10 + 1);
    assert.equal(listpackOf(['9223372036854775808']).length, 6 + 21 + 1);
  });
});
