/** Positions, distances and searches against their definitions; redis-server is in test/. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { distanceBetween, EARTH_RADIUS_METERS } from './distance.js';
import { formatCoordinate, formatDistance, invalidPairText } from './format.js';
import {
  decodeScore,
  encodeScore,
  geohashText,
  isPosition,
  LATITUDE_MAX,
  LONGITUDE_MAX,
  Position,
} from './geohash.js';
import { GeoSearch, Match, Shape } from './search.js';
import { arcSine, cosine, sine } from './trigonometry.js';

const BITS = 200n;
const ONE = 1n << BITS;

/** sin x with 200 bits, by its series. */
function slowSine(x: number): bigint {
  const value = BigInt(x * 2 ** 140) << (BITS - 140n);
  let term = value;
  let sum = 0n;
  for (let n = 1n; term !== 0n; n += 2n) {
    sum += term;
    term = (-((term * value) >> BITS) * value) >> BITS;
    term /= (n + 1n) * (n + 2n);
  }
  return sum;
}

/** How far a double is from an exact value, in units of its last place. */
function errorOf(x: number, exact: bigint): number {
  const ulp = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 52);
  const difference = Number(BigInt(x * 2 ** 120) * 2n ** (BITS - 120n) - exact) / Number(ONE);
  return Math.abs(difference) / ulp;
}

const longitudes = fc.double({ min: -LONGITUDE_MAX, max: LONGITUDE_MAX, noNaN: true });
const latitudes = fc.double({ min: -LATITUDE_MAX, max: LATITUDE_MAX, noNaN: true });

function shapeOf(fields: Partial<Shape>): Shape {
  return Object.assign(new Shape(), fields);
}

describe('positions', () => {
  test('a score decodes to a position within half a cell', () => {
    const position = new Position();
    fc.assert(
      fc.property(longitudes, latitudes, (longitude, latitude) => {
        // The edge, and what rounding takes for it, has a test of its own.
        fc.pre(longitude < LONGITUDE_MAX - 1e-9 && latitude < LATITUDE_MAX - 1e-9);
        const score = encodeScore(longitude, latitude);
        assert.ok(Number.isInteger(score) && score >= 0);
        decodeScore(position, score);
        assert.ok(Math.abs(position.longitude - longitude) <= 180 / 2 ** 26 + 1e-12);
        assert.ok(Math.abs(position.latitude - latitude) <= LATITUDE_MAX / 2 ** 26 + 1e-12);
        // The middle of a cell is in that cell, so that stored positions do not wander.
        assert.equal(encodeScore(position.longitude, position.latitude), score);
      }),
      { numRuns: 2000 },
    );
  });

  test('the upper edges lie above the 52 bits', () => {
    assert.equal(encodeScore(-LONGITUDE_MAX, -LATITUDE_MAX), 0);
    assert.equal(encodeScore(-LONGITUDE_MAX, LATITUDE_MAX), 2 ** 52);
    assert.equal(encodeScore(LONGITUDE_MAX, -LATITUDE_MAX), 2 ** 53);
    assert.ok(isPosition(LONGITUDE_MAX, LATITUDE_MAX));
    assert.ok(!isPosition(LONGITUDE_MAX, LATITUDE_MAX + 1e-9));
    assert.ok(!isPosition(Number.NaN, 0));
  });

  test('any score is a position in range', () => {
    const position = new Position();
    const scores = [0, -0, -1, -1.5, 2 ** 52, 2 ** 53, 1e300, -1e300, Infinity, -Infinity, 0.5];
    for (const score of scores) {
      decodeScore(position, score);
      assert.ok(isPosition(position.longitude, position.latitude), String(score));
    }
  });

  test('the geohash is the standard one', () => {
    const position = new Position();
    decodeScore(position, encodeScore(13.361389, 38.115556));
    assert.equal(geohashText(position), 'sqc8b49rny0');
    decodeScore(position, encodeScore(15.087269, 37.502669));
    assert.equal(geohashText(position), 'sqdtr74hyu0');
  });
});

