import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyValue, encodeBatch, keyName, patchDigits, shortKeys, valueText } from './workload.js';

test('a patched batch is the command for that key and value', () => {
  const keys = shortKeys(1000);
  const batch = encodeBatch(['get', 'set', 'incr'], keys, 20);
  batch.digitOffsets.forEach((offset, i) => {
    patchDigits(batch.bytes, offset, keys.digits, 100 + i);
  });
  copyValue(batch.bytes, batch.valueOffsets[1]!, 101, 20);
  assert.equal(
    Buffer.from(batch.bytes).toString('latin1'),
    `*2\r\n$3\r\nGET\r\n$11\r\n${keyName(keys, 100)}\r\n` +
      `*3\r\n$3\r\nSET\r\n$11\r\n${keyName(keys, 101)}\r\n$20\r\n${valueText(101, 20)}\r\n` +
      `*2\r\n$4\r\nINCR\r\n$11\r\nk0000000102\r\n`,
  );
});

test('MSET of ten has ten keys and ten values', () => {
  const batch = encodeBatch(['mset10'], shortKeys(10), 8);
  assert.equal(batch.digitOffsets.length, 10);
  assert.ok(batch.valueOffsets.every((offset) => offset > 0));
  assert.ok(Buffer.from(batch.bytes).toString('latin1').startsWith('*21\r\n$4\r\nMSET\r\n'));
});

test('values are a function of the key number and differ', () => {
  assert.equal(valueText(5, 100), valueText(5, 100));
  assert.notEqual(valueText(5, 100), valueText(6, 100));
  assert.equal(valueText(5, 65536).length, 65536);
});
