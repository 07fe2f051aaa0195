/** Arguments of the geo commands, as COMMAND DOCS describes them. */
import type { ArgumentSpecification } from '../../contract/definition.js';

export const UNIT: ArgumentSpecification = {
  name: 'unit',
  type: 'oneof',
  arguments: [
    { name: 'm', type: 'pure-token', token: 'M' },
    { name: 'km', type: 'pure-token', token: 'KM' },
    { name: 'ft', type: 'pure-token', token: 'FT' },
    { name: 'mi', type: 'pure-token', token: 'MI' },
  ],
};

export const FROM: ArgumentSpecification = {
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
};

export const BY: ArgumentSpecification = {
  name: 'by',
  type: 'oneof',
  arguments: [
    {
      name: 'circle',
      type: 'block',
      arguments: [{ name: 'radius', type: 'double', token: 'BYRADIUS' }, UNIT],
    },
    {
      name: 'box',
      type: 'block',
      arguments: [
        { name: 'width', type: 'double', token: 'BYBOX' },
        { name: 'height', type: 'double' },
        UNIT,
      ],
    },
  ],
};

export const AROUND_POSITION: readonly ArgumentSpecification[] = [
  { name: 'longitude', type: 'double' },
  { name: 'latitude', type: 'double' },
  { name: 'radius', type: 'double' },
  UNIT,
];

export const AROUND_MEMBER: readonly ArgumentSpecification[] = [
  { name: 'member', type: 'string' },
  { name: 'radius', type: 'double' },
  UNIT,
];

export const ORDER: ArgumentSpecification = {
  name: 'order',
  type: 'oneof',
  flags: ['optional'],
  arguments: [
    { name: 'asc', type: 'pure-token', token: 'ASC' },
    { name: 'desc', type: 'pure-token', token: 'DESC' },
  ],
};

function count(anySince: { readonly since?: string }): ArgumentSpecification {
  return {
    name: 'count',
    type: 'block',
    flags: ['optional'],
    arguments: [
      { name: 'count', type: 'integer', token: 'COUNT' },
      { name: 'any', type: 'pure-token', token: 'ANY', ...anySince, flags: ['optional'] },
    ],
  };
}

export const COUNT = count({});
export const COUNT_SINCE_ANY = count({ since: '6.2.0' });

export const WITH: readonly ArgumentSpecification[] = [
  { name: 'withcoord', type: 'pure-token', token: 'WITHCOORD', flags: ['optional'] },
  { name: 'withdist', type: 'pure-token', token: 'WITHDIST', flags: ['optional'] },
  { name: 'withhash', type: 'pure-token', token: 'WITHHASH', flags: ['optional'] },
];

export const STORE_TARGETS: readonly ArgumentSpecification[] = [
  { name: 'key', type: 'key', keySpecIndex: 1, token: 'STORE', flags: ['optional'] },
  { name: 'key', type: 'key', keySpecIndex: 2, token: 'STOREDIST', flags: ['optional'] },
];
