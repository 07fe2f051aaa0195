/**
 * Unions, intersections and differences of sorted sets and sets. The result is collected and put in
 * order; then it is answered, or stored. Weighted scores that are no number count as 0, as in Redis.
 */
import { Accumulator } from '../../../values/sorted-set/accumulator.js';
import type { MemberSource } from './member-source.js';
import { Sources } from './sources.js';

export const SUM = 0;
export const MIN = 1;
export const MAX = 2;

/** One of each for each thread. */
export const sources = new Sources();
export const result = new Accumulator();

function numberOr0(score: number): number {
  return Number.isNaN(score) ? 0 : score;
}

function aggregated(how: number, before: number, score: number): number {
  if (how === SUM) return numberOr0(before + score);
  // A score that is no number replaces none.
  const replaces = how === MIN ? score < before : score > before;
  return replaces ? score : before;
}

function begin(findsAgain: boolean, key0: number, key1: number): void {
  result.begin(sources.regions, findsAgain, key0, key1);
}

/** Collects the members of all sources. The two numbers are the hash key. */
export function collectUnion(aggregate: number, key0: number, key1: number): void {
  begin(true, key0, key1);
  sources.sortBySize();
  for (let i = 0; i < sources.count; i++) {
    const index = sources.at(i);
    if (sources.exists(index)) addSource(aggregate, index);
  }
}

function addSource(aggregate: number, index: number): void {
  const weight = sources.weightOf(index);
  const shard = sources.shardOf(index);
  const source = sources.walked(index);
  for (let more = source.first(); more; more = source.next()) {
    const score = numberOr0(weight * source.score);
    const { memberRegion, memberOffset, memberLength } = source;
    const known = result.put(score, shard, memberRegion, memberOffset, memberLength);
    if (known >= 0) result.setScore(known, aggregated(aggregate, result.scoreOf(known), score));
  }
}

/** Collects the members that all sources have. */
export function collectIntersection(aggregate: number): void {
  begin(false, 0, 0);
  walkIntersection(aggregate, 0, true);
}

/** Counts the members that all sources have, up to a limit (0: none). */
export function countIntersection(limit: number): number {
  return walkIntersection(SUM, limit, false);
}

function walkIntersection(aggregate: number, limit: number, keeps: boolean): number {
  sources.sortBySize();
  const first = sources.at(0);
  if (!sources.exists(first)) return 0;
  const shard = sources.shardOf(first);
  const source = sources.walked(first);
  let count = 0;
  for (let more = source.first(); more; more = source.next()) {
    const score = commonScore(aggregate, source, sources.weightOf(first));
    if (Number.isNaN(score)) continue;
    count++;
    if (keeps) {
      result.append(score, shard, source.memberRegion, source.memberOffset, source.memberLength);
    }
    if (count === limit) break;
  }
  return count;
}

/** The score of a member of the first source; NaN when another source does not have it. */
function commonScore(aggregate: number, member: MemberSource, weight: number): number {
  const { memberRegion, memberOffset, memberLength } = member;
  let score = numberOr0(weight * member.score);
  for (let i = 1; i < sources.count; i++) {
    const index = sources.at(i);
    const other = sources.sought(index);
    if (!other.find(memberRegion, memberOffset, memberLength)) return Number.NaN;
    score = aggregated(aggregate, score, other.score * sources.weightOf(index));
  }
  return score;
}

/** Collects the members of the first source that no other has. */
export function collectDifference(): void {
  begin(false, 0, 0);
  if (!sources.exists(0)) return;
  const shard = sources.shardOf(0);
  const source = sources.walked(0);
  for (let more = source.first(); more; more = source.next()) {
    const { score, memberRegion, memberOffset, memberLength } = source;
    if (isElsewhere(memberRegion, memberOffset, memberLength)) continue;
    result.append(score, shard, memberRegion, memberOffset, memberLength);
  }
}

function isElsewhere(
  region: MemberSource['memberRegion'],
  offset: number,
  length: number,
): boolean {
  for (let i = 1; i < sources.count; i++) {
    if (sources.exists(i) && sources.sought(i).find(region, offset, length)) return true;
  }
  return false;
}
