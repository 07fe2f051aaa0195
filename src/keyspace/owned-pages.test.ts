/**
 * Values that own pages (values/value-type.ts), by a type made for this test: a page of numbers. No
 * page is lost and none is freed twice, whatever replaces, removes, copies or moves such a value.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { PAGE_BYTES } from '../base/limits.js';
import { copyBytes, Region } from '../base/region.js';
import { CommandTester, START_MS } from '../commands/contract/test-support.js';
import { copy } from '../commands/generic/copy.js';
import { del } from '../commands/generic/del.js';
import { pexpire } from '../commands/generic/expire.js';
import { flushall } from '../commands/generic/flushall.js';
import { move } from '../commands/generic/move.js';
import { object, objectEncoding } from '../commands/generic/object.js';
import { rename } from '../commands/generic/rename.js';
import { type } from '../commands/generic/type.js';
import { get } from '../commands/string/get.js';
import { mset } from '../commands/string/mset.js';
import { set } from '../commands/string/set.js';
import type { Space } from '../memory/space.js';
import { stringType } from '../values/string/type.js';
import type { StoredValue, ValueType } from '../values/value-type.js';
import { ExpiryCycle } from './expiry-cycle.js';
import { TypeRegistry } from './types.js';

const KIND = 5 | (1 << 3);
const ROOT_BYTES = 8;
const EVENT = { name: 'paged', index: 0, bit: 0 };

/** Every page in use, as the region it lies in and its offset. */
let inUse: { space: Space; page: number }[] = [];
let copiesAllowed = Number.POSITIVE_INFINITY;
const root = new Region(new SharedArrayBuffer(ROOT_BYTES), 0);

function takePage(space: Space, content: number): number {
  const page = space.allocate(1);
  space.commit(1);
  space.words[page >> 2] = content;
  inUse.push({ space, page });
  return page;
}

function pageOf({ region, valueOffset, valueLength }: StoredValue): number {
  assert.equal(valueLength, ROOT_BYTES);
  return region.view.getUint32(valueOffset, true);
}

const pagedType: ValueType = {
  ...stringType,
  name: 'paged',
  number: KIND & 7,
  kinds: [KIND],
  owningKinds: [KIND],
  verifiedKinds: [KIND],
  encoding: () => 'pages',
  effects(value, effects) {
    const content = value.space.words[pageOf(value) >> 2]!;
    effects.begin('PAGED').word(`${content}`).end();
  },
  copy(value, space, copied) {
    if (copiesAllowed-- <= 0) return false;
    const page = takePage(space, 0);
    copyBytes(space.region, page, value.region, pageOf(value), PAGE_BYTES);
    root.view.setUint32(0, page, true);
    Object.assign(copied, { region: root, offset: 0, length: ROOT_BYTES });
    return true;
  },
  freeStep(value) {
    const page = pageOf(value);
    const { region } = value.space;
    const at = inUse.findIndex((one) => one.space.region === region && one.page === page);
    assert.ok(at >= 0, `page ${page} is in use`);
    inUse.splice(at, 1);
    value.space.free(page, 1);
    value.space.commit(-1);
    return true;
  },
  verify: () => false,
};

const DEFINITIONS = [copy, del, flushall, get, move, mset, object, objectEncoding, pexpire, rename];
let t: CommandTester;
let basePages: number[];

beforeEach(() => {
  inUse = [];
  copiesAllowed = Number.POSITIVE_INFINITY;
  t = new CommandTester([...DEFINITIONS, set, type], {
    types: new TypeRegistry([stringType, pagedType]),
    shardBytes: 4 << 20,
  });
  basePages = t.keys.shards.spaces.map((space) => space.residentPages);
  create('k', 42);
  t.takeEffects();
});

/** Does what a command of the type would do. */
function create(name: string, content: number): void {
  const { keys } = t;
  const region = new Region(new SharedArrayBuffer(64), 0);
  for (let i = 0; i < name.length; i++) region.bytes[i] = name.charCodeAt(i);
  keys.beginCommand(true);
  keys.seekKey(0, region, 0, name.length);
  const offset = keys.beginStore(KIND, ROOT_BYTES, 0);
  keys.region.view.setUint32(offset, takePage(keys.space, content), true);
  keys.commitValue(EVENT);
  keys.settle();
}

function contents(): number[] {
  return inUse.map(({ space, page }) => space.words[page >> 2]!);
}

/** Nothing is left anywhere, in the accounts neither. */
function assertEmpty(): void {
  assert.equal(t.run('FLUSHALL'), '+OK');
  for (const space of t.keys.shards.spaces) while (t.keys.types.reclaim.step(space, 100));
  assert.equal(inUse.length, 0);
  t.check();
  for (const [i, space] of t.keys.shards.spaces.entries()) {
    space.check();
    assert.equal(space.residentPages, basePages[i]);
  }
}

