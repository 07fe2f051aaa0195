/** Commands that are too long for the offsets of their arguments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../base/region.js';
import { COMMAND, COMMAND_BYTES_MAX, INCOMPLETE, PROTOCOL_ERROR, RequestParser } from './parser.js';

const region = new Region(new SharedArrayBuffer(4096), 0);

function put(text: string): number {
  region.bytes.set(Buffer.from(text, 'latin1'));
  return text.length;
}

/** A parser in the middle of a command of which so many bytes were read before. */
function afterBytes(bytes: number): RequestParser {
  const parser = new RequestParser();
  assert.equal(parser.parse(region, 0, put('*9\r\n$4\r\nMSET\r\n')), INCOMPLETE);
  parser.start -= bytes;
  return parser;
}

test('a command of 2 GiB in all is an error before its last argument is read', () => {
  const parser = afterBytes(COMMAND_BYTES_MAX - 1000);
  const end = put('*9\r\n$4\r\nMSET\r\n$1024\r\n');
  assert.equal(parser.parse(region, parser.position, end), PROTOCOL_ERROR);
  assert.equal(
    parser.error,
    `Protocol error: a command may have ${COMMAND_BYTES_MAX} bytes in all`,
  );
  assert.ok(parser.isTooLong);
  parser.reset();
  assert.ok(!parser.isTooLong);
});

test('arguments of 512 MiB are counted together', () => {
  let bytes = 0;
  let accepted = 0;
  for (;;) {
    const parser = afterBytes(bytes);
    const end = put('*9\r\n$4\r\nMSET\r\n$536870912\r\n');
    if (parser.parse(region, parser.position, end) === PROTOCOL_ERROR) break;
    assert.ok(parser.missing > 0x1fff_0000 && parser.missing <= 0x2000_0002);
    accepted++;
    bytes += 536_870_912;
  }
  assert.equal(accepted, 3, 'a fourth would end beyond 2 GiB');
});

test('many short arguments are as well', () => {
  const parser = afterBytes(COMMAND_BYTES_MAX);
  const end = put('*9\r\n$4\r\nMSET\r\n$1\r');
  assert.equal(parser.parse(region, parser.position, end), INCOMPLETE, 'it shows at a length');
  const whole = put('*9\r\n$4\r\nMSET\r\n$1\r\n');
  assert.equal(parser.parse(region, parser.position, whole), PROTOCOL_ERROR);
});

test('the room for very many arguments is given back', () => {
  const parser = new RequestParser();
  const text = `*500\r\n${'$0\r\n\r\n'.repeat(500)}`;
  assert.equal(parser.parse(region, 0, put(text)), COMMAND);
  parser.args.trim();
  assert.equal(parser.args.count, 0);
  assert.ok(parser.args.offset.length >= 500, 'what is needed often is kept');
  while (parser.args.offset.length < 100_000) parser.args.grow();
  parser.args.trim();
  assert.ok(parser.args.offset.length < 100);
});
