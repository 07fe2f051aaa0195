import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backlog } from './backlog.js';
import { PADDING_BYTES_MIN, padding } from './padding.js';

function readAll(backlog: Backlog, from: number): string {
  const pieces: Buffer[] = [];
  for (let at = from; at < backlog.end; ) {
    const piece = backlog.read(at, 50_000);
    assert.ok(piece.length > 0);
    pieces.push(piece);
    at += piece.length;
  }
  return Buffer.concat(pieces).toString('latin1');
}

test('what is held can be read from every offset', () => {
  const backlog = new Backlog(100_000, 1000);
  let all = '';
  for (let i = 0; i < 400; i++) {
    const bytes = String(i).repeat((i * 7) % 600);
    backlog.append(Buffer.from(bytes));
    all += bytes;
  }
  assert.equal(backlog.end, 1000 + all.length);
  for (let at = 0; at <= all.length; at += 9973) {
    assert.equal(readAll(backlog, 1000 + at), all.slice(at));
  }
});

test('what neither is to be kept nor needed is dropped', () => {
  const backlog = new Backlog(1000, 0);
  for (let i = 0; i < 20; i++) backlog.append(Buffer.alloc(64 * 1024, i));
  backlog.trim(3 * 64 * 1024);
  assert.equal(backlog.start, 3 * 64 * 1024);
  assert.equal(backlog.holds(3 * 64 * 1024 - 1), false);
  backlog.trim(Number.POSITIVE_INFINITY);
  assert.ok(backlog.end - backlog.start >= 1000);
  assert.ok(backlog.end - backlog.start <= 2 * 64 * 1024);
  assert.equal(backlog.read(backlog.end - 1, 10)[0], 19);
});

test('nobody continues from before a jump', () => {
  const backlog = new Backlog(1000, 500);
  backlog.append(Buffer.from('abc'));
  backlog.jump(600);
  assert.equal(backlog.holds(503), false);
  assert.equal(backlog.holds(600), true);
  backlog.append(Buffer.from('d'));
  assert.equal(readAll(backlog, 600), 'd');
  assert.throws(() => backlog.jump(600));
});

test('padding is whole commands of exactly so many bytes', () => {
  const check = (bytes: number) => {
    const text = padding(bytes).toString('latin1');
    assert.equal(text.length, bytes);
    const commands = /^(\*1\r\n\$4\r\nPING\r\n|\*2\r\n\$4\r\nPING\r\n\$\d+\r\n *\r\n)+$/;
    assert.match(text, commands);
    for (const [, length, spaces] of text.matchAll(/\$(\d+)\r\n( *)\r\n/g)) {
      assert.equal(spaces!.length, Number(length));
    }
  };
  for (let bytes = PADDING_BYTES_MIN; bytes < 1200; bytes++) check(bytes);
  const length = fc.integer({ min: PADDING_BYTES_MIN, max: 200_000 });
  fc.assert(fc.property(length, check), { numRuns: 100 });
  assert.throws(() => padding(PADDING_BYTES_MIN - 1), RangeError);
});
