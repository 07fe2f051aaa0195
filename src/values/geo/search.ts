/**
 * Searches around a position: which ranges of scores can hold matches, and which scores match.
 *
 *     NW | N | NE        The grid is as fine as possible such that the nine cells around the
 *     ---+---+---        position cover the shape. Cells that the shape cannot reach are left out.
 *      W | * | E         Each cell is one range of scores.
 *     ---+---+---
 *     SW | S | SE
 *
 * Which cells are left out, and that a range can come twice when the grid is coarse, is Redis's: it
 * decides what a search finds (near the poles and the date line), how often, and in which order.
 */
import { distanceBetween, EARTH_RADIUS_METERS, toDegrees, toRadians } from './distance.js';
import {
  boundsOf,
  Cell,
  CellBounds,
  cellOf,
  decodeScore,
  lowestScore,
  Position,
  STEPS_MAX,
  scoreBehind,
} from './geohash.js';
import { cosine } from './trigonometry.js';

/** Half of the equator as the Mercator projection has it. */
const MERCATOR_MAX_METERS = 20037726.37;
/** Beyond these latitudes meridians are so close that the grid must be coarser. */
const NEAR_POLE = 66;
const AT_POLE = 80;

const CELLS = 9;
/** In the order in which they are searched: the middle, N, S, E, W, NE, NW, SE, SW. */
const EASTWARD = [0, 0, 0, 1, -1, 1, -1, 1, -1] as const;
const NORTHWARD = [0, 1, -1, 0, 0, 1, 1, -1, -1] as const;
const NORTH = 1;
const SOUTH = 2;
const EAST = 3;
const WEST = 4;

/** A circle, or a box with sides along the meridians and circles of latitude. */
export class Shape {
  /** The middle, in degrees. */
  longitude = 0;
  latitude = 0;
  isBox = false;
  /** Lengths, in units of `unitMeters`. A box has width and height, a circle a radius. */
  radius = 0;
  width = 0;
  height = 0;
  unitMeters = 1;
}

/** A position that matches, and how far it is from the middle. */
export class Match extends Position {
  distanceMeters = 0;
}

/** How often to halve the world such that a cell is about as large as the radius. */
function stepsFor(radiusMeters: number, latitude: number): number {
  if (radiusMeters === 0) return STEPS_MAX;
  let step = 1;
  for (let radius = radiusMeters; radius < MERCATOR_MAX_METERS; radius *= 2) step++;
  step -= 2;
  if (Math.abs(latitude) > NEAR_POLE) step--;
  if (Math.abs(latitude) > AT_POLE) step--;
  return Math.min(Math.max(step, 1), STEPS_MAX);
}

/** The degrees between which the shape lies, where it is widest. */
function boundingBox(out: CellBounds, shape: Shape): void {
  const { longitude, latitude } = shape;
  const height = shape.unitMeters * (shape.isBox ? shape.height / 2 : shape.radius);
  const width = shape.unitMeters * (shape.isBox ? shape.width / 2 : shape.radius);
  const latitudeReach = toDegrees(height / EARTH_RADIUS_METERS);
  const edge = latitude < 0 ? latitude - latitudeReach : latitude + latitudeReach;
  const longitudeReach = toDegrees(width / EARTH_RADIUS_METERS / cosine(toRadians(edge)));
  out.longitudeMin = longitude - longitudeReach;
  out.longitudeMax = longitude + longitudeReach;
  out.latitudeMin = latitude - latitudeReach;
  out.latitudeMax = latitude + latitudeReach;
}

/** From the middle to the farthest point, as an estimate. */
function reachMeters(shape: Shape): number {
  if (!shape.isBox) return shape.radius * shape.unitMeters;
  const width = shape.width / 2;
  const height = shape.height / 2;
  return Math.sqrt(width * width + height * height) * shape.unitMeters;
}

/**
 * What rounding can do to a quick estimate: to a length, as a share of it, and to an angle. The exact
 * test subtracts angles of up to pi, so that it too is off by as much where points are close.
 */
const SHARE_MARGIN = 1e-12;
const RADIANS_MARGIN = 4e-15;
const DEGREES_MARGIN = 1e-12;

/**
 * The square of the sine of half the angle of a distance on the sphere: it grows with the distance,
 * so that limits can be compared without an arc sine. With a margin for estimates.
 */
function squareLimit(meters: number): number {
  const halfAngle = meters / EARTH_RADIUS_METERS / 2;
  if (halfAngle >= Math.PI / 2 - RADIANS_MARGIN) return Infinity;
  const sineLimit = Math.sin(halfAngle) * (1 + SHARE_MARGIN) + RADIANS_MARGIN;
  return sineLimit * sineLimit;
}

/** A search: its ranges of scores, and the test of each score. One for each thread; reused. */
export class GeoSearch {
  /** Ranges; valid until the next `begin`. */
  count = 0;
  /** Each range is from its minimum to below its maximum. */
  readonly minimum = new Float64Array(CELLS);
  readonly maximum = new Float64Array(CELLS);
  private readonly cells = Array.from({ length: CELLS }, () => new Cell());
  private readonly used = new Uint8Array(CELLS);
  private readonly box = new CellBounds();
  private readonly bounds = new CellBounds();
  private shape = new Shape();
  /** Limits of what can match, for `isOutside`. */
  private reachLimit = 0;
  private widthLimit = 0;
  private latitudeLimit = 0;
  private middleCosine = 0;

