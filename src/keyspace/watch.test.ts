import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { Space } from '../memory/space.js';
import { WORD_WATCHED } from './shard-words.js';
import { touchAllWatched, touchWatched, unwatch, watch, watchedVersion } from './watch.js';

function newSpace(): Space {
  const region = new Region(new SharedArrayBuffer(4 << 20), 0);
  Space.format(region, 1, 2);
  return new Space(region, new Int32Array(new SharedArrayBuffer(8)), 0);
}

type Step =
  | { readonly kind: 'watch'; readonly key: number; readonly exists: boolean }
  | { readonly kind: 'unwatch'; readonly key: number }
  | { readonly kind: 'touch'; readonly key: number; readonly exists: boolean }
  | { readonly kind: 'clear'; readonly database: number; readonly filled: boolean };

const KEYS = 200;
/** Few distinct first words, so that probe runs collide and gaps must be closed. */
const h1Of = (key: number) => (key % 5) + 126;
const h2Of = (key: number) => key * 7919;
const databaseOf = (key: number) => key % 3;

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('watch' as const),
      key: fc.nat({ max: KEYS - 1 }),
      exists: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('unwatch' as const), key: fc.nat({ max: KEYS - 1 }) }),
    fc.record({
      kind: fc.constant('touch' as const),
      key: fc.nat({ max: KEYS - 1 }),
      exists: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('clear' as const),
      database: fc.nat({ max: 2 }),
      filled: fc.boolean(),
    }),
  ),
  { maxLength: 500 },
) as fc.Arbitrary<Step[]>;

describe('watched keys', () => {
  it('change version exactly when their key is touched', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const space = newSpace();
        const model = new Map<number, { references: number; version: number; exists: boolean }>();
        const version = (key: number) =>
          watchedVersion(space, h1Of(key), h2Of(key), databaseOf(key));
        for (const step of sequence) {
          if (step.kind === 'clear') {
            touchAllWatched(space, step.database, () => step.filled);
            for (const [key, entry] of model) {
              const hit: boolean =
                databaseOf(key) === step.database && (step.filled || entry.exists);
              assert.equal(version(key) !== entry.version, hit);
              entry.version = version(key);
              if (hit) entry.exists = step.filled;
            }
            continue;
          }
          const { key } = step;
          const [h1, h2, database] = [h1Of(key), h2Of(key), databaseOf(key)];
          const entry = model.get(key);
          if (step.kind === 'watch') {
            const given = watch(space, h1, h2, database, step.exists);
            if (entry !== undefined) {
              assert.equal(given, entry.version);
              entry.references++;
            } else {
              model.set(key, { references: 1, version: given, exists: step.exists });
            }
          } else if (step.kind === 'unwatch') {
            if (entry === undefined) continue;
            unwatch(space, h1, h2, database);
            if (--entry.references === 0) model.delete(key);
          } else {
            touchWatched(space, h1, h2, database, step.exists);
            if (entry === undefined) continue;
            const isChange = step.exists || entry.exists;
            assert.equal(version(key) !== entry.version, isChange, 'missing stays missing');
            entry.version = version(key);
            entry.exists = step.exists;
          }
        }
        assert.equal(space.region.words[WORD_WATCHED], model.size);
        for (const [key, entry] of model) assert.equal(version(key), entry.version);
      }),
      { numRuns: 200 },
    );
  });

  it('need no more memory than before once nobody watches', () => {
    const space = newSpace();
    watch(space, h1Of(0), h2Of(0), 0, true);
    unwatch(space, h1Of(0), h2Of(0), 0);
    const pages = space.residentPages;
    for (let round = 0; round < 3; round++) {
      for (let key = 0; key < KEYS; key++) watch(space, h1Of(key), h2Of(key), 0, true);
      assert.ok(space.residentPages > pages);
      for (let key = 0; key < KEYS; key++) unwatch(space, h1Of(key), h2Of(key), 0);
      assert.equal(space.region.words[WORD_WATCHED], 0);
      assert.ok(space.residentPages <= pages);
      space.check();
    }
  });
});
