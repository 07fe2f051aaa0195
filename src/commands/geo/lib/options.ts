/**
 * The arguments of the searches. GEORADIUS and its variants have where and how far at fixed places;
 * GEOSEARCH has options for them. Errors come in the order of the arguments, as in Redis, and those of
 * a member that is sought only where the set exists.
 */
import { ErrorReply, NOT_INTEGER, SYNTAX, untilNul } from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import { argumentIs } from '../../../protocol/text.js';
import { decodeScore, Position } from '../../../values/geo/geohash.js';
import { Shape } from '../../../values/geo/search.js';
import type { Context } from '../../contract/context.js';
import { findMember, reader } from '../../sorted-set/lib/values.js';
import { parseBox, parsePosition, parseRadius } from './arguments.js';

export const UNSORTED = 0;
export const ASCENDING = 1;
export const DESCENDING = 2;

/** Where a search gets its middle and its shape from. */
export const BY_POSITION = 0;
export const BY_MEMBER = 1;
export const BY_OPTION = 2;

const COUNT_POSITIVE = new ErrorReply('ERR COUNT must be > 0');
const NO_MEMBER = new ErrorReply('ERR could not decode requested zset member');
const ANY_WITHOUT_COUNT = new ErrorReply('ERR the ANY argument requires COUNT argument');

export interface SearchCommand {
  readonly by: number;
  /** Argument of the key that is searched. */
  readonly source: number;
  /** Whether STORE and STOREDIST are options that name a key. */
  readonly hasStore: boolean;
  /** GEOSEARCHSTORE, whose result is stored under its first argument. */
  readonly stores: boolean;
}

/** What the command under way asks for. */
export const options = {
  shape: new Shape(),
  sort: UNSORTED,
  /** 0 for all. */
  count: 0,
  /** ANY: any `count` members, as soon as they are found. */
  stopsEarly: false,
  withDistance: false,
  withHash: false,
  withPosition: false,
  /** Argument of the key to store under, 0 for none. */
  target: 0,
  storesDistance: false,
  hasMiddle: false,
  isFromMember: false,
  hasShape: false,
};

const position = new Position();

/** Reads all arguments. @param exists whether `reader` has a set. False: an error was answered */
export function parseSearch(context: Context, command: SearchCommand, exists: boolean): boolean {
  options.sort = UNSORTED;
  options.count = 0;
  options.stopsEarly = false;
  options.withDistance = false;
  options.withHash = false;
  options.withPosition = false;
  options.target = command.stores ? 1 : 0;
  options.storesDistance = false;
  options.hasMiddle = false;
  options.isFromMember = false;
  options.hasShape = false;
  const first = parsePlaces(context, command, exists);
  if (first === 0) return false;
  for (let i = first; i < context.args.count; ) {
    const next = parseOption(context, command, exists, i);
    if (next === 0) return false;
    i = next;
  }
  return check(context, command);
}

/** Reads what stands at fixed places. @returns the first option; 0 when an error was answered */
function parsePlaces(context: Context, { by, source }: SearchCommand, exists: boolean): number {
  const { shape } = options;
  if (by === BY_OPTION) return source + 1;
  if (by === BY_POSITION) {
    const isValid = parsePosition(context, 2, shape) && parseRadius(context, 4, shape);
    return isValid ? 6 : 0;
  }
  if (!exists) return 5;
  return takeMember(context, 2) && parseRadius(context, 3, shape) ? 5 : 0;
}

/** Makes the position of a member the middle. False: there is none, which is answered. */
function takeMember(context: Context, index: number): boolean {
  if (!findMember(context, index)) {
    context.reply.error(NO_MEMBER);
    return false;
  }
  decodeScore(position, reader.score);
  options.shape.longitude = position.longitude;
  options.shape.latitude = position.latitude;
  return true;
}

/** Reads the option at argument `i`. @returns the next one; 0 when an error was answered */
function parseOption(context: Context, command: SearchCommand, exists: boolean, i: number): number {
  const { args } = context;
  if (argumentIs(args, i, 'WITHDIST')) options.withDistance = true;
  else if (argumentIs(args, i, 'WITHHASH')) options.withHash = true;
  else if (argumentIs(args, i, 'WITHCOORD')) options.withPosition = true;
  else if (argumentIs(args, i, 'ANY')) options.stopsEarly = true;
  else if (argumentIs(args, i, 'ASC')) options.sort = ASCENDING;
  else if (argumentIs(args, i, 'DESC')) options.sort = DESCENDING;
  else if (command.stores && argumentIs(args, i, 'STOREDIST')) options.storesDistance = true;
  else return parseValued(context, command, exists, i);
  return i + 1;
}

