/**
 * SORT and SORT_RO: the elements of a list, a set or a sorted set in another order, or what they name.
 *
 * Elements and weights are copied first, then sorted, then answered or stored. BY and GET read keys that
 * nobody has declared: the dispatcher locks all shards where a pattern names keys (`readsAnyKey`), so
 * that the command sees one state of the data. A list that STORE makes has the value as its effect.
 */

import { EVENT_DEL, EVENT_SORTSTORE } from '../../keyspace/events.js';
import { ErrorReply, WRONG_TYPE } from '../../protocol/errors.js';
import type { SortableElements } from '../../values/value-type.js';
import type { Context } from '../contract/context.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  type KeySpecification,
  keysAt,
} from '../contract/definition.js';
import { LIMIT } from '../contract/limit-argument.js';
import { insertion, storeNew } from '../list/lib/edit.js';
import { SortPattern } from './lib/sort-lookup.js';
import { sortNumber } from './lib/sort-number.js';
import { addStoreKey, readsOtherKeys, SortOptions } from './lib/sort-options.js';
import {
  SORT_BYTES_MAX,
  SORT_RESULTS_MAX,
  SortBytes,
  SortStrings,
  sortByNumbers,
  sortByStrings,
  unsorted,
} from './lib/sort-vector.js';

const NOT_NUMBERS = new ErrorReply("ERR One or more scores can't be converted into double");
const TOO_LONG = new ErrorReply(`ERR SORT works on ${SORT_BYTES_MAX} bytes in all at most`);
const TOO_MANY = new ErrorReply(`ERR SORT has ${SORT_RESULTS_MAX} results at most`);

const options = new SortOptions();

/** One SORT under way. */
class Sort {
  readonly bytes = new SortBytes();
  elements = new SortStrings(this.bytes, 0);
  order = unsorted(0);
  /** The part of `order` that is wished. */
  first = 0;
  end = 0;
  private isAlpha = options.isAlpha;
  private by: SortPattern | null = null;
  private readonly gets: SortPattern[];
  private mustSort = true;

  constructor(private readonly context: Context) {
    const { args } = context;
    this.gets = options.gets.map((index) => new SortPattern(args, index));
    if (options.by === 0) return;
    const by = new SortPattern(args, options.by);
    // A name without a star is the same for all elements.
    if (by.hasStar) this.by = by;
    else this.mustSort = false;
  }

  /** Copies the elements of the value found. */
  load(sortable: SortableElements): void {
    const { keys, inScript } = this.context;
    if (!this.mustSort && !sortable.areOrdered && (options.store !== 0 || inScript)) {
      // What is stored, or what a script does, should not follow from where elements happen to lie.
      this.mustSort = true;
      this.isAlpha = true;
    }
    const total = sortable.count(keys);
    this.aim(total);
    const isRange = !this.mustSort && sortable.areOrdered;
    const count = isRange ? this.end - this.first : total;
    this.elements = new SortStrings(this.bytes, count);
    sortable.visit(
      keys,
      isRange ? this.first : 0,
      count,
      isRange && options.isDescending,
      (region, offset, length) => this.elements.add(region, offset, length),
    );
    if (!isRange) return;
    this.first = 0;
    this.end = count;
  }

  /** Finds out which elements LIMIT asks for. */
  private aim(total: number): void {
    this.first = Math.min(Math.max(options.offset, 0), total);
    this.end = options.count < 0 ? total : Math.min(total, this.first + options.count);
  }

  /** @returns an error, when the elements cannot be sorted, or null */
  sort(): ErrorReply | null {
    if (this.bytes.isFull) return TOO_LONG;
    if (this.resultCount > SORT_RESULTS_MAX) return TOO_MANY;
    this.order = unsorted(this.elements.count);
    if (!this.mustSort) return null;
    const { elements, order } = this;
    if (this.isAlpha) {
      const weights = this.by === null ? elements : this.weightsOf(this.by);
      if (this.bytes.isFull) return TOO_LONG;
      sortByStrings(order, weights, options.isDescending);
      return null;
    }
    const numbers = this.by === null ? this.numbers() : this.numbersOf(this.by);
    if (numbers.some((number) => Number.isNaN(number))) return NOT_NUMBERS;
    sortByNumbers(order, elements, numbers, options.isDescending);
    return null;
  }

  private weightsOf(by: SortPattern): SortStrings {
    const { elements, context } = this;
    const weights = new SortStrings(this.bytes, elements.count);
    for (let i = 0; i < elements.count; i++) {
      if (by.find(context, elements.region, elements.offset[i]!, elements.length[i]!)) {
        weights.add(by.found.region, by.found.offset, by.found.length);
      } else weights.addAbsent();
    }
    return weights;
  }

  private numbers(): Float64Array {
    const { region, offset, length, count } = this.elements;
    const numbers = new Float64Array(count);
    for (let i = 0; i < count; i++) numbers[i] = sortNumber(region, offset[i]!, length[i]!);
    return numbers;
  }

