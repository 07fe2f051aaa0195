/**
 * Positions as scores of a sorted set: a geohash of 52 bits, as Redis has it.
 *
 * Longitude and latitude are each cut in half 26 times; the halves' numbers are interleaved, those of
 * the longitude at the odd bits. Near positions mostly have near scores, so that an area is a few
 * ranges of scores.
 *
 *     bit    51 50 49 48 ...  1  0
 *            lo la lo la     lo la
 *
 * Latitudes end at ±85.05112878, where the Mercator projection of the whole world is a square. A
 * position on the upper edge has a number of 27 bits: Redis lets it stand above the 52 bits, and so
 * do we, as scores must be equal.
 *
 * 64-bit numbers are two halves of 32 bits; no bigints.
 */

export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
/** The latitudes of the standard's geohash, which GEOHASH shows. */
const STANDARD_LATITUDE_MAX = 90;

/** How often each coordinate is halved for a score. */
export const STEPS_MAX = 26;
const HALF = 2 ** 32;
const SCALE = 2 ** STEPS_MAX;

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';
/** Characters of 5 bits; the eleventh has no bits left and is always the first of the alphabet. */
const TEXT_CHARACTERS = 10;

/** A position in degrees. */
export class Position {
  longitude = 0;
  latitude = 0;
}

/** A cell of the grid that `step` halvings make: its number in each direction. */
export class Cell {
  longitude = 0;
  latitude = 0;
  step = 0;
}

/** Degrees between which a cell lies. */
export class CellBounds {
  longitudeMin = 0;
  longitudeMax = 0;
  latitudeMin = 0;
  latitudeMax = 0;
}

/** A 64-bit number as two unsigned halves. */
class Halves {
  low = 0;
  high = 0;
}

const halves = new Halves();
const scoreCell = new Cell();
const scoreBounds = new CellBounds();

export function isPosition(longitude: number, latitude: number): boolean {
  return (
    longitude >= -LONGITUDE_MAX &&
    longitude <= LONGITUDE_MAX &&
    latitude >= -LATITUDE_MAX &&
    latitude <= LATITUDE_MAX
  );
}

/** The cell of a position; both coordinates must be in range. */
export function cellOf(out: Cell, longitude: number, latitude: number, step: number): void {
  const scale = 2 ** step;
  out.latitude = Math.floor(((latitude + LATITUDE_MAX) / (2 * LATITUDE_MAX)) * scale);
  out.longitude = Math.floor(((longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX)) * scale);
  out.step = step;
}

export function boundsOf(out: CellBounds, cell: Cell): void {
  const scale = 2 ** cell.step;
  const { latitude, longitude } = cell;
  out.latitudeMin = -LATITUDE_MAX + (latitude / scale) * (2 * LATITUDE_MAX);
  out.longitudeMin = -LONGITUDE_MAX + (longitude / scale) * (2 * LONGITUDE_MAX);
  // Cells of scores that are no geohash can have the largest number, whose next one is 0 in Redis.
  out.latitudeMax = -LATITUDE_MAX + (((latitude + 1) >>> 0) / scale) * (2 * LATITUDE_MAX);
  out.longitudeMax = -LONGITUDE_MAX + (((longitude + 1) >>> 0) / scale) * (2 * LONGITUDE_MAX);
}

/** Bits 0 to 15 of a number, each at twice its place. */
function spread(number: number): number {
  let bits = number & 0xffff;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

/** The even bits of a number, closed up: the inverse of `spread`. */
function gather(number: number): number {
  let bits = number & 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  return (bits | (bits >>> 8)) & 0xffff;
}

function interleave(out: Halves, longitude: number, latitude: number): void {
  out.low = (spread(latitude) | (spread(longitude) << 1)) >>> 0;
  out.high = (spread(latitude >>> 16) | (spread(longitude >>> 16) << 1)) >>> 0;
}

/** The score of a position; both coordinates must be in range. */
export function encodeScore(longitude: number, latitude: number): number {
  cellOf(scoreCell, longitude, latitude, STEPS_MAX);
  return lowestScore(scoreCell);
}

/** The lowest score within a cell. Rounded once, as a conversion from 64 bits is. */
export function lowestScore(cell: Cell): number {
  interleave(halves, cell.longitude, cell.latitude);
  return (halves.high * HALF + halves.low) * 4 ** (STEPS_MAX - cell.step);
}

/** The score after the highest one within a cell. */
export function scoreBehind(cell: Cell): number {
  interleave(halves, cell.longitude, cell.latitude);
  const low = (halves.low + 1) >>> 0;
  const high = low === 0 ? halves.high + 1 : halves.high;
  return (high * HALF + low) * 4 ** (STEPS_MAX - cell.step);
}

/**
 * A score as the 64 bits that Redis reads it as. Clients may have set any score: negative ones wrap,
 * fractions are cut off, and what 64 bits cannot hold is what x86-64's conversion makes of it.
 */
function splitScore(out: Halves, score: number): void {
  const whole = Math.trunc(score);
  if (whole >= 2 ** 64) {
    out.high = 0;
    out.low = 0;
    return;
  }
  if (whole < -(2 ** 63)) {
    out.high = 0x80000000;
    out.low = 0;
    return;
  }
  const high = Math.floor(whole / HALF);
  out.high = high >>> 0;
  out.low = whole - high * HALF;
}

/** The middle of the cell that a score stands for. Any score gives a position in range. */
export function decodeScore(out: Position, score: number): void {
  splitScore(halves, score);
  scoreCell.latitude = (gather(halves.low) | (gather(halves.high) << 16)) >>> 0;
  scoreCell.longitude = (gather(halves.low >>> 1) | (gather(halves.high >>> 1) << 16)) >>> 0;
  scoreCell.step = STEPS_MAX;
  boundsOf(scoreBounds, scoreCell);
  const longitude = (scoreBounds.longitudeMin + scoreBounds.longitudeMax) / 2;
  const latitude = (scoreBounds.latitudeMin + scoreBounds.latitudeMax) / 2;
  out.longitude = Math.min(Math.max(longitude, -LONGITUDE_MAX), LONGITUDE_MAX);
  out.latitude = Math.min(Math.max(latitude, -LATITUDE_MAX), LATITUDE_MAX);
}

/** The standard geohash of 11 characters, whose latitudes go to ±90. */
export function geohashText(position: Position): string {
  const latitude = (position.latitude + STANDARD_LATITUDE_MAX) / (2 * STANDARD_LATITUDE_MAX);
  const longitude = (position.longitude + LONGITUDE_MAX) / (2 * LONGITUDE_MAX);
  interleave(halves, Math.floor(longitude * SCALE), Math.floor(latitude * SCALE));
  let text = '';
  for (let i = 0; i < TEXT_CHARACTERS; i++) {
    const shift = 2 * STEPS_MAX - (i + 1) * 5;
    const bits =
      shift >= 32
        ? halves.high >>> (shift - 32)
        : (halves.low >>> shift) | (halves.high << (32 - shift));
    text += ALPHABET[bits & 31];
  }
  return text + ALPHABET[0];
}
