/** ZUNION, ZUNIONSTORE, ZINTER, ZINTERSTORE, ZDIFF, ZDIFFSTORE and ZINTERCARD. */
import { EVENT_ZDIFFSTORE, EVENT_ZINTERSTORE, EVENT_ZUNIONSTORE } from '../../keyspace/events.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  countedKeys,
  keysAt,
} from '../contract/definition.js';
import {
  type CombineCommand,
  DIFFERENCE,
  INTERSECTION,
  replyCombined,
  replyCount,
  storeCombined,
  UNION,
} from './lib/combine-command.js';

function reads(name: string, operation: number): CombineCommand {
  return { name, operation, keyCountIndex: 1, counts: false };
}

function stores(name: string, operation: number): CombineCommand {
  return { name, operation, keyCountIndex: 2, counts: false };
}

const ZUNION = reads('zunion', UNION);
const ZINTER = reads('zinter', INTERSECTION);
const ZDIFF = reads('zdiff', DIFFERENCE);
const ZUNIONSTORE = stores('zunionstore', UNION);
const ZINTERSTORE = stores('zinterstore', INTERSECTION);
const ZDIFFSTORE = stores('zdiffstore', DIFFERENCE);
const ZINTERCARD = { ...reads('zintercard', INTERSECTION), counts: true };

const SOURCE_KEYS = [countedKeys(1, 'RO', 'access')];
const STORE_KEYS = [keysAt(1, 0, 1, 'OW', 'update'), countedKeys(2, 'RO', 'access')];

const SOURCES: readonly ArgumentSpecification[] = [
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] },
];

const DESTINATION_AND_SOURCES: readonly ArgumentSpecification[] = [
  { name: 'destination', type: 'key', keySpecIndex: 0 },
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', keySpecIndex: 1, flags: ['multiple'] },
];

const COMBINING: readonly ArgumentSpecification[] = [
  { name: 'weight', type: 'integer', token: 'WEIGHTS', flags: ['optional', 'multiple'] },
  {
    name: 'aggregate',
    type: 'oneof',
    token: 'AGGREGATE',
    flags: ['optional'],
    arguments: [
      { name: 'sum', type: 'pure-token', token: 'SUM' },
      { name: 'min', type: 'pure-token', token: 'MIN' },
      { name: 'max', type: 'pure-token', token: 'MAX' },
    ],
  },
];

const WITH_SCORES: ArgumentSpecification = {
  name: 'withscores',
  type: 'pure-token',
  token: 'WITHSCORES',
  flags: ['optional'],
};

export const zunion: CommandDefinition = {
  name: 'zunion',
  summary: 'Tells the members of several sorted sets, with their scores combined',
  since: '6.2.0',
  group: 'sorted-set',
  complexity:
    'O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: SOURCE_KEYS,
  arguments: [...SOURCES, ...COMBINING, WITH_SCORES],
  run: (context) => replyCombined(context, ZUNION),
};

export const zinter: CommandDefinition = {
  name: 'zinter',
  summary: 'Tells the members that several sorted sets have in common',
  since: '6.2.0',
  group: 'sorted-set',
  complexity:
    'O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: SOURCE_KEYS,
  arguments: [...SOURCES, ...COMBINING, WITH_SCORES],
  run: (context) => replyCombined(context, ZINTER),
};

export const zdiff: CommandDefinition = {
  name: 'zdiff',
  summary: 'Tells the members of a sorted set that no other has',
  since: '6.2.0',
  group: 'sorted-set',
  complexity:
    'O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: SOURCE_KEYS,
  arguments: [...SOURCES, WITH_SCORES],
  run: (context) => replyCombined(context, ZDIFF),
};

export const zunionstore: CommandDefinition = {
  name: 'zunionstore',
  summary: 'Stores the members of several sorted sets, with their scores combined',
  since: '2.0.0',
  group: 'sorted-set',
  complexity:
    'O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
  arity: -4,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: STORE_KEYS,
  arguments: [...DESTINATION_AND_SOURCES, ...COMBINING],
  run: (context) => storeCombined(context, ZUNIONSTORE, EVENT_ZUNIONSTORE),
};

export const zinterstore: CommandDefinition = {
  name: 'zinterstore',
  summary: 'Stores the members that several sorted sets have in common',
  since: '2.0.0',
  group: 'sorted-set',
  complexity:
    'O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.',
  arity: -4,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: STORE_KEYS,
  arguments: [...DESTINATION_AND_SOURCES, ...COMBINING],
  run: (context) => storeCombined(context, ZINTERSTORE, EVENT_ZINTERSTORE),
};

export const zdiffstore: CommandDefinition = {
  name: 'zdiffstore',
  summary: 'Stores the members of a sorted set that no other has',
  since: '6.2.0',
  group: 'sorted-set',
  complexity:
    'O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.',
  arity: -4,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: STORE_KEYS,
  arguments: [...DESTINATION_AND_SOURCES],
  run: (context) => storeCombined(context, ZDIFFSTORE, EVENT_ZDIFFSTORE),
};

export const zintercard: CommandDefinition = {
  name: 'zintercard',
  summary: 'Counts the members that several sorted sets have in common',
  since: '7.0.0',
  group: 'sorted-set',
  complexity:
    'O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: SOURCE_KEYS,
  arguments: [...SOURCES, { name: 'limit', type: 'integer', token: 'LIMIT', flags: ['optional'] }],
  run: (context) => replyCount(context, ZINTERCARD),
};
