/** The RDB of a full sync: cut out of the connection's bytes, however they come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { type RdbSink, RdbTransfer, TransferError } from './transfer.js';

const MARK = `${'m'.repeat(39)}k`;
const REST = '*1\r\n$4\r\nPING\r\n';

/** An RDB that ends with the first 'Z'. */
class FakeRdb implements RdbSink {
  text = '';

  get done(): boolean {
    return this.text.endsWith('Z');
  }

  feed(bytes: Uint8Array, offset: number, length: number): number {
    const text = Buffer.from(bytes.slice(offset, offset + length)).toString('latin1');
    if (text.includes('!')) throw new Error('broken');
    const end = text.indexOf('Z');
    const taken = end < 0 ? text.length : end + 1;
    this.text += text.slice(0, taken);
    return taken;
  }
}

/** @param cuts lengths of the pieces in which it comes, again and again. @returns what is left over */
function transfer(text: string, cuts: readonly number[], sink: FakeRdb): string {
  const all = Buffer.from(text, 'latin1');
  const region = new Region(new SharedArrayBuffer((all.length + 15) & ~7), 0);
  const reader = new RdbTransfer();
  let start = 0;
  let end = 0;
  for (let i = 0; end < all.length; i++) {
    const piece = all.subarray(end, end + cuts[i % cuts.length]!);
    region.bytes.set(piece, end);
    end += piece.length;
    if (!reader.hasBegun) start += reader.readHeader(region, start, end);
    while (reader.hasBegun && !reader.done && start < end) {
      const taken = reader.read(region, start, end, sink);
      start += taken;
      if (taken === 0) break;
    }
  }
  assert.ok(reader.done, 'it is done');
  return all.subarray(start).toString('latin1');
}

const cutting = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 });

test('both forms of transfer are read in pieces of any length, with empty lines before', () => {
  fc.assert(
    fc.property(cutting, fc.nat(3), fc.boolean(), fc.nat(100), (cuts, lines, isMarked, length) => {
      const rdb = `${'r'.repeat(length)}Z`;
      const header = isMarked ? `$EOF:${MARK}` : `$${rdb.length}`;
      const sink = new FakeRdb();
      const sent = `${'\n'.repeat(lines)}${header}\r\n${rdb}${isMarked ? MARK : ''}${REST}`;
      assert.equal(transfer(sent, cuts, sink), REST);
      assert.equal(sink.text, rdb);
    }),
    { numRuns: 300 },
  );
});

test('what is no transfer ends with the reason', () => {
  const cases: [string, RegExp][] = [
    ['-ERR out of space\r\n', /it gives up: -ERR out of space/],
    ['+OK\r\n', /no RDB: \+OK/],
    ['$EOF:short\r\n', /no RDB/],
    ['$99999999999999999999\r\n', /no RDB/],
    ['$-5\r\n', /no RDB/],
    ['x'.repeat(600), /no RDB/],
    [`$10\r\nrrrZ${REST}`, /ends 6 bytes before/],
    [`$3\r\nrrrZ${REST}`, /does not end after the 3 bytes/],
    ['$0\r\n*1', /does not end after the 0 bytes/],
    [`$EOF:${MARK}\r\nrrZ${'m'.repeat(40)}`, /not followed by the mark/],
  ];
  for (const [text, why] of cases) {
    assert.throws(
      () => transfer(text, [7], new FakeRdb()),
      (error: Error) => error instanceof TransferError && why.test(error.message),
      text,
    );
  }
  assert.throws(() => transfer(`$9\r\nrrr!rrrrZ`, [4], new FakeRdb()), /broken/);
});
