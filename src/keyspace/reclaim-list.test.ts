/**
 * The reclaim list: large values, and emptied databases, are freed bit by bit. No page is lost, no hold
 * of a lock frees more than a slice, and a full shard has room again as long as something waits.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { CommandTester, START_MS } from '../commands/contract/test-support.js';
import { copy } from '../commands/generic/copy.js';
import { del } from '../commands/generic/del.js';
import { pexpire } from '../commands/generic/expire.js';
import { flushall } from '../commands/generic/flushall.js';
import { rename } from '../commands/generic/rename.js';
import { set } from '../commands/string/set.js';
import type { Space } from '../memory/space.js';
import { stringType } from '../values/string/type.js';
import { ExpiryCycle } from './expiry-cycle.js';
import { checkReclaimList, reclaimPending, SLICE_PAGES } from './reclaim-list.js';
import { WORD_RECLAIM_PAGES } from './shard-words.js';
import { bagType, createBag, freedBySteps } from './testing-bag.js';
import { TypeRegistry } from './types.js';

/** What one step may free beyond its budget: a value's first pages, a frame, a page of the list. */
const STEP_EXCESS_PAGES = 64 + 18;
const LARGE = 30_000;
const types = new TypeRegistry([stringType, bagType]);

let t: CommandTester;
let basePages: number;

function newTester(shards: number, shardMebibytes: number): void {
  const definitions = [copy, del, flushall, pexpire, rename, set];
  t = new CommandTester(definitions, { types, shards, shardBytes: shardMebibytes << 20 });
  basePages = used();
  freedBySteps.length = 0;
}

beforeEach(() => newTester(1, 64));

function spaces(): readonly Space[] {
  return t.keys.shards.spaces;
}

function used(): number {
  return spaces().reduce((sum, space) => sum + space.residentPages, 0);
}

function pending(): number {
  return spaces().reduce((sum, space) => sum + reclaimPending(space), 0);
}

/** What was freed by one hold of a lock, by running `change`. */
function freedBy(change: () => unknown): number {
  const before = used();
  change();
  return before - used();
}

/** Empties the lists as the background work does. Each of its holds frees a slice at most. */
function drain(): void {
  const { reclaim } = types;
  for (const space of spaces()) {
    for (let left = true; left; ) {
      const freed = freedBy(() => {
        left = reclaim.step(space, SLICE_PAGES);
      });
      assert.ok(freed <= SLICE_PAGES + STEP_EXCESS_PAGES, `${freed} pages in a hold`);
    }
  }
  assert.equal(pending(), 0);
}

function check(): void {
  t.check();
  for (const space of spaces()) {
    space.check();
    checkReclaimList(space, types);
  }
}

for (const [what, words] of [
  ['removed', ['DEL', 'k']],
  ['overwritten', ['SET', 'k', 'v']],
  ['replaced by a copy', ['COPY', 'small', 'k', 'REPLACE']],
  ['replaced by a renamed key', ['RENAME', 'small', 'k']],
  ['in a database that is emptied', ['FLUSHALL']],
] as const) {
  test(`a large value that is ${what} is freed bit by bit`, () => {
    createBag(t.keys, 'small', 1);
    createBag(t.keys, 'k', LARGE);
    const size = used() - basePages;
    assert.ok(size > 150);
    types.reclaim.reclaimed = 0;
    const freed = freedBy(() => t.run(...words));
    assert.ok(freed <= 64 + STEP_EXCESS_PAGES, `${freed} pages in the command`);
    assert.ok(pending() >= 1);
    check();
    drain();
    t.run('DEL', 'k', 'small');
    assert.equal(used(), basePages + (words[0] === 'FLUSHALL' ? 0 : 1));
    assert.ok(types.reclaim.reclaimed >= 1);
    check();
  });
}

test('a large value that expires is freed bit by bit, by the cycle', () => {
  createBag(t.keys, 'k', LARGE);
  t.run('PEXPIRE', 'k', 10);
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  let steps = 0;
  for (let next = 1; next > 0; steps++) next = cycle.step(START_MS + 20, 0.0001);
  assert.ok(steps >= 1);
  assert.equal(pending(), 0);
  assert.ok(freedBySteps.every((freed) => freed <= SLICE_PAGES + STEP_EXCESS_PAGES));
  check();
});

