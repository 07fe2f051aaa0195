import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noReplies, ReplyScanner } from './reply-scanner.js';

const stream = '+OK\r\n:12\r\n$5\r\nab\r\nc\r\n$-1\r\n+OK\r\n$5\r\nabcde\r\n:0\r\n';

test('replies are counted wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
      const counts = noReplies();
      const scanner = new ReplyScanner(counts, 5);
      const ends = [...cuts, stream.length].sort((a, b) => a - b);
      let from = 0;
      let whole = 0;
      for (const end of ends) {
        const chunk = new Uint8Array(Buffer.from(stream.slice(from, end), 'latin1'));
        whole += scanner.feed(chunk, chunk.length);
        from = end;
      }
      assert.equal(whole, 7);
      assert.deepEqual(counts, { simple: 2, integer: 2, bulk: 2, missing: 1 });
    }),
  );
});

test('an error reply and a value of another length throw', () => {
  const feed = (text: string): void => {
    const chunk = new Uint8Array(Buffer.from(text));
    new ReplyScanner(noReplies(), 5).feed(chunk, chunk.length);
  };
  assert.throws(() => feed('+OK\r\n-OOM command not allowed\r\n'), /OOM/);
  assert.throws(() => feed('$4\r\nabcd\r\n'), /value of 4 bytes/);
  assert.throws(() => feed('*1\r\n'), /no command here has/);
});