  /** What is absent counts as 0. */
  private numbersOf(by: SortPattern): Float64Array {
    const { context } = this;
    const { region, offset, length, count } = this.elements;
    const numbers = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      if (!by.find(context, region, offset[i]!, length[i]!)) continue;
      numbers[i] = sortNumber(by.found.region, by.found.offset, by.found.length);
    }
    return numbers;
  }

  private get resultCount(): number {
    return (this.end - this.first) * Math.max(1, this.gets.length);
  }

  answer(): void {
    const { reply } = this.context;
    const { elements, gets, order, context } = this;
    reply.array(this.resultCount);
    for (let i = this.first; i < this.end; i++) {
      const at = elements.offset[order[i]!]!;
      const length = elements.length[order[i]!]!;
      if (gets.length === 0) reply.bulk(elements.region, at, length);
      for (const get of gets) {
        if (!get.find(context, elements.region, at, length)) reply.nullBulk();
        else reply.bulk(get.found.region, get.found.offset, get.found.length);
      }
    }
  }

  /** What is to be stored. What GET does not find is an empty element. */
  results(): SortStrings {
    const { elements, gets, order, context, bytes } = this;
    const results = new SortStrings(bytes, this.resultCount);
    for (let i = this.first; i < this.end; i++) {
      const at = elements.offset[order[i]!]!;
      const length = elements.length[order[i]!]!;
      if (gets.length === 0) results.addPlace(at, length);
      for (const get of gets) {
        if (!get.find(context, elements.region, at, length)) results.addPlace(0, 0);
        else if (get.isElement) results.addPlace(at, length);
        else results.add(get.found.region, get.found.offset, get.found.length);
      }
    }
    return results;
  }
}

function run(context: Context, mayStore: boolean): void {
  const { args, reply } = context;
  const invalid = options.parse(args, mayStore, context.mayReadEveryKey());
  if (invalid !== null) {
    reply.error(invalid);
    return;
  }
  const sorting = new Sort(context);
  try {
    runSort(context, sorting);
  } finally {
    sorting.bytes.release();
  }
}

function runSort(context: Context, sorting: Sort): void {
  const { args, keys, reply } = context;
  if (keys.seekForRead(args, 1)) {
    const { sortable } = keys.types.of(keys.kind);
    if (sortable === undefined) {
      reply.error(WRONG_TYPE);
      return;
    }
    sorting.load(sortable);
    const kind = sortable.kindAfter?.(keys.kind) ?? keys.kind;
    if (kind !== keys.kind && keys.expiresKeys) keys.reencode(kind);
  }
  const error = sorting.sort();
  if (error !== null) reply.error(error);
  else if (options.store === 0) sorting.answer();
  else storeResults(context, sorting);
}

function storeResults({ args, keys, reply }: Context, sorting: Sort): void {
  const results = sorting.results();
  if (sorting.bytes.isFull) {
    reply.error(TOO_LONG);
    return;
  }
  const found = keys.seek(args, options.store);
  if (results.count > 0) {
    insertion.args = results;
    insertion.first = 0;
    insertion.end = results.count;
    insertion.isReversed = false;
    insertion.index = 0;
    storeNew(keys);
    insertion.release();
    keys.commitValue(EVENT_SORTSTORE);
  } else if (found) keys.remove(EVENT_DEL);
  reply.integer(results.count);
}

const BY_AND_GET: KeySpecification = {
  flags: ['RO', 'access'],
  notes: 'The keys that BY and GET read follow from the elements',
  begin: { addTo() {} },
  find: { isUnknown: true },
};

const KEY: ArgumentSpecification = { name: 'key', type: 'key', keySpecIndex: 0 };
const OPTIONS: readonly ArgumentSpecification[] = [
  { name: 'pattern', type: 'pattern', keySpecIndex: 1, token: 'BY', flags: ['optional'] },
  LIMIT,
  {
    name: 'pattern',
    type: 'pattern',
    keySpecIndex: 1,
    token: 'GET',
    flags: ['optional', 'multiple', 'multiple_token'],
  },
  {
    name: 'order',
    type: 'oneof',
    flags: ['optional'],
    arguments: [
      { name: 'asc', type: 'pure-token', token: 'ASC' },
      { name: 'desc', type: 'pure-token', token: 'DESC' },
    ],
  },
  { name: 'sorting', type: 'pure-token', token: 'ALPHA', flags: ['optional'] },
];

const SHARED = {
  group: 'generic',
  complexity:
    'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number ' +
    'of returned elements. When the elements are not sorted, complexity is O(N).',
  arity: -2,
  categories: ['set', 'sortedset', 'list', 'dangerous'],
  readsAnyKey: readsOtherKeys,
} as const satisfies Partial<CommandDefinition>;

export const sort: CommandDefinition = {
  ...SHARED,
  name: 'sort',
  summary: 'Sorts the elements of a list, a set or a sorted set, and may store the outcome',
  since: '1.0.0',
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    keysAt(1, 0, 1, 'RO', 'access'),
    BY_AND_GET,
    {
      flags: ['OW', 'update'],
      notes: 'STORE may stand anywhere among the arguments',
      begin: { addTo: addStoreKey },
      find: { isUnknown: true },
    },
  ],
  arguments: [
    KEY,
    ...OPTIONS,
    { name: 'destination', type: 'key', keySpecIndex: 2, token: 'STORE', flags: ['optional'] },
  ],
  run: (context) => run(context, true),
};

export const sortRo: CommandDefinition = {
  ...SHARED,
  name: 'sort_ro',
  summary: 'Sorts the elements of a list, a set or a sorted set',
  since: '7.0.0',
  flags: ['readonly', 'movablekeys'],
  keys: [keysAt(1, 0, 1, 'RO', 'access'), BY_AND_GET],
  arguments: [KEY, ...OPTIONS],
  run: (context) => run(context, false),
};
