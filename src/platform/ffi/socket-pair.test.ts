import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { libc } from './libc.js';
import { localName, peerName } from './socket.js';
import { createSocketPair } from './socket-pair.js';

describe('a pair of sockets', { skip: libc === undefined }, () => {
  const longest = '[1111:2222:3333:4444:5555:6666:7777:8888]:65535';
  for (const [peer, local] of [
    ['127.0.0.1:40000', '127.0.0.1:6380'],
    [longest, '[::1]:6380'],
  ] as const) {
    test(`its inner end has the names of a connection from ${peer}`, () => {
      const { outer, inner } = createSocketPair(peer, local);
      assert.equal(peerName(inner), peer);
      assert.equal(localName(inner), local);
      libc!.close(outer);
      libc!.close(inner);
    });
  }

  test('bytes go through, and its end is seen', async () => {
    const { outer, inner } = createSocketPair('1.2.3.4:5', '1.2.3.4:6');
    const [a, b] = [new Socket({ fd: outer }), new Socket({ fd: inner })];
    a.write('hello');
    const [bytes] = (await once(b, 'data')) as [Buffer];
    assert.equal(bytes.toString(), 'hello');
    a.end();
    await once(b, 'end');
    b.destroy();
    a.destroy();
  });

  test('the same names may be there twice', () => {
    const pairs = [1, 2].map(() => createSocketPair('1.2.3.4:5', '1.2.3.4:6'));
    for (const { outer, inner } of pairs) {
      assert.equal(peerName(inner), '1.2.3.4:5');
      libc!.close(outer);
      libc!.close(inner);
    }
  });
});