test('the registry answers for every type', () => {
  assert.equal(t.run('TYPE', 'k'), '+paged');
  assert.equal(t.run('OBJECT', 'ENCODING', 'k'), 'pages');
  assert.match(String(t.run('GET', 'k')), /WRONGTYPE/);
  assertEmpty();
});

test('a value that is overwritten or removed frees its pages', () => {
  t.run('SET', 'k', 'v');
  assert.deepEqual(contents(), []);
  create('k', 1);
  create('k', 2);
  assert.deepEqual(contents(), [2]);
  t.run('MSET', 'k', 'x'.repeat(20_000), 'l', 'v');
  assert.deepEqual(contents(), []);
  create('k', 3);
  assert.equal(t.run('DEL', 'k'), 1);
  assert.deepEqual(contents(), []);
  assertEmpty();
});

test('a value that expires frees its pages, met by a command or by the cycle', () => {
  create('l', 43);
  t.run('PEXPIRE', 'k', 10);
  t.run('PEXPIRE', 'l', 10);
  t.now += 11;
  assert.equal(t.run('TYPE', 'k'), '+none');
  assert.deepEqual(contents(), [43]);
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  while (cycle.step(START_MS + 11, 1000) > 0);
  assert.deepEqual(contents(), []);
  assertEmpty();
});

test('an expired value that is only hidden is freed when another takes its place', () => {
  t.run('PEXPIRE', 'k', 10);
  t.now += 11;
  t.keys.expiresKeys = false;
  assert.equal(t.run('TYPE', 'k'), '+none');
  assert.deepEqual(contents(), [42]);
  t.run('SET', 'k', 'v');
  assert.deepEqual(contents(), []);
  assertEmpty();
});

test('RENAME and MOVE within a shard keep the pages, to another shard they copy them', () => {
  const { page } = inUse[0]!;
  t.run('RENAME', 'k', '{k}1');
  t.run('MOVE', '{k}1', 2);
  assert.equal(inUse[0]!.page, page);
  assert.deepEqual(t.takeEffects(), [
    '0 PAGED {k}1 42',
    '0 DEL k',
    '2 PAGED {k}1 42',
    '0 DEL {k}1',
  ]);
  t.session.database = 2;
  for (let i = 0; i < 8; i++) {
    create(`to${i}`, i);
    t.run('RENAME', '{k}1', `to${i}`);
    t.run('RENAME', `to${i}`, '{k}1');
  }
  assert.deepEqual(
    contents().filter((one) => one === 42),
    [42],
  );
  assertEmpty();
});

test('COPY gives the copy pages of its own; without room nothing changes', () => {
  assert.equal(t.run('COPY', 'k', 'l'), 1);
  assert.equal(t.run('COPY', 'k', '{k}2'), 1);
  assert.deepEqual(contents(), [42, 42, 42]);
  assert.equal(
    new Set(inUse.map(({ page, space }) => `${page} ${t.keys.shards.spaces.indexOf(space)}`)).size,
    3,
  );
  copiesAllowed = 0;
  t.takeEffects();
  assert.match(String(t.run('COPY', 'k', 'm')), /^-OOM shard \d of 4 is full/);
  assert.deepEqual([t.takeEffects(), contents().length], [[], 3]);
  assertEmpty();
});

test('pages that were copied are freed when the copy finds no room', () => {
  const shards = t.keys.shards.spaces;
  for (let i = 0, refused = 0; refused < 20; i++) {
    if (t.run('SET', `fill${i}`, 'f'.repeat(300_000)) !== '+OK') refused++;
  }
  for (let i = 0, refused = 0; refused < 20; i++) {
    if (t.run('SET', `small${i}`, 'f'.repeat(1000)) !== '+OK') refused++;
  }
  // Space.allocate still has pages for `copy` where an entry finds no frame.
  const before = contents().length;
  let failed = 0;
  for (let i = 0; i < 50; i++) {
    if (shards.some((space) => space.freePages < 2)) break;
    const answer = t.run('COPY', 'k', `copy${i}${'x'.repeat(900)}`);
    if (answer !== 1) failed++;
    assert.equal(contents().length, before + i + 1 - failed);
  }
  assert.ok(failed > 0, 'some found no room');
  assertEmpty();
});

test('a peer sends bytes of a type only where the type says that they are a value', () => {
  const types = new TypeRegistry([stringType, pagedType]);
  const region = new Region(new SharedArrayBuffer(16), 0);
  assert.equal(types.verify(0, region, 0, ROOT_BYTES), true);
  assert.equal(types.verify(KIND, region, 0, ROOT_BYTES), false);
  assert.equal(types.verify(4, region, 0, 7), false, 'no type has kind 4');
  assert.equal(types.verify(31, region, 0, 7), false);
});