describe('distances', () => {
  test('sine, cosine and arc sine are off by hardly more than rounding', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: Math.PI, noNaN: true }), (x) => {
        assert.ok(errorOf(sine(x), slowSine(x)) < 0.501, `sine(${x})`);
        assert.equal(sine(-x), -sine(x));
        const angle = x / 2;
        const arc = arcSine(sine(angle));
        assert.ok(Math.abs(arc - angle) < 4e-16 / Math.max(Math.abs(Math.cos(angle)), 1e-8));
        // cos² = 1 - sin²
        const square = ONE - ((slowSine(x) * slowSine(x)) >> BITS);
        const mine = BigInt(cosine(x) * 2 ** 120) * 2n ** (BITS - 120n);
        const difference = Number(((mine * mine) >> BITS) - square) / Number(ONE);
        // Relative to the square, twice what rounding does to the cosine, and more near pi / 2.
        const bound = Math.abs(x) <= 1.5 ? 1.01 : 2;
        assert.ok(Math.abs(difference) < bound * 2 ** -52 * cosine(x) ** 2 + 1e-36, `cosine(${x})`);
      }),
      { numRuns: 500 },
    );
  });

  test('sine between the end of its table and pi is off by hardly more than rounding', () => {
    // Near 3 the cosine of what is left to pi is 0.99: there, Math.PI's own error counts less.
    for (let i = 0; i < 20_000; i++) {
      const x = 3 + ((Math.PI - 3) * i) / 20_000;
      assert.ok(errorOf(sine(x), slowSine(x)) < 0.501, `sine(${x})`);
    }
  });

  test('arc sine is exact at its borders, and what is out of range is left to JavaScript', () => {
    assert.equal(arcSine(0), 0);
    assert.equal(arcSine(1), Math.PI / 2);
    assert.ok(Number.isNaN(arcSine(1.5)));
    assert.equal(sine(100), Math.sin(100));
    assert.equal(cosine(-1e9), Math.cos(1e9));
    assert.ok(Number.isNaN(cosine(Number.NaN)));
  });

  test('known distances', () => {
    assert.equal(distanceBetween(1, 2, 1, 2), 0);
    assert.equal(distanceBetween(0, 0, 180, 0), Math.PI * EARTH_RADIUS_METERS);
    assert.equal(distanceBetween(10, 20, 30, 40), distanceBetween(30, 40, 10, 20));
  });

  test('numbers are printed as printf does, ties to even', () => {
    assert.equal(formatDistance(0.03125), '0.0312');
    assert.equal(formatDistance(0.09375), '0.0938');
    assert.equal(formatDistance(166274.15156960039), '166274.1516');
    assert.equal(formatDistance(0), '0.0000');
    assert.equal(formatCoordinate(-0), '0');
    assert.equal(formatCoordinate(13.5), '13.5');
    assert.equal(formatCoordinate(100), '100');
    assert.equal(formatCoordinate(Number('13.36138933897018433')), '13.36138933897018433');
    assert.equal(formatCoordinate(2 ** -18), '0.00000381469726562');
    assert.equal(formatCoordinate(3 * 2 ** -18), '0.00001144409179688');
    assert.equal(invalidPairText(200, -Infinity).slice(-15), '200.000000,-inf');
    assert.match(invalidPairText(1e22, 0), / 10000000000000000000000\.000000,0\.000000$/);
  });
});

describe('searches', () => {
  test('the quick test rejects only what the exact one rejects', () => {
    const search = new GeoSearch();
    const match = new Match();
    const position = new Position();
    fc.assert(
      fc.property(longitudes, latitudes, longitudes, latitudes, (x, y, toX, toY) => {
        const score = encodeScore(toX, toY);
        decodeScore(position, score);
        const exact = distanceBetween(x, y, position.longitude, position.latitude);
        search.begin(shapeOf({ longitude: x, latitude: y, radius: exact }));
        assert.ok(search.match(match, score));
        assert.equal(match.distanceMeters, exact);
        if (exact > 1) {
          search.begin(shapeOf({ longitude: x, latitude: y, radius: exact * (1 - 1e-15) }));
          assert.ok(!search.match(match, score));
        }
        const { longitude, latitude } = position;
        const width = 2 * distanceBetween(longitude, latitude, x, latitude);
        const height = 2 * distanceBetween(longitude, latitude, longitude, y);
        search.begin(shapeOf({ longitude: x, latitude: y, isBox: true, width, height }));
        assert.ok(search.match(match, score));
      }),
      { numRuns: 1000 },
    );
  });

  test('the ranges have what matches, away from poles and date line', () => {
    const search = new GeoSearch();
    const match = new Match();
    const inland = fc.tuple(
      fc.double({ min: -90, max: 90, noNaN: true }),
      fc.double({ min: -50, max: 50, noNaN: true }),
    );
    const near = fc.double({ min: -5, max: 5, noNaN: true });
    const lengths = fc.double({ min: 1, max: 500, noNaN: true });
    fc.assert(
      fc.property(inland, near, near, lengths, fc.boolean(), ([x, y], dx, dy, length, isBox) => {
        const shape = shapeOf({ longitude: x, latitude: y, isBox, unitMeters: 1000 });
        Object.assign(shape, { radius: length, width: length, height: length / 2 });
        search.begin(shape);
        assert.ok(search.count >= 1 && search.count <= 9);
        const score = encodeScore(x + dx, y + dy);
        if (!search.match(match, score)) return;
        const found = Array.from({ length: search.count }, (_, i) => i).filter(
          (i) => score >= search.minimum[i]! && score < search.maximum[i]!,
        );
        assert.equal(found.length, 1);
      }),
      { numRuns: 2000 },
    );
  });

  test('a radius of nothing, or of more than the world, has ranges', () => {
    const search = new GeoSearch();
    search.begin(shapeOf({ longitude: 10, latitude: 10, radius: 0 }));
    assert.ok(search.count >= 1);
    for (const radius of [2.2e7, 1e300, Infinity]) {
      search.begin(shapeOf({ longitude: 10, latitude: 10, radius }));
      assert.ok(search.count >= 4);
    }
  });
});