for (const elements of [3000, 9000, 12_000, LARGE, 100_000]) {
  test(`the cycle frees an emptied database with a value of ${elements} elements to its last page`, () => {
    createBag(t.keys, 'k', elements);
    t.run('FLUSHALL');
    const cycle = new ExpiryCycle(t.keys, 0, 1);
    for (let next = 1; next > 0; ) next = cycle.step(START_MS, 0.0001);
    assert.equal(used(), basePages);
    check();
  });
}

test('a database of ten thousand values, large and small, is emptied in one short hold', () => {
  for (let i = 0; i < 4000; i++) createBag(t.keys, `bag ${i}`, i % 400 === 0 ? LARGE / 3 : 3);
  for (let i = 0; i < 6000; i++)
    t.run('SET', `string ${i}`, 'v'.repeat(i % 1000 === 0 ? 9000 : 20));
  const freed = freedBy(() => t.run('FLUSHALL'));
  assert.ok(freed <= 64 + STEP_EXCESS_PAGES, `${freed} pages in the command`);
  assert.ok(pending() > 9000 && pending() <= 10_000, `${pending()} wait`);
  t.run('SET', 'string 1', 'new');
  check();
  drain();
  check();
  t.run('DEL', 'string 1');
  assert.equal(used() - basePages, 1);
});

test('what waits makes room for what comes', () => {
  const fill = () => {
    for (let i = 0; ; i++) if (!createBag(t.keys, `bag ${i}`, LARGE)) return i;
  };
  newTester(1, 16);
  const stored = fill();
  assert.ok(stored >= 5);
  for (let i = 0; i < stored; i++) t.run('DEL', `bag ${i}`);
  assert.ok(pending() >= stored - 1);
  check();
  // The shard is full of what waits: each of these frees some of it.
  assert.ok(fill() >= stored - 1);
  check();
  t.run('FLUSHALL');
  drain();
  assert.equal(used(), basePages);
});

test('a value that finds no place in the list is freed at once', () => {
  createBag(t.keys, 'k', LARGE);
  const { words } = spaces()[0]!;
  words[WORD_RECLAIM_PAGES] = 256;
  t.run('DEL', 'k');
  assert.equal(pending(), 0);
  words[WORD_RECLAIM_PAGES] = 0;
  check();
  assert.equal(used(), basePages + 1);
});

test('a shard is full only when nothing waits to be freed', () => {
  newTester(1, 8);
  let count = 0;
  while (createBag(t.keys, `bag ${count}`, LARGE)) count++;
  assert.ok(count >= 1);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < count; i++) t.run('DEL', `bag ${i}`);
    assert.ok(pending() > 0);
    const before = pending();
    assert.equal(t.run('SET', 'large', 'v'.repeat(6_000_000)), '+OK');
    assert.ok(pending() < before, 'some were freed for it');
    assert.match(String(t.run('SET', 'larger', 'v'.repeat(7_900_000))), /^-OOM/);
    assert.equal(pending(), 0, 'nothing waits when a shard answers so');
    check();
    t.run('DEL', 'large');
    for (let i = 0; i < count; i++) assert.ok(createBag(t.keys, `bag ${i}`, LARGE));
    t.run('COPY', 'bag 0', 'another');
    check();
  }
});

test('whatever happens in whatever order, no page is lost', () => {
  const operation = fc.tuple(
    fc.constantFrom('create', 'create', 'create', 'del', 'copy', 'rename', 'flush', 'step', 'set'),
    fc.nat(5),
    fc.nat(5),
    fc.constantFrom(1, 300, 12_000, LARGE),
  );
  fc.assert(
    fc.property(fc.array(operation, { minLength: 20, maxLength: 60 }), (operations) => {
      newTester(2, 6);
      for (const [name, a, b, size] of operations) {
        if (name === 'create') createBag(t.keys, `bag ${a}`, size);
        else if (name === 'del') t.run('DEL', `bag ${a}`);
        else if (name === 'copy') t.run('COPY', `bag ${a}`, `bag ${b}`, 'REPLACE');
        else if (name === 'rename') t.run('RENAME', `bag ${a}`, `bag ${b}`);
        else if (name === 'flush' && b === 0) t.run('FLUSHALL');
        else if (name === 'set') t.run('SET', `bag ${a}`, 'v'.repeat(size * 20));
        else for (const space of spaces()) types.reclaim.step(space, size % 97);
      }
      check();
      t.run('FLUSHALL');
      drain();
      check();
      assert.equal(used(), basePages);
    }),
    { numRuns: 12 },
  );
});
