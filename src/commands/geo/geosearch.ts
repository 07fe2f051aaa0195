/** GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS commands: members within a circle or a box. */
import { EVENT_GEORADIUSSTORE, EVENT_GEOSEARCHSTORE } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, type KeySpecification, keysAt } from '../contract/definition.js';
import {
  AROUND_MEMBER,
  AROUND_POSITION,
  BY,
  COUNT,
  COUNT_SINCE_ANY,
  FROM,
  ORDER,
  STORE_TARGETS,
  WITH,
} from './lib/argument-docs.js';
import { BY_MEMBER, BY_OPTION, BY_POSITION, type SearchCommand } from './lib/options.js';
import { runSearch } from './lib/search.js';

const SEARCH: SearchCommand = { by: BY_OPTION, source: 1, hasStore: false, stores: false };
const SEARCH_STORE: SearchCommand = { by: BY_OPTION, source: 2, hasStore: false, stores: true };

function radius(by: number, hasStore: boolean): (context: Context) => void {
  const command: SearchCommand = { by, source: 1, hasStore, stores: false };
  return (context) => runSearch(context, command, EVENT_GEORADIUSSTORE);
}

const OF_SHAPE =
  'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape';
const OF_CIRCLE =
  'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.';

const SOURCE = keysAt(1, 0, 1, 'RO', 'access');

/** A key that an option names. */
function keyBehind(keyword: string, startFrom: number): KeySpecification {
  return {
    flags: ['OW', 'update'],
    begin: { keyword, startFrom },
    find: { last: 0, step: 1, limit: 0 },
  };
}

export const geosearch: CommandDefinition = {
  name: 'geosearch',
  summary: 'Finds the members within a circle or a box',
  since: '6.2.0',
  group: 'geo',
  complexity: OF_SHAPE,
  arity: -7,
  flags: ['readonly'],
  keys: [SOURCE],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }, FROM, BY, ORDER, COUNT, ...WITH],
  history: [['7.0.0', 'Added support for uppercase unit names.']],
  run: (context) => runSearch(context, SEARCH, EVENT_GEOSEARCHSTORE),
};

export const geosearchstore: CommandDefinition = {
  name: 'geosearchstore',
  summary: 'Stores the members within a circle or a box',
  since: '6.2.0',
  group: 'geo',
  complexity: OF_SHAPE,
  arity: -8,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'OW', 'update'), keysAt(2, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'destination', type: 'key', keySpecIndex: 0 },
    { name: 'source', type: 'key', keySpecIndex: 1 },
    FROM,
    BY,
    ORDER,
    COUNT,
    { name: 'storedist', type: 'pure-token', token: 'STOREDIST', flags: ['optional'] },
  ],
  history: [['7.0.0', 'Added support for uppercase unit names.']],
  run: (context) => runSearch(context, SEARCH_STORE, EVENT_GEOSEARCHSTORE),
};

export const georadius: CommandDefinition = {
  name: 'georadius',
  summary: 'Finds the members within a distance of a position, or stores them',
  since: '3.2.0',
  group: 'geo',
  complexity: OF_CIRCLE,
  arity: -6,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [SOURCE, keyBehind('STORE', 6), keyBehind('STOREDIST', 6)],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    ...AROUND_POSITION,
    ...WITH,
    COUNT_SINCE_ANY,
    ORDER,
    ...STORE_TARGETS,
  ],
  history: [
    ['6.2.0', 'Added the `ANY` option for `COUNT`.'],
    ['7.0.0', 'Added support for uppercase unit names.'],
  ],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument',
  run: radius(BY_POSITION, true),
};

export const georadiusRo: CommandDefinition = {
  name: 'georadius_ro',
  summary: 'Finds the members within a distance of a position',
  since: '3.2.10',
  group: 'geo',
  complexity: OF_CIRCLE,
  arity: -6,
  flags: ['readonly'],
  keys: [SOURCE],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    ...AROUND_POSITION,
    ...WITH,
    COUNT_SINCE_ANY,
    ORDER,
  ],
  history: [['6.2.0', 'Added the `ANY` option for `COUNT`.']],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument',
  run: radius(BY_POSITION, false),
};

export const georadiusbymember: CommandDefinition = {
  name: 'georadiusbymember',
  summary: 'Finds the members within a distance of one of them, or stores them',
  since: '3.2.0',
  group: 'geo',
  complexity: OF_CIRCLE,
  arity: -5,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [SOURCE, keyBehind('STORE', 5), keyBehind('STOREDIST', 5)],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    ...AROUND_MEMBER,
    ...WITH,
    COUNT,
    ORDER,
    ...STORE_TARGETS,
  ],
  history: [['7.0.0', 'Added support for uppercase unit names.']],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
  run: radius(BY_MEMBER, true),
};

export const georadiusbymemberRo: CommandDefinition = {
  name: 'georadiusbymember_ro',
  summary: 'Finds the members within a distance of one of them',
  since: '3.2.10',
  group: 'geo',
  complexity: OF_CIRCLE,
  arity: -5,
  flags: ['readonly'],
  keys: [SOURCE],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    ...AROUND_MEMBER,
    ...WITH,
    COUNT,
    ORDER,
  ],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments',
  run: radius(BY_MEMBER, false),
};
