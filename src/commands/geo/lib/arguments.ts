/** Positions, units and lengths as arguments. */
import { parseDouble } from '../../../protocol/doubles.js';
import { ErrorReply, NOT_FLOAT } from '../../../protocol/errors.js';
import { argumentIs } from '../../../protocol/text.js';
import { UNITS, UNKNOWN_UNIT_TEXT } from '../../../values/geo/distance.js';
import { invalidPairText } from '../../../values/geo/format.js';
import { isPosition, type Position } from '../../../values/geo/geohash.js';
import type { Shape } from '../../../values/geo/search.js';
import type { Context } from '../../contract/context.js';

const UNKNOWN_UNIT = new ErrorReply(UNKNOWN_UNIT_TEXT);
const RADIUS_NOT_NUMERIC = new ErrorReply('ERR need numeric radius');
const RADIUS_NEGATIVE = new ErrorReply('ERR radius cannot be negative');
const WIDTH_NOT_NUMERIC = new ErrorReply('ERR need numeric width');
const HEIGHT_NOT_NUMERIC = new ErrorReply('ERR need numeric height');
const BOX_NEGATIVE = new ErrorReply('ERR height or width cannot be negative');

/** Argument `index` as a number, NaN when it is none. */
export function numberAt({ args }: Context, index: number): number {
  return parseDouble(args.region, args.offset[index]!, args.length[index]!);
}

/** Reads longitude and latitude from argument `index` on. False: an error was answered. */
export function parsePosition(context: Context, index: number, into: Position | Shape): boolean {
  const { reply } = context;
  const longitude = numberAt(context, index);
  const latitude = numberAt(context, index + 1);
  if (Number.isNaN(longitude) || Number.isNaN(latitude)) {
    reply.error(NOT_FLOAT);
    return false;
  }
  if (!isPosition(longitude, latitude)) {
    reply.errorText(invalidPairText(longitude, latitude));
    return false;
  }
  into.longitude = longitude;
  into.latitude = latitude;
  return true;
}

/** Metres of the unit that is argument `index`; 0 when there is no such unit, which is answered. */
export function parseUnit({ args, reply }: Context, index: number): number {
  for (const [name, meters] of UNITS) {
    if (argumentIs(args, index, name.toUpperCase())) return meters;
  }
  reply.error(UNKNOWN_UNIT);
  return 0;
}

/** Reads a radius and its unit from argument `index` on. False: an error was answered. */
export function parseRadius(context: Context, index: number, shape: Shape): boolean {
  const { reply } = context;
  shape.isBox = false;
  shape.radius = numberAt(context, index);
  if (Number.isNaN(shape.radius)) {
    reply.error(RADIUS_NOT_NUMERIC);
    return false;
  }
  if (shape.radius < 0) {
    reply.error(RADIUS_NEGATIVE);
    return false;
  }
  shape.unitMeters = parseUnit(context, index + 1);
  return shape.unitMeters > 0;
}

/** Reads width, height and their unit from argument `index` on. False: an error was answered. */
export function parseBox(context: Context, index: number, shape: Shape): boolean {
  const { reply } = context;
  shape.isBox = true;
  shape.width = numberAt(context, index);
  shape.height = numberAt(context, index + 1);
  if (Number.isNaN(shape.width)) reply.error(WIDTH_NOT_NUMERIC);
  else if (Number.isNaN(shape.height)) reply.error(HEIGHT_NOT_NUMERIC);
  else if (shape.width < 0 || shape.height < 0) reply.error(BOX_NEGATIVE);
  else {
    shape.unitMeters = parseUnit(context, index + 2);
    return shape.unitMeters > 0;
  }
  return false;
}