/** The options that are followed by values. @returns as parseOption */
function parseValued(context: Context, command: SearchCommand, exists: boolean, i: number): number {
  const { args, reply } = context;
  const left = args.count - i - 1;
  if (left >= 1 && argumentIs(args, i, 'COUNT')) return parseCount(context, i + 1) ? i + 2 : 0;
  if (command.hasStore && left >= 1) {
    const distance = argumentIs(args, i, 'STOREDIST');
    if (distance || argumentIs(args, i, 'STORE')) {
      options.target = i + 1;
      options.storesDistance = distance;
      return i + 2;
    }
  }
  if (command.by === BY_OPTION) return parsePlace(context, exists, i, left);
  reply.error(SYNTAX);
  return 0;
}

function parseCount({ args, reply }: Context, index: number): boolean {
  const count = parseIndex(args.region, args.offset[index]!, args.length[index]!);
  options.count = count;
  if (count > 0) return true;
  reply.error(Number.isNaN(count) ? NOT_INTEGER : COUNT_POSITIVE);
  return false;
}

/** The options of GEOSEARCH that say where and how far. @returns as parseOption */
function parsePlace(context: Context, exists: boolean, i: number, left: number): number {
  const { args, reply } = context;
  const { shape, hasMiddle, isFromMember, hasShape } = options;
  const isByMember = !hasMiddle || isFromMember;
  const isByPosition = !hasMiddle || !isFromMember;
  if (isByMember && left >= 1 && argumentIs(args, i, 'FROMMEMBER')) {
    options.hasMiddle = true;
    options.isFromMember = true;
    return !exists || takeMember(context, i + 1) ? i + 2 : 0;
  }
  if (isByPosition && left >= 2 && argumentIs(args, i, 'FROMLONLAT')) {
    options.hasMiddle = true;
    return parsePosition(context, i + 1, shape) ? i + 3 : 0;
  }
  if (!(hasShape && shape.isBox) && left >= 2 && argumentIs(args, i, 'BYRADIUS')) {
    options.hasShape = true;
    return parseRadius(context, i + 1, shape) ? i + 3 : 0;
  }
  if ((!hasShape || shape.isBox) && left >= 3 && argumentIs(args, i, 'BYBOX')) {
    options.hasShape = true;
    return parseBox(context, i + 1, shape) ? i + 4 : 0;
  }
  reply.error(SYNTAX);
  return 0;
}

/** Whether the options go together; if not, the error is answered. */
function check(context: Context, command: SearchCommand): boolean {
  const { reply } = context;
  const shows = options.withDistance || options.withHash || options.withPosition;
  if (options.target > 0 && shows) {
    const what = command.stores ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS';
    const names = 'WITHDIST, WITHHASH and WITHCOORD options';
    reply.errorText(`ERR ${what} is not compatible with ${names}`);
    return false;
  }
  if (command.by === BY_OPTION && !(options.hasMiddle && options.hasShape)) {
    const choice = options.hasMiddle ? 'BYRADIUS and BYBOX' : 'FROMMEMBER or FROMLONLAT';
    const name = untilNul(context.text(0));
    reply.errorText(`ERR exactly one of ${choice} can be specified for ${name}`);
    return false;
  }
  if (options.stopsEarly && options.count === 0) {
    reply.error(ANY_WITHOUT_COUNT);
    return false;
  }
  return isTargetLocked(context, command);
}

/**
 * Whether the key to store under is one that was locked: the first after its keyword. With the
 * option given twice Redis takes the last one; here that is a syntax error.
 */
function isTargetLocked({ args, reply }: Context, command: SearchCommand): boolean {
  const { target, storesDistance } = options;
  if (!command.hasStore || target === 0) return true;
  const word = storesDistance ? 'STOREDIST' : 'STORE';
  let first = command.by === BY_POSITION ? 6 : 5;
  while (!argumentIs(args, first, word)) first++;
  if (first + 1 === target) return true;
  reply.error(SYNTAX);
  return false;
}
