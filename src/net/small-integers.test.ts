/**
 * Offsets stay small integers on their way through the parser and the input. A double that gets into a
 * field once (a number that was parsed, -0) makes the field one of doubles for good: from then on every
 * offset that is read from it, and whatever is reckoned from that, is a double too.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { Region } from '../base/region.js';
import { INCOMPLETE, RequestParser } from '../protocol/parser.js';
import { command, newFrontend, SLOT } from './testing.js';

setFlagsFromString('--allow-natives-syntax');
const isSmall = new Function('value', 'return %IsSmi(value)') as (value: number) => boolean;

const LONG = 'v'.repeat(1000);
const LONG_REQUEST = command('MSET', ...Array.from({ length: 20 }, () => LONG));

test('of a parser that reads lengths of several digits', () => {
  const parser = new RequestParser();
  const region = new Region(new SharedArrayBuffer(32 * 1024), 0);
  region.bytes.set(Buffer.from(LONG_REQUEST));
  for (let end = 1; end < LONG_REQUEST.length; end += 700) {
    assert.equal(parser.parse(region, parser.position, end), INCOMPLETE);
    assert.ok(isSmall(parser.position), 'position');
    assert.ok(isSmall(parser.start), 'start');
    assert.ok(isSmall(parser.missing), 'missing');
  }
});

test('of a command that begins at the start of a receive buffer and is cut', () => {
  const { frontend, receive } = newFrontend();
  receive(LONG_REQUEST.slice(0, 1500));
  const { partial } = frontend.connections.get(SLOT)!;
  assert.ok(isSmall(partial!.parser.position), 'position');
  assert.ok(isSmall(partial!.parser.start), 'start');
  assert.ok(isSmall(partial!.used), 'used');
});
