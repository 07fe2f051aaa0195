/**
 * Every element is as likely as any other, whatever the form of its collection: chi-square over many
 * draws of SRANDMEMBER, SPOP, HRANDFIELD and ZRANDMEMBER, with a fixed seed.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Random } from '../../../test/support/random.js';
import { hrandfield } from '../hash/hrandfield.js';
import { hset } from '../hash/hset.js';
import { sadd } from '../set/sadd.js';
import { spop } from '../set/spop.js';
import { srandmember } from '../set/srandmember.js';
import { srem } from '../set/srem.js';
import { zadd } from '../sorted-set/zadd.js';
import { zrandmember } from '../sorted-set/zrandmember.js';
import { CommandTester } from './test-support.js';

const DEFINITIONS = [hrandfield, hset, sadd, spop, srandmember, srem, zadd, zrandmember];
const SEED = 20_240_917;
/** Draws for each element, in all. */
const DRAWS_EACH = 20;
/** A sum of n - 1 squares lies within so many standard deviations of its mean. */
const DEVIATIONS_MAX = 5;

interface Form {
  readonly title: string;
  readonly elements: readonly string[];
}

const named = (count: number): string[] => Array.from({ length: count }, (_, i) => `element${i}`);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i * 7}`);
const forms: readonly Form[] = [
  { title: 'packed', elements: named(100) },
  { title: 'integers', elements: numbers(300) },
  { title: 'nested, one frame', elements: named(700) },
  { title: 'nested, several frames', elements: named(4500) },
];

type Draw = (t: CommandTester, count: number) => readonly string[];

const one =
  (command: string): Draw =>
  (t) => [t.run(command, 'k') as string];
const several =
  (command: string, sign: 1 | -1): Draw =>
  (t, count) =>
    t.run(command, 'k', sign * count) as string[];
const popped: Draw = (t, count) => {
  const members = t.run('SPOP', 'k', count) as string[];
  t.run('SADD', 'k', ...members);
  return members;
};

/**
 * @param drawn how often each of `count` elements came, `size` different ones at a time
 * @returns chi-square's distance from its mean, in standard deviations
 */
function deviation(drawn: readonly number[], size: number): number {
  const count = drawn.length;
  const expected = drawn.reduce((sum, each) => sum + each, 0) / count;
  const sum = drawn.reduce((total, each) => total + (each - expected) ** 2 / expected, 0);
  // Elements that are drawn together cannot be the same: their numbers vary less.
  const freedom = count - 1;
  const corrected = (sum * freedom) / (count - size);
  return (corrected - freedom) / Math.sqrt(2 * freedom);
}

function check(form: Form, fill: (t: CommandTester) => void, draw: Draw, share: number): void {
  const { elements } = form;
  const t = new CommandTester(DEFINITIONS, { shards: 1, databases: 1 });
  fill(t);
  const counts = new Map(elements.map((element) => [element, 0]));
  const wanted = Math.max(1, Math.floor(elements.length * share));
  let drawn = 0;
  let size = 1;
  while (drawn < elements.length * DRAWS_EACH) {
    const got = draw(t, wanted);
    for (const element of got) counts.set(element, counts.get(element)! + 1);
    drawn += got.length;
    if (new Set(got).size === got.length) size = got.length;
  }
  const away = deviation([...counts.values()], size);
  assert.ok(Math.abs(away) < DEVIATIONS_MAX, `${form.title}: ${away.toFixed(1)} deviations away`);
}

describe('random choice', () => {
  const original = Math.random;
  beforeEach(() => {
    const random = new Random(SEED);
    // Not a mock: one remembers millions of calls.
    Math.random = () => random.next() / 2 ** 32;
  });
  afterEach(() => {
    Math.random = original;
  });

  for (const form of forms) {
    const { elements, title } = form;
    const fillSet = (t: CommandTester): void => void t.run('SADD', 'k', ...elements);
    const fillHash = (t: CommandTester): void =>
      void t.run('HSET', 'k', ...elements.flatMap((element) => [element, 'v']));
    const fillSortedSet = (t: CommandTester): void =>
      void t.run('ZADD', 'k', ...elements.flatMap((element, i) => [`${i % 50}`, element]));

    test(`SRANDMEMBER, ${title}`, () => {
      check(form, fillSet, one('SRANDMEMBER'), 0);
      check(form, fillSet, several('SRANDMEMBER', 1), 0.1);
      check(form, fillSet, several('SRANDMEMBER', 1), 0.6);
      check(form, fillSet, several('SRANDMEMBER', -1), 1);
    });
    test(`SPOP, ${title}`, () => {
      check(form, fillSet, popped, 0.1);
      check(form, fillSet, popped, 0.6);
    });
    test(`HRANDFIELD, ${title}`, () => {
      check(form, fillHash, one('HRANDFIELD'), 0);
      check(form, fillHash, several('HRANDFIELD', 1), 0.1);
      check(form, fillHash, several('HRANDFIELD', 1), 0.6);
      check(form, fillHash, several('HRANDFIELD', -1), 1);
    });
    test(`ZRANDMEMBER, ${title}`, () => {
      check(form, fillSortedSet, one('ZRANDMEMBER'), 0);
      check(form, fillSortedSet, several('ZRANDMEMBER', 1), 0.1);
      check(form, fillSortedSet, several('ZRANDMEMBER', 1), 0.6);
      check(form, fillSortedSet, several('ZRANDMEMBER', -1), 1);
    });
  }

  test('SRANDMEMBER, of what is left when most members of a large set have gone', () => {
    const form = { title: 'sparse', elements: named(2400) };
    const gone = Array.from({ length: 5600 }, (_, i) => `gone${i}`);
    const fill = (t: CommandTester): void => {
      t.run('SADD', 'k', ...gone, ...form.elements);
      t.run('SREM', 'k', ...gone);
    };
    check(form, fill, several('SRANDMEMBER', -1), 1);
  });
});
