import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeCommand } from '../../protocol/encode-command.js';
import { ReplicaInput } from './replica-input.js';

test('acknowledgements come in pieces of any length, with empty lines between them', () => {
  const text = Buffer.concat([
    Buffer.from('\n\n'),
    encodeCommand(['REPLCONF', 'ACK', '17']),
    Buffer.from('\n\r\n'),
    encodeCommand(['replconf', 'ack', '18', 'FACK', '3']),
  ]);
  for (let size = 1; size <= text.length; size++) {
    const input = new ReplicaInput();
    for (let at = 0; at < text.length; at += size) {
      assert.equal(input.feed(text.subarray(at, at + size)), null);
    }
    assert.equal(input.acknowledged, 18);
  }
});

test('anything else ends the link', () => {
  const wrong = [
    encodeCommand(['SET', 'a', 'b']),
    encodeCommand(['REPLCONF', 'ACK', '-1']),
    encodeCommand(['REPLCONF', 'ACK', 'x']),
    encodeCommand(['REPLCONF', 'ACK']),
    Buffer.from('PING\r\n'),
    Buffer.from('*100\r\n'),
    Buffer.from('*0\r\n'),
    Buffer.from('*3\r\n$99999\r\n'),
    Buffer.from(`*8\r\n${'$900\r\n'.padEnd(1100, 'x')}`),
  ];
  for (const bytes of wrong) {
    assert.notEqual(new ReplicaInput().feed(bytes), null, bytes.toString('latin1', 0, 40));
  }
});
