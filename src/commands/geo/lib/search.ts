/** Searching a sorted set for positions, and what is done with those found. */
import { EVENT_DEL, type KeyspaceEvent } from '../../../keyspace/events.js';
import { formatCoordinate, formatDistance } from '../../../values/geo/format.js';
import { decodeScore, Position } from '../../../values/geo/geohash.js';
import { GeoSearch, Match } from '../../../values/geo/search.js';
import { Accumulator } from '../../../values/sorted-set/accumulator.js';
import { ScoreRange } from '../../../values/sorted-set/range.js';
import type { Context } from '../../contract/context.js';
import { result } from '../../sorted-set/lib/combine.js';
import { storeCollected } from '../../sorted-set/lib/combine-command.js';
import { shardRegions } from '../../sorted-set/lib/sources.js';
import { ANSWERED, FOUND, openReader, ranks, reader } from '../../sorted-set/lib/values.js';
import { DESCENDING, options, parseSearch, type SearchCommand, UNSORTED } from './options.js';

const INT64_BORDER = 2 ** 63;
const INT64_MIN = -(2n ** 63n);
const FIRST_CAPACITY = 1024;
const KEPT_CAPACITY = 1 << 16;

const search = new GeoSearch();
const match = new Match();
const range = new ScoreRange();
const position = new Position();
/** The members found; their distances in metres are the scores. */
const matches = new Accumulator();
/** Scores of the members found, in the order in which they were. */
let scores = new Float64Array(FIRST_CAPACITY);

/** Runs a command. @param event what storing tells */
export function runSearch(context: Context, command: SearchCommand, event: KeyspaceEvent): void {
  const state = openReader(context, command.source);
  if (state === ANSWERED || !parseSearch(context, command, state === FOUND)) return;
  const { reply } = context;
  if (state !== FOUND) {
    if (options.target === 0) reply.emptyArray();
    else removeTarget(context);
    return;
  }
  collect(context);
  if (options.target === 0) replyMatches(context);
  else storeMatches(context, event);
  release();
}

function removeTarget({ args, keys, reply }: Context): void {
  if (keys.seek(args, options.target)) keys.remove(EVENT_DEL);
  reply.integer(0);
}

function collect(context: Context): void {
  const { keys } = context;
  const { shape, stopsEarly, count } = options;
  const limit = stopsEarly ? count : Number.POSITIVE_INFINITY;
  matches.begin(shardRegions(keys), false, 0, 0);
  search.begin(shape);
  range.maxExclusive = true;
  for (let i = 0; i < search.count && matches.count < limit; i++) {
    range.min = search.minimum[i]!;
    range.max = search.maximum[i]!;
    reader.ranksOfScores(range, ranks);
    collectRanks(keys.shard, limit);
  }
  // COUNT asks for the nearest ones.
  const sorts = options.sort !== UNSORTED || (count > 0 && !stopsEarly);
  if (sorts) matches.sortByScore(options.sort === DESCENDING);
  else matches.keepOrder();
}

function collectRanks(shard: number, limit: number): void {
  if (ranks.count === 0) return;
  reader.seekRank(ranks.first);
  for (let left = ranks.count; left > 0; left--) {
    if (search.match(match, reader.score)) {
      keepScore(matches.count, reader.score);
      const { memberRegion, memberOffset, memberLength } = reader;
      matches.append(match.distanceMeters, shard, memberRegion, memberOffset, memberLength);
      if (matches.count >= limit) return;
    }
    reader.next();
  }
}

function keepScore(index: number, score: number): void {
  if (index === scores.length) {
    const larger = new Float64Array(index * 2);
    larger.set(scores);
    scores = larger;
  }
  scores[index] = score;
}

/** How many of the members found are wished. */
function wished(): number {
  return options.count === 0 ? matches.count : Math.min(matches.count, options.count);
}

function replyMatches({ reply }: Context): void {
  const { withDistance, withHash, withPosition, shape } = options;
  const extra = Number(withDistance) + Number(withHash) + Number(withPosition);
  const count = wished();
  reply.array(count);
  for (let rank = 0; rank < count; rank++) {
    matches.read(rank);
    if (extra > 0) reply.array(extra + 1);
    reply.bulk(matches.memberRegion, matches.memberOffset, matches.memberLength);
    if (withDistance) reply.bulkBinary(formatDistance(matches.score / shape.unitMeters));
    const score = scores[matches.index]!;
    if (withHash) replyHash(reply, score);
    if (withPosition) replyPosition(reply, score);
  }
}

/** The score as a 64-bit integer, as x86-64 converts it. */
function replyHash(reply: Context['reply'], score: number): void {
  const whole = Math.trunc(score);
  if (Number.isSafeInteger(whole)) reply.integer(whole + 0);
  else if (whole >= -INT64_BORDER && whole < INT64_BORDER) reply.bigInteger(BigInt(whole));
  else reply.bigInteger(INT64_MIN);
}

/** Longitude and latitude of a score. */
export function replyPosition(reply: Context['reply'], score: number): void {
  decodeScore(position, score);
  reply.array(2);
  reply.doubleText(formatCoordinate(position.longitude));
  reply.doubleText(formatCoordinate(position.latitude));
}

/**
 * Stores the members found. Where the grid is coarse one can be found twice; it is stored once.
 */
function storeMatches(context: Context, event: KeyspaceEvent): void {
  const { args, keys, reply } = context;
  const { shape, storesDistance } = options;
  const { shard } = keys;
  const { hashKey0, hashKey1 } = keys.space;
  const count = wished();
  result.begin(shardRegions(keys), true, hashKey0, hashKey1);
  for (let rank = 0; rank < count; rank++) {
    matches.read(rank);
    const score = storesDistance ? matches.score / shape.unitMeters : scores[matches.index]!;
    const { memberRegion, memberOffset, memberLength } = matches;
    result.put(score, shard, memberRegion, memberOffset, memberLength);
  }
  result.sort();
  const stored = result.count;
  keys.seek(args, options.target);
  storeCollected(context, event);
  reply.integer(stored);
}

function release(): void {
  matches.release();
  if (scores.length > KEPT_CAPACITY) scores = new Float64Array(FIRST_CAPACITY);
}
