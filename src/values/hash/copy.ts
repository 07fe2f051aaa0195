/** A copy of a nested hash in another space, or in the same one. */
import { copyBytes, Region } from '../../base/region.js';
import { PerSpace } from '../../memory/per-space.js';
import type { Space } from '../../memory/space.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import { Table } from '../../structures/table.js';
import type { CopiedValue, StoredValue } from '../value-type.js';
import { HASH_ROOT_BYTES, ROOT_EARLIEST_BYTE } from './layout.js';
import { HashReader } from './reader.js';
import { tableReclaims } from './writer.js';

const source = new HashReader();
const hash = new HashState();
/** The root of the copy, until it is stored. */
const root = new Region(new SharedArrayBuffer(HASH_ROOT_BYTES), 0);
/** Views of the tables being made; the source may lie in the same space. */
const targets = new PerSpace((space) => new Table(space, 0));

function targetIn(space: Space): Table {
  const table = targets.of(space);
  table.attach(0, root);
  return table;
}

/** As ValueType.copy. */
export function copyNested(value: StoredValue, space: Space, copied: CopiedValue): boolean {
  root.bytes.fill(0);
  const table = targetIn(space);
  source.open(value, 0);
  source.rewind();
  while (source.next()) {
    const { field, value: bytes, expiry, elementRegion } = source;
    hashBytes(hash, elementRegion, field.offset, field.length, space.hashKey0, space.hashKey1);
    table.find(elementRegion, field.offset, field.length, hash.h1, hash.h2);
    const at = table.put(0, bytes.length, expiry);
    if (at < 0) {
      tableReclaims.of(space).freeWhole(0, root);
      return false;
    }
    copyBytes(space.region, at, elementRegion, bytes.offset, bytes.length);
  }
  root.view.setFloat64(ROOT_EARLIEST_BYTE, source.earliest, true);
  copied.region = root;
  copied.offset = 0;
  copied.length = HASH_ROOT_BYTES;
  return true;
}
