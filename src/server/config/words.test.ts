import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fromBinaryString, nameMatches, quoteWord, splitWords, toBinaryString } from './words.js';

describe('words of the configuration', () => {
  it('splits at blanks and honours quotes', () => {
    assert.deepEqual(splitWords('save  900 1\t'), ['save', '900', '1']);
    assert.deepEqual(splitWords('a "b \\"c\\" \\x41\\n" \'d e\\\'\' ""'), [
      'a',
      'b "c" A\n',
      "d e'",
      '',
    ]);
    assert.deepEqual(splitWords(''), []);
    assert.equal(splitWords('save "a'), null);
    assert.equal(splitWords('save "a"b'), null);
    assert.equal(splitWords(Array(40).fill('x').join(' '))?.length, 40);
  });

  it('quotes so that splitting gives the word back, whatever its bytes', () => {
    assert.equal(quoteWord('a"b c\\'), '"a\\"b c\\\\"');
    assert.equal(quoteWord('\n\r\t\x07\b\x00\xe9'), '"\\n\\r\\t\\a\\b\\x00\\xe9"');
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const word = Buffer.from(bytes).toString('latin1');
        const quoted = quoteWord(word);
        assert.match(quoted, /^[ -~]*$/);
        assert.deepEqual(splitWords(`${quoted} ${quoted}`), [word, word]);
      }),
    );
  });

  it('matches names in any case, and keeps text through its binary form', () => {
    assert.ok(nameMatches('MAX*', 'maxmemory'));
    assert.ok(nameMatches('h[yz]', 'hz'));
    assert.ok(!nameMatches('max?', 'maxmemory'));
    assert.equal(fromBinaryString(toBinaryString('Größe ✓')), 'Größe ✓');
  });
});
