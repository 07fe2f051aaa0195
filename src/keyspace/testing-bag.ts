/** For tests: a type whose values are nested tables, and what its commands would do. */
import { Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { PAGE_BYTES } from '../memory/space-layout.js';
import { ROOT_BYTES } from '../structures/directory.js';
import { HashState, hashBytes } from '../structures/hash.js';
import { TableReclaim } from '../structures/nested-table.js';
import { SCAN_END, Table } from '../structures/table.js';

import type { StoredValue, ValueType } from '../values/value-type.js';
import type { Keyspace } from './keyspace.js';
import { TYPES } from './types.js';

export const BAG_KIND = 5 | (1 << 3);
const EVENT = { name: 'bag', index: 0, bit: 0 };

const source = new Region(new SharedArrayBuffer(1 << 16), 0);
const hash = new HashState();
const copyRoot = new Region(new SharedArrayBuffer(ROOT_BYTES), 0);
const views = new Map<Space, { table: Table; copy: Table; reclaim: TableReclaim }>();
/** Pages freed by each step since it was last emptied. */
export const freedBySteps: number[] = [];

function viewsOf(space: Space) {
  let found = views.get(space);
  if (found === undefined) {
    const table = new Table(space, 0);
    found = { table, copy: new Table(space, 0), reclaim: new TableReclaim(space) };
    views.set(space, found);
  }
  return found;
}

function opened(value: StoredValue): Table {
  const { table } = viewsOf(value.space);
  table.attach(value.valueOffset, value.region);
  return table;
}

function put(table: Table, text: string): boolean {
  for (let i = 0; i < text.length; i++) source.bytes[i] = text.charCodeAt(i);
  const { hashKey0, hashKey1 } = table.space;
  hashBytes(hash, source, 0, text.length, hashKey0, hashKey1);
  table.find(source, 0, text.length, hash.h1, hash.h2);
  return table.put(0, 0, 0) >= 0;
}

export const bagType: ValueType = {
  ...TYPES.of(0),
  name: 'bag',
  number: BAG_KIND & 7,
  kinds: [BAG_KIND],
  owningKinds: [BAG_KIND],
  verifiedKinds: [BAG_KIND],
  encoding: () => 'bag',
  memory: (value) => opened(value).allocatedPages * PAGE_BYTES,
  effects: (_value, effects) => effects.begin('BAG').end(),
  copy(value, space, copied) {
    const from = opened(value);
    const { copy } = viewsOf(space);
    copyRoot.bytes.fill(0);
    copy.attach(0, copyRoot);
    for (let position = 0; position < SCAN_END; ) {
      position = from.scan(position);
      for (let i = 0; i < from.scanCount; i++) {
        from.decode(from.scanOffsets[i]!);
        const { keyOffset, keyLength, region } = from;
        hashBytes(hash, region, keyOffset, keyLength, space.hashKey0, space.hashKey1);
        copy.find(region, keyOffset, keyLength, hash.h1, hash.h2);
        if (copy.put(0, 0, 0) < 0) {
          copy.clear();
          return false;
        }
      }
    }
    Object.assign(copied, { region: copyRoot, offset: 0, length: ROOT_BYTES });
    return true;
  },
  freeStep(value, budgetPages) {
    const { space, region, valueOffset } = value;
    const before = space.residentPages;
    const done = viewsOf(space).reclaim.step(valueOffset, budgetPages, region);
    freedBySteps.push(before - space.residentPages);
    return done;
  },
  verify: () => false,
};

/** Makes a key a bag of so many elements. @returns false when the shard is full; the key is gone then */
export function createBag(keys: Keyspace, name: string, elements: number): boolean {
  const key = new Region(new SharedArrayBuffer(64), 0);
  for (let i = 0; i < name.length; i++) key.bytes[i] = name.charCodeAt(i);
  keys.beginCommand(true);
  keys.seekKey(0, key, 0, name.length);
  const offset = keys.beginStore(BAG_KIND, ROOT_BYTES, 0);
  keys.region.bytes.fill(0, offset, offset + ROOT_BYTES);
  const { table } = viewsOf(keys.space);
  table.attach(offset);
  let stored = true;
  for (let i = 0; i < elements && stored; i++) stored = put(table, `element ${i}`);
  keys.commitValue(EVENT);
  keys.settle();
  if (!stored) keys.remove(EVENT);
  return stored;
}
