/** Lists, as the registry of types knows them: see layout.ts for their two forms. */
import { PAGE_BYTES } from '../../base/limits.js';
import { Region } from '../../base/region.js';
import { verifyPacked } from '../../structures/packed/verify.js';
import { rebuilding } from '../rebuilding.js';
import type { SortableElements, ValueType } from '../value-type.js';
import { copySequence } from './building.js';
import { countOf, emitElements } from './effects.js';
import { ListLoader, saveList } from './file.js';
import {
  fitsPacked,
  LIST_PACKED,
  LIST_SEQUENCE,
  PACKED_LIST_COUNT_MAX,
  TYPE_LIST,
} from './layout.js';
import { emitListPart, listParts } from './native-parts.js';
import { ListReader } from './reader.js';
import { serializedList } from './serialized.js';
import { builtRoot, LIST_ROOT_BYTES, openFreed, openSequence } from './views.js';

const INTEGER_TEXT_BYTES = 24;
const LIMITS = { stride: 1, countMax: PACKED_LIST_COUNT_MAX, distinct: false, scored: false };

const reader = new ListReader();
const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);

/** Elements in their order, or from the last one on. */
const elements: SortableElements = {
  areOrdered: true,

  count(value) {
    reader.open(value);
    return reader.count;
  },

  visit(value, first, count, isReversed, take) {
    reader.open(value);
    let more = reader.seek(isReversed ? reader.count - 1 - first : first);
    for (let i = 0; more && i < count; i++) {
      reader.read();
      if (reader.isInteger) {
        reader.copyTo(text, 0);
        take(text, 0, reader.length);
      } else take(reader.region, reader.offset, reader.length);
      more = isReversed ? reader.previous() : reader.next();
    }
  },
};

export const listType: ValueType = {
  name: 'list',
  number: TYPE_LIST,
  kinds: [LIST_PACKED, LIST_SEQUENCE],
  owningKinds: [LIST_SEQUENCE],
  verifiedKinds: [LIST_PACKED, LIST_SEQUENCE],

  encoding: () => 'quicklist',
  references: () => 1,

  memory(value) {
    return value.kind === LIST_PACKED ? 0 : openSequence(value).allocatedPages * PAGE_BYTES;
  },

  serializedLength: serializedList,

  digest(value, digest) {
    elements.visit(value, 0, elements.count(value), false, (region, offset, length) =>
      digest.mix(region, offset, length),
    );
  },

  effects: rebuilding(emitElements),
  parts: { order: 'index', count: countOf, emit: emitListPart },
  nativeParts: listParts,

  copy(value, space, copied) {
    if (copySequence(value, space) === null) return false;
    copied.region = builtRoot;
    copied.offset = 0;
    copied.length = LIST_ROOT_BYTES;
    return true;
  },

  freeStep(value, budgetPages) {
    return openFreed(value).reclaimStep(budgetPages);
  },

  save: saveList,
  newLoader: () => new ListLoader(),
  sortable: elements,

  verify(kind, region, offset, length) {
    if (kind !== LIST_PACKED || verifyPacked(region, offset, length, LIMITS) !== '') return false;
    return region.view.getUint16(offset, true) > 0 && fitsPacked(length, 1);
  },
};
