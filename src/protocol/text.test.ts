import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { matchGlob } from './glob.js';
import { COMMAND, RequestParser } from './parser.js';
import { argumentBinary, argumentIs, argumentsBinary } from './text.js';

function regionOf(text: string): Region {
  const region = new Region(new SharedArrayBuffer((text.length + 15) & ~7), 0);
  region.bytes.set(Buffer.from(text, 'latin1'), 2);
  return region;
}

function glob(pattern: string, subject: string, ignoreCase = false): boolean {
  const [p, s] = [regionOf(pattern), regionOf(subject)];
  return matchGlob(p, 2, pattern.length, s, 2, subject.length, ignoreCase);
}

describe('arguments as words', () => {
  const region = regionOf('SET keepTTL "\xc3\xa9" \r\n');
  const parser = new RequestParser();
  assert.equal(parser.parse(region, 2, region.length), COMMAND);

  test('options are compared in any case', () => {
    assert.ok(argumentIs(parser.args, 1, 'KEEPTTL'));
    assert.ok(!argumentIs(parser.args, 1, 'KEEPTT'));
    assert.ok(!argumentIs(parser.args, 1, 'KEEPTTLX'));
    assert.ok(!argumentIs(parser.args, 0, 'GET'));
    assert.ok(!argumentIs(parser.args, 0, 'set'));
  });

  test('only letters have a case', () => {
    const brackets = new RequestParser();
    assert.equal(brackets.parse(regionOf('{a} [A]\r\n'), 2, 11), COMMAND);
    assert.ok(!argumentIs(brackets.args, 0, '[A]'));
    assert.ok(argumentIs(brackets.args, 1, '[A]'));
  });

  test('as strings', () => {
    assert.equal(argumentBinary(parser.args, 2), '\xc3\xa9');
    assert.deepEqual(argumentsBinary(parser.args, 1), ['keepTTL', '\xc3\xa9']);
  });
});

describe('globs', () => {
  const cases: [string, string, boolean][] = [
    ['', '', true],
    ['*', '', false],
    ['*', 'a', true],
    ['a*', 'a', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abbd', false],
    ['*ab*cd*', 'xxabyycdzz', true],
    ['*ab*cd', 'abcdabc', false],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['[abc', 'b', true],
    ['[^', 'x', true],
    ['[', '[', false],
    ['[]a]', 'a]', false],
    ['[\\]]', ']', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['[\x80-\xff]', '\x90', true],
    ['[a-\xff]', 'A', true],
    ['[a-\xff]', 'b', false],
  ];
  for (const [pattern, subject, matches] of cases) {
    test(`${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'} ${subject}`, () => {
      assert.equal(glob(pattern, subject), matches);
    });
  }

  test('in any case, but for escapes within a class', () => {
    assert.ok(glob('HeL*', 'hello', true));
    assert.ok(glob('[A-C]x', 'bX', true));
    assert.ok(glob('\\A', 'a', true));
    assert.ok(!glob('[\\A]', 'a', true));
  });

  test('a literal pattern with every byte escaped matches exactly its text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (text, other) => {
        const pattern = [...text].map((char) => `\\${char}`).join('');
        const bytes = Buffer.from(pattern).toString('latin1').replace(/\\/g, '\\');
        assert.ok(glob(bytes, Buffer.from(text).toString('latin1')));
        if (other !== text) assert.ok(!glob(bytes, Buffer.from(other).toString('latin1')));
      }),
    );
  });

  test('many stars do not blow up', () => {
    assert.ok(!glob(`${'*a'.repeat(2000)}b`, 'a'.repeat(20000)));
    assert.ok(!glob(`${'a*'.repeat(40)}b`, 'a'.repeat(30000)));
  });
});
