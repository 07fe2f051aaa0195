/** GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS commands: members within a circle or a box. */
import { EVENT_GEORADIUSSTORE, EVENT_GEOSEARCHSTORE } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { BY_MEMBER, BY_OPTION, BY_POSITION, type SearchCommand } from './lib/options.js';
import { runSearch } from './lib/search.js';

const SEARCH: SearchCommand = { by: BY_OPTION, source: 1, hasStore: false, stores: false };
const SEARCH_STORE: SearchCommand = { by: BY_OPTION, source: 2, hasStore: false, stores: true };

function radius(by: number, hasStore: boolean): (context: Context) => void {
  const command: SearchCommand = { by, source: 1, hasStore, stores: false };
  return (context) => runSearch(context, command, EVENT_GEORADIUSSTORE);
}

export const geosearch: CommandDefinition = {
  name: 'geosearch',
  summary: 'Finds the members within a circle or a box',
  since: '6.2.0',
  group: 'geo',
  complexity:
    'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape',
  arity: -7,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    {
      name: 'from',
      type: 'oneof',
      arguments: [
        { name: 'member', type: 'string', token: 'FROMMEMBER' },
        {
          name: 'longitude_latitude',
          type: 'block',
          token: 'FROMLONLAT',
          arguments: [
            { name: 'longitude', type: 'double' },
            { name: 'latitude', type: 'double' },
          ],
        },
      ],
    },
    {
      name: 'by',
      type: 'oneof',
      arguments: [
        {
          name: 'circle',
          type: 'block',
          arguments: [
            { name: 'radius', type: 'double', token: 'BYRADIUS' },
            {
              name: 'unit',
              type: 'oneof',
              arguments: [
                { name: 'm', type: 'pure-token', token: 'M' },
                { name: 'km', type: 'pure-token', token: 'KM' },
                { name: 'ft', type: 'pure-token', token: 'FT' },
                { name: 'mi', type: 'pure-token', token: 'MI' },
              ],
            },
          ],
        },
        {
          name: 'box',
          type: 'block',
          arguments: [
            { name: 'width', type: 'double', token: 'BYBOX' },
            { name: 'height', type: 'double' },
            {
              name: 'unit',
              type: 'oneof',
              arguments: [
                { name: 'm', type: 'pure-token', token: 'M' },
                { name: 'km', type: 'pure-token', token: 'KM' },
                { name: 'ft', type: 'pure-token', token: 'FT' },
                { name: 'mi', type: 'pure-token', token: 'MI' },
              ],
            },
          ],
        },
      ],
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
    {
      name: 'count',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer', token: 'COUNT' },
        { name: 'any', type: 'pure-token', token: 'ANY', flags: ['optional'] },
      ],
    },
    { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', flags: ['optional'] },
    { name: 'withdist', type: 'pure-token', token: 'WITHDIST', flags: ['optional'] },
    { name: 'withhash', type: 'pure-token', token: 'WITHHASH', flags: ['optional'] },
  ],
  history: [['7.0.0', 'Added support for uppercase unit names.']],
  run: (context) => runSearch(context, SEARCH, EVENT_GEOSEARCHSTORE),
};

