/**
 * Distances on a sphere (haversine), in the order of operations that Redis has, and their units.
 * Angles in degrees, distances in metres.
 */
import { arcSine, cosine, sine } from './trigonometry.js';

/** The quadratic mean radius of WGS-84. */
export const EARTH_RADIUS_METERS = 6372797.560856;

const RADIANS_PER_DEGREE = Math.PI / 180;

/** Metres per unit of GEODIST and the searches. */
export const UNITS: readonly (readonly [name: string, meters: number])[] = [
  ['m', 1],
  ['km', 1000],
  ['ft', 0.3048],
  ['mi', 1609.34],
];

export const UNKNOWN_UNIT_TEXT = 'ERR unsupported unit provided. please use M, KM, FT, MI';

export function toRadians(degrees: number): number {
  return degrees * RADIANS_PER_DEGREE;
}

export function toDegrees(radians: number): number {
  return radians / RADIANS_PER_DEGREE;
}

/** @param longitude1 of one point; latitude1; longitude2 of the other; latitude2 */
export function distanceBetween(
  longitude1: number,
  latitude1: number,
  longitude2: number,
  latitude2: number,
): number {
  const from = toRadians(latitude1);
  const to = toRadians(latitude2);
  const u = sine((to - from) / 2);
  let square = u * u;
  if (longitude1 !== longitude2) {
    const v = sine((toRadians(longitude2) - toRadians(longitude1)) / 2);
    square += cosine(from) * cosine(to) * v * v;
  }
  return 2 * EARTH_RADIUS_METERS * arcSine(Math.sqrt(square));
}
