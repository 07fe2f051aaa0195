import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Reply, ReplyReader } from './reply-reader.js';

function encode(reply: Reply): string {
  if (reply === null) return '$-1\r\n';
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`;
  if (Array.isArray(reply)) return `*${reply.length}\r\n${reply.map(encode).join('')}`;
  if ('status' in reply) return `+${reply.status}\r\n`;
  return 'error' in reply ? `-${reply.error}\r\n` : '';
}

function read(pieces: readonly string[], bytesMax?: number): Reply[] {
  const replies: Reply[] = [];
  const reader = new ReplyReader((reply) => replies.push(reply), bytesMax);
  for (const piece of pieces) reader.read(Buffer.from(piece, 'latin1'));
  return replies;
}

const word = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));
const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.integer(),
    word,
    fc.constant({ status: 'OK' }),
    fc.constant({ error: 'ERR no' }),
    fc.array(tie('reply'), { maxLength: 4 }),
  ),
}));

describe('console: replies as they come', () => {
  test('wherever they are cut', () => {
    const property = fc.property(fc.array(reply), fc.integer({ min: 1, max: 30 }), (all, bytes) => {
      const text = all.map(encode).join('');
      const pieces = text.match(new RegExp(`[\\s\\S]{1,${bytes}}`, 'g')) ?? [];
      assert.deepEqual(read(pieces), all);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('a reply that is too long becomes an error, and the next one is read', () => {
    const long = ['x'.repeat(300), ['y'.repeat(20)], 3];
    const tooLong = { error: 'ERR the reply is longer than the console takes' };
    for (const bytes of [1, 7, 1000]) {
      const text = encode(long) + encode('z'.repeat(101)) + encode(['after', 1]);
      const pieces = text.match(new RegExp(`[\\s\\S]{1,${bytes}}`, 'g')) ?? [];
      assert.deepEqual(read(pieces, 100), [tooLong, tooLong, ['after', 1]]);
    }
  });

  test("a script's error may be long, and has an end", () => {
    const piece = 'x'.repeat(50_000);
    const error = `ERR ${piece.repeat(4)}`;
    assert.deepEqual(read(['-ERR ', piece, piece, piece, piece, '\r\n']), [{ error }]);
    assert.throws(() => read(['-ERR ', ...Array.from({ length: 30 }, () => piece)]), /not end/);
  });

  test('what is no reply is refused', () => {
    for (const text of ['?\r\n', '$x\r\n', ':1a\r\n', '*1\r\n'.repeat(100)]) {
      assert.throws(() => read([text]), Error, text);
    }
    assert.deepEqual(read([':9223372036854775807\r\n']), [{ integer: '9223372036854775807' }]);
  });
});
