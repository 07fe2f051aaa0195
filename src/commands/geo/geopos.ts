/** GEOPOS, GEOHASH and GEODIST: where members are, and how far apart. */
import { SYNTAX } from '../../protocol/errors.js';
import { distanceBetween } from '../../values/geo/distance.js';
import { formatDistance } from '../../values/geo/format.js';
import { decodeScore, geohashText, Position } from '../../values/geo/geohash.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { ANSWERED, FOUND, findMember, openReader, reader } from '../sorted-set/lib/values.js';
import { UNIT } from './lib/argument-docs.js';
import { parseUnit } from './lib/arguments.js';
import { replyPosition } from './lib/search.js';

const UNIT_INDEX = 4;

const from = new Position();
const to = new Position();

function runGeopos(context: Context): void {
  const { args, reply } = context;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    if (state === FOUND && findMember(context, i)) replyPosition(reply, reader.score);
    else reply.nullArray();
  }
}

function runGeohash(context: Context): void {
  const { args, reply } = context;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  reply.array(args.count - 2);
  for (let i = 2; i < args.count; i++) {
    if (state === FOUND && findMember(context, i)) {
      decodeScore(from, reader.score);
      reply.bulkBinary(geohashText(from));
    } else reply.nullBulk();
  }
}

/** Finds the position of argument `index`. False: the set has no such member. */
function locate(context: Context, index: number, into: Position): boolean {
  if (!findMember(context, index)) return false;
  decodeScore(into, reader.score);
  return true;
}

function runGeodist(context: Context): void {
  const { args, reply } = context;
  if (args.count > UNIT_INDEX + 1) {
    reply.error(SYNTAX);
    return;
  }
  const unitMeters = args.count > UNIT_INDEX ? parseUnit(context, UNIT_INDEX) : 1;
  if (unitMeters === 0) return;
  const state = openReader(context, 1);
  if (state === ANSWERED) return;
  if (state !== FOUND || !locate(context, 2, from) || !locate(context, 3, to)) {
    reply.nullBulk();
    return;
  }
  const meters = distanceBetween(from.longitude, from.latitude, to.longitude, to.latitude);
  reply.bulkBinary(formatDistance(meters / unitMeters));
}

const SHARED = {
  since: '3.2.0',
  group: 'geo',
  arity: -2,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member', type: 'string', flags: ['multiple'] },
  ],
} as const satisfies Partial<CommandDefinition>;

export const geopos: CommandDefinition = {
  ...SHARED,
  name: 'geopos',
  summary: 'Tells the positions of members',
  complexity: 'O(N) where N is the number of members requested.',
  run: runGeopos,
};

export const geohash: CommandDefinition = {
  ...SHARED,
  name: 'geohash',
  summary: 'Tells the positions of members as standard geohashes',
  complexity:
    'O(log(N)) for each member requested, where N is the number of elements in the sorted set.',
  run: runGeohash,
};

export const geodist: CommandDefinition = {
  name: 'geodist',
  summary: 'Tells how far two members are apart',
  since: '3.2.0',
  group: 'geo',
  complexity: 'O(log(N))',
  arity: -4,
  flags: ['readonly'],
  keys: [keysAt(1, 0, 1, 'RO', 'access')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'member1', type: 'string' },
    { name: 'member2', type: 'string' },
    { ...UNIT, flags: ['optional'] },
  ],
  run: runGeodist,
};
