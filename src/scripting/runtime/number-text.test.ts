/** Numbers and text: what C's strtod and printf do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  exactDigits,
  formatGeneral,
  numberToText,
  parseNumber,
  roundDigits,
} from './number-text.js';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

describe('numbers', () => {
  it('come back from seventeen digits', () => {
    fc.assert(
      fc.property(finite, (x) => {
        assert.ok(Object.is(parseNumber(formatGeneral(x, 17)), x));
      }),
    );
  });

  it('are read as decimal or hexadecimal, with blanks around', () => {
    fc.assert(
      fc.property(finite, (x) => {
        // JavaScript prints -0 without its sign.
        assert.equal(parseNumber(` \t${x.toExponential()}\n`), x + 0);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), (x) => {
        assert.equal(parseNumber(`0x${x.toString(16)}`), Number(x));
      }),
    );
  });

  it('are rounded to even where they lie in the middle', () => {
    assert.equal(formatGeneral(12345678901234.5, 14), '12345678901234');
    assert.equal(formatGeneral(12345678901235.5, 14), '12345678901236');
    assert.equal(formatGeneral(0.5, 14), '0.5');
    assert.equal(numberToText(1e15), '1e+15');
    assert.equal(numberToText(123456789012345), '1.2345678901234e+14');
    assert.equal(numberToText(-0), '-0');
  });

  it('have exact digits', () => {
    const tenth = exactDigits(0.1);
    assert.equal(tenth.digits, '10000000000000000555111512312578270211815834045410156250');
    assert.equal(tenth.point, 0);
    assert.deepEqual(roundDigits(exactDigits(9.5), 1), { digits: '1', point: 2 });
    assert.deepEqual(roundDigits(exactDigits(8.5), 1), { digits: '8', point: 1 });
  });

  it('are hexadecimal with fraction and exponent, rounded once', () => {
    assert.equal(parseNumber('0x.8p1'), 1);
    assert.equal(parseNumber('0x1.fffffffffffff8p0'), 2);
    assert.equal(parseNumber('0x1p-1074'), 5e-324);
    assert.equal(parseNumber('0x1p-1075'), 0);
    assert.equal(parseNumber('0x1.8p-1075'), 5e-324);
    assert.equal(parseNumber('0x1p99999999999'), Number.POSITIVE_INFINITY);
    assert.equal(parseNumber('0x'), undefined);
  });
});