export const geosearchstore: CommandDefinition = {
  name: 'geosearchstore',
  summary: 'Stores the members within a circle or a box',
  since: '6.2.0',
  group: 'geo',
  complexity:
    'O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape',
  arity: -8,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'OW', 'update'), keysAt(2, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'destination', type: 'key', keySpecIndex: 0 },
    { name: 'source', type: 'key', keySpecIndex: 1 },
    {
      name: 'from',
      type: 'oneof',
      arguments: [
        { name: 'member', type: 'string', token: 'FROMMEMBER' },
        {
          name: 'longitude_latitude',
          type: 'block',
          token: 'FROMLONLAT',
          arguments: [
            { name: 'longitude', type: 'double' },
            { name: 'latitude', type: 'double' },
          ],
        },
      ],
    },
    {
      name: 'by',
      type: 'oneof',
      arguments: [
        {
          name: 'circle',
          type: 'block',
          arguments: [
            { name: 'radius', type: 'double', token: 'BYRADIUS' },
            {
              name: 'unit',
              type: 'oneof',
              arguments: [
                { name: 'm', type: 'pure-token', token: 'M' },
                { name: 'km', type: 'pure-token', token: 'KM' },
                { name: 'ft', type: 'pure-token', token: 'FT' },
                { name: 'mi', type: 'pure-token', token: 'MI' },
              ],
            },
          ],
        },
        {
          name: 'box',
          type: 'block',
          arguments: [
            { name: 'width', type: 'double', token: 'BYBOX' },
            { name: 'height', type: 'double' },
            {
              name: 'unit',
              type: 'oneof',
              arguments: [
                { name: 'm', type: 'pure-token', token: 'M' },
                { name: 'km', type: 'pure-token', token: 'KM' },
                { name: 'ft', type: 'pure-token', token: 'FT' },
                { name: 'mi', type: 'pure-token', token: 'MI' },
              ],
            },
          ],
        },
      ],
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
    {
      name: 'count',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer', token: 'COUNT' },
        { name: 'any', type: 'pure-token', token: 'ANY', flags: ['optional'] },
      ],
    },
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
  complexity:
    'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
  arity: -6,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    keysAt(1, 0, 1, 'RO', 'access'),
    {
      flags: ['OW', 'update'],
      begin: { keyword: 'STORE', startFrom: 6 },
      find: { last: 0, step: 1, limit: 0 },
    },
    {
      flags: ['OW', 'update'],
      begin: { keyword: 'STOREDIST', startFrom: 6 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'longitude', type: 'double' },
    { name: 'latitude', type: 'double' },
    { name: 'radius', type: 'double' },
    {
      name: 'unit',
      type: 'oneof',
      arguments: [
        { name: 'm', type: 'pure-token', token: 'M' },
        { name: 'km', type: 'pure-token', token: 'KM' },
        { name: 'ft', type: 'pure-token', token: 'FT' },
        { name: 'mi', type: 'pure-token', token: 'MI' },
      ],
    },
    { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', flags: ['optional'] },
    { name: 'withdist', type: 'pure-token', token: 'WITHDIST', flags: ['optional'] },
    { name: 'withhash', type: 'pure-token', token: 'WITHHASH', flags: ['optional'] },
    {
      name: 'count',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer', token: 'COUNT' },
        { name: 'any', type: 'pure-token', token: 'ANY', since: '6.2.0', flags: ['optional'] },
      ],
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
    { name: 'key', type: 'key', keySpecIndex: 1, token: 'STORE', flags: ['optional'] },
    { name: 'key', type: 'key', keySpecIndex: 2, token: 'STOREDIST', flags: ['optional'] },
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
  complexity:
    'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
  arity: -6,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'longitude', type: 'double' },
    { name: 'latitude', type: 'double' },
    { name: 'radius', type: 'double' },
    {
      name: 'unit',
      type: 'oneof',
      arguments: [
        { name: 'm', type: 'pure-token', token: 'M' },
        { name: 'km', type: 'pure-token', token: 'KM' },
        { name: 'ft', type: 'pure-token', token: 'FT' },
        { name: 'mi', type: 'pure-token', token: 'MI' },
      ],
    },
    { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', flags: ['optional'] },
    { name: 'withdist', type: 'pure-token', token: 'WITHDIST', flags: ['optional'] },
    { name: 'withhash', type: 'pure-token', token: 'WITHHASH', flags: ['optional'] },
    {
      name: 'count',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer', token: 'COUNT' },
        { name: 'any', type: 'pure-token', token: 'ANY', since: '6.2.0', flags: ['optional'] },
      ],
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
  complexity:
    'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
  arity: -5,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    keysAt(1, 0, 1, 'RO', 'access'),
    {
      flags: ['OW', 'update'],
      begin: { keyword: 'STORE', startFrom: 5 },
      find: { last: 0, step: 1, limit: 0 },
    },
    {
      flags: ['OW', 'update'],
      begin: { keyword: 'STOREDIST', startFrom: 5 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string' },
    { name: 'radius', type: 'double' },
    {
      name: 'unit',
      type: 'oneof',
      arguments: [
        { name: 'm', type: 'pure-token', token: 'M' },
        { name: 'km', type: 'pure-token', token: 'KM' },
        { name: 'ft', type: 'pure-token', token: 'FT' },
        { name: 'mi', type: 'pure-token', token: 'MI' },
      ],
    },
    { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', flags: ['optional'] },
    { name: 'withdist', type: 'pure-token', token: 'WITHDIST', flags: ['optional'] },
    { name: 'withhash', type: 'pure-token', token: 'WITHHASH', flags: ['optional'] },
    {
      name: 'count',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer', token: 'COUNT' },
        { name: 'any', type: 'pure-token', token: 'ANY', flags: ['optional'] },
      ],
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
    { name: 'key', type: 'key', keySpecIndex: 1, token: 'STORE', flags: ['optional'] },
    { name: 'key', type: 'key', keySpecIndex: 2, token: 'STOREDIST', flags: ['optional'] },
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
  complexity:
    'O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.',
  arity: -5,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string' },
    { name: 'radius', type: 'double' },
    {
      name: 'unit',
      type: 'oneof',
      arguments: [
        { name: 'm', type: 'pure-token', token: 'M' },
        { name: 'km', type: 'pure-token', token: 'KM' },
        { name: 'ft', type: 'pure-token', token: 'FT' },
        { name: 'mi', type: 'pure-token', token: 'MI' },
      ],
    },
    { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', flags: ['optional'] },
    { name: 'withdist', type: 'pure-token', token: 'WITHDIST', flags: ['optional'] },
    { name: 'withhash', type: 'pure-token', token: 'WITHHASH', flags: ['optional'] },
    {
      name: 'count',
      type: 'block',
      flags: ['optional'],
      arguments: [
        { name: 'count', type: 'integer', token: 'COUNT' },
        { name: 'any', type: 'pure-token', token: 'ANY', flags: ['optional'] },
      ],
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
  ],
  docFlags: ['deprecated'],
  deprecatedSince: '6.2.0',
  replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments',
  run: radius(BY_MEMBER, false),
};