  /** Finds the ranges; the shape stays as it is while scores are matched. */
  begin(shape: Shape): void {
    this.shape = shape;
    this.setLimits(shape);
    boundingBox(this.box, shape);
    let step = stepsFor(reachMeters(shape), shape.latitude);
    this.placeCells(shape, step);
    if (step > 1 && this.isTooSmall()) {
      step--;
      this.placeCells(shape, step);
    }
    this.used.fill(1);
    if (step >= 2) this.leaveOut();
    this.listRanges();
  }

  /** Whether the position of a score is within the shape; `out` then has it and its distance. */
  match(out: Match, score: number): boolean {
    const shape = this.shape;
    decodeScore(out, score);
    const { longitude, latitude } = out;
    if (this.isOutside(longitude, latitude)) return false;
    if (shape.isBox) {
      const width = shape.width * shape.unitMeters;
      const height = shape.height * shape.unitMeters;
      const eastWest = distanceBetween(longitude, latitude, shape.longitude, latitude);
      if (eastWest > width / 2) return false;
      const northSouth = distanceBetween(longitude, latitude, longitude, shape.latitude);
      if (northSouth > height / 2) return false;
    }
    out.distanceMeters = distanceBetween(shape.longitude, shape.latitude, longitude, latitude);
    return shape.isBox || out.distanceMeters <= shape.radius * shape.unitMeters;
  }

  private setLimits(shape: Shape): void {
    const halfHeight = (shape.height * shape.unitMeters) / 2;
    this.reachLimit = squareLimit(shape.radius * shape.unitMeters);
    this.widthLimit = squareLimit((shape.width * shape.unitMeters) / 2);
    this.latitudeLimit = toDegrees(halfHeight / EARTH_RADIUS_METERS) * (1 + SHARE_MARGIN);
    this.middleCosine = Math.cos(toRadians(shape.latitude));
  }

  /**
   * Rejects most of what does not match with JavaScript's quick functions. What is nearer to the
   * border than rounding can tell is left to the exact test.
   */
  private isOutside(longitude: number, latitude: number): boolean {
    const shape = this.shape;
    const v = Math.sin(toRadians(longitude - shape.longitude) / 2);
    const parallel = Math.cos(toRadians(latitude));
    if (shape.isBox) {
      const north = Math.abs(latitude - shape.latitude);
      if (north > this.latitudeLimit + DEGREES_MARGIN) return true;
      return parallel * parallel * v * v > this.widthLimit;
    }
    const u = Math.sin(toRadians(latitude - shape.latitude) / 2);
    return u * u + parallel * this.middleCosine * v * v > this.reachLimit;
  }

  private placeCells(shape: Shape, step: number): void {
    const middle = this.cells[0]!;
    cellOf(middle, shape.longitude, shape.latitude, step);
    const mask = 2 ** step - 1;
    for (let i = 1; i < CELLS; i++) {
      const cell = this.cells[i]!;
      const { longitude, latitude } = middle;
      // Around the world. What stays is not masked: on the upper edge it lies above the mask.
      cell.longitude = EASTWARD[i] === 0 ? longitude : (longitude + EASTWARD[i]!) & mask;
      cell.latitude = NORTHWARD[i] === 0 ? latitude : (latitude + NORTHWARD[i]!) & mask;
      cell.step = step;
    }
  }

  /** Whether the shape reaches beyond the cells around the middle one. */
  private isTooSmall(): boolean {
    const { box, bounds } = this;
    boundsOf(bounds, this.cells[NORTH]!);
    if (bounds.latitudeMax < box.latitudeMax) return true;
    boundsOf(bounds, this.cells[SOUTH]!);
    if (bounds.latitudeMin > box.latitudeMin) return true;
    boundsOf(bounds, this.cells[EAST]!);
    if (bounds.longitudeMax < box.longitudeMax) return true;
    boundsOf(bounds, this.cells[WEST]!);
    return bounds.longitudeMin > box.longitudeMin;
  }

  /** Leaves out the cells on a side where the shape ends within the middle cell. */
  private leaveOut(): void {
    const { box, bounds } = this;
    boundsOf(bounds, this.cells[0]!);
    const south = bounds.latitudeMin < box.latitudeMin;
    const north = bounds.latitudeMax > box.latitudeMax;
    const west = bounds.longitudeMin < box.longitudeMin;
    const east = bounds.longitudeMax > box.longitudeMax;
    for (let i = 1; i < CELLS; i++) {
      const isOut =
        (south && NORTHWARD[i] === -1) ||
        (north && NORTHWARD[i] === 1) ||
        (west && EASTWARD[i] === -1) ||
        (east && EASTWARD[i] === 1);
      if (isOut) this.used[i] = 0;
    }
  }

  private listRanges(): void {
    this.count = 0;
    let last = 0;
    for (let i = 0; i < CELLS; i++) {
      if (this.used[i] === 0) continue;
      const cell = this.cells[i]!;
      // Only the cell listed last is compared, and never with the middle one: as Redis does.
      if (last > 0 && isSameCell(cell, this.cells[last]!)) continue;
      this.minimum[this.count] = lowestScore(cell);
      this.maximum[this.count] = scoreBehind(cell);
      this.count++;
      last = i;
    }
  }
}

function isSameCell(a: Cell, b: Cell): boolean {
  return a.longitude === b.longitude && a.latitude === b.latitude;
}
