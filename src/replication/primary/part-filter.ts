/**
 * Effects on the collection that is being shipped in parts (part-cursor.ts): what the replica gets of
 * each. Called in the order of the records, before the next part is taken.
 *
 *   nothing of it was shipped       nothing: the parts will contain the effect
 *   elements are named              those groups whose elements were shipped
 *     of a sorted set               nothing: the next part begins with what they are by then
 *   each element by itself          all of it: the replica has those elements that were shipped
 *   a list has changed at a place   what lies before the position, which moves along
 *   a stream has grown              nothing: a part to come will contain it
 *   a group of a stream             all of it when the group was shipped
 *   when the key expires            nothing: the last part tells
 *   anything else                   nothing: the collection is unshipped now, and is begun again
 *
 * The last row is right for every effect, so that a new command needs no thought; it costs bytes. It is
 * also what happens when the key is removed or gets another value.
 */
import { moveBytes, type Region, toBinary } from '../../base/region.js';
import {
  RECORD_DATABASE,
  RECORD_HASH,
  RECORD_HEADER_BYTES,
  recordBytes,
  VECTOR_HEADER_BYTES,
} from '../../journal/record.js';
import type {
  EffectElements,
  ElementsByVerb,
  GroupedElements,
  ListChange,
  StreamChange,
  StreamGroupChange,
} from '../../keyspace/effect-elements.js';
import { EFFECT_EXPIRE_AT, EFFECT_PERSIST } from '../../keyspace/effect-verbs.js';
import type { Shards } from '../../keyspace/shards.js';
import { HashState, hashBytes } from '../../structures/hash.js';
import type { PartCursor } from './part-cursor.js';

/** Verbs and counts are not longer. */
const WORD_BYTES_MAX = 32;
const LENGTH_BYTES = 4;

export class PartFilter {
  private readonly hash = new HashState();

  constructor(
    private readonly shards: Shards,
    private readonly elements: ElementsByVerb,
  ) {}

  /** Whether the effect at `offset` is about the collection that is being shipped. */
  concerns(region: Region, offset: number, part: PartCursor): boolean {
    if (!part.active) return false;
    const { view } = region;
    if (view.getUint16(offset + RECORD_DATABASE, true) !== part.database) return false;
    if (view.getInt32(offset + RECORD_HASH, true) !== (part.h1 | 0)) return false;
    const first = firstArgument(offset);
    const isAfterVerb = this.elementsOf(wordAt(region, first))?.by !== 'subcommand';
    const key = argumentAt(region, offset, isAfterVerb ? 1 : 2);
    return part.isKey(region, key + LENGTH_BYTES, view.getUint32(key, true));
  }

  private elementsOf(verb: string): EffectElements | undefined {
    return this.elements.get(verb.toUpperCase());
  }

  /**
   * Changes the effect at `offset` into what the replica gets of it, in its place.
   * @returns bytes of the record that is left; 0 when that is nothing
   */
  apply(region: Region, offset: number, part: PartCursor): number {
    if (part.position === 0) return 0;
    const length = region.view.getUint32(offset, true);
    const verb = wordAt(region, firstArgument(offset));
    if (verb === EFFECT_EXPIRE_AT || verb === EFFECT_PERSIST) return 0;
    let elements = this.elementsOf(verb);
    if (elements?.by === 'subcommand') {
      elements = this.elementsOf(`${verb}|${wordAt(region, argumentAt(region, offset, 1))}`);
    }
    if (elements === undefined) return startAgain(part);
    switch (elements.by) {
      case 'each':
        return length;
      case 'hash':
        return this.keepGroups(region, offset, part, elements);
      case 'new-entry':
      case 'figures':
        return streamChange(region, offset, part, elements);
      case 'group':
        return groupChange(region, offset, part, elements);
      case 'subcommand':
        return startAgain(part);
      default:
        return this.listChange(region, offset, part, elements);
    }
  }

  /** Keeps the groups whose elements lie before the position. */
  private keepGroups(
    region: Region,
    offset: number,
    part: PartCursor,
    { first, step, element, skip, keyword }: GroupedElements,
  ): number {
    const { view } = region;
    const all = argumentCount(region, offset);
    let at = firstArgument(offset);
    let index = 0;
    while (index < all && (index < first || isOption(region, at, skip))) {
      at = argumentAfter(region, at);
      index++;
    }
    let count = 0;
    if (keyword !== undefined) {
      for (; index < all && wordAt(region, at).toUpperCase() !== keyword; index++) {
        at = argumentAfter(region, at);
      }
      if (index + 2 >= all) return startAgain(part);
      count = argumentAfter(region, at);
      at = argumentAfter(region, count);
      index += 2;
    }
    if (index === all || (all - index) % step !== 0) return startAgain(part);
    const before = index;
    let kept = 0;
    let target = at;
    for (; index < all; index += step) {
      let shipped = false;
      let end = at;
      for (let i = 0; i < step; i++) {
        if (i === element) shipped = this.isShipped(region, end, part);
        end = argumentAfter(region, end);
      }
      if (shipped) {
        if (target !== at) moveBytes(region, target, at, end - at);
        target += end - at;
        kept++;
      }
      at = end;
    }
    if (kept === 0) return 0;
    view.setUint32(offset + RECORD_HEADER_BYTES, before + kept * step, true);
    if (count > 0) target -= rewriteCount(region, count, kept, target);
    return closeRecord(region, offset, target);
  }

  /**
   * Whether the element at an argument lies before the position. By score that is a question of when, as
   * members move: who takes the next part, under the lock, is told the name.
   */
  private isShipped(region: Region, argument: number, part: PartCursor): boolean {
    const { hash } = this;
    const { key0, key1 } = this.shards.keyHash;
    const length = region.view.getUint32(argument, true);
    if (part.order === 'score') {
      part.place.scored.note(region, argument + LENGTH_BYTES, length);
      return false;
    }
    hashBytes(hash, region, argument + LENGTH_BYTES, length, key0, key1);
    return hash.h1 >>> 0 < part.position;
  }

  private listChange(region: Region, offset: number, part: PartCursor, { by }: ListChange): number {
    const length = region.view.getUint32(offset, true);
    const pushed = argumentCount(region, offset) - 2;
    switch (by) {
      case 'push-head':
        part.length += pushed;
        part.position += pushed;
        return length;
      case 'push-tail':
        part.length += pushed;
        return 0;
      case 'pop-head': {
        const popped = Math.min(numberAt(region, offset, 1), part.length);
        part.length -= popped;
        // More than what was shipped: the replica pops all that it has.
        part.position = Math.max(0, part.position - popped);
        return popped >= 0 ? length : startAgain(part);
      }
      case 'pop-tail':
        part.length -= Math.min(numberAt(region, offset, 1), part.length);
        return part.length >= part.position ? 0 : startAgain(part);
      case 'replace': {
        const index = numberAt(region, offset, Number.NaN);
        if (index >= 0) return index < part.position ? length : 0;
        return part.length + index >= part.position ? 0 : startAgain(part);
      }
    }
  }
}

/** The parts to come have the entry, and the figures, which are the last of all. */
function streamChange(
  region: Region,
  offset: number,
  part: PartCursor,
  { by }: StreamChange,
): number {
  if (by === 'figures') return 0;
  const id = argumentAt(region, offset, 2);
  const bytes = region.view.getUint32(id, true);
  const isBelow = part.place.stream.isBelow(part.position, region, id + LENGTH_BYTES, bytes);
  return isBelow ? startAgain(part) : 0;
}

function groupChange(
  region: Region,
  offset: number,
  part: PartCursor,
  { group, removes }: StreamGroupChange,
): number {
  const place = part.place.stream;
  const name = argumentAt(region, offset, group);
  const bytes = region.view.getUint32(name, true);
  if (!place.hasGroup(part.position, region, name + LENGTH_BYTES, bytes)) return 0;
  if (removes) {
    part.position = place.groupRemoved(part.position, region, name + LENGTH_BYTES, bytes);
  }
  return region.view.getUint32(offset, true);
}

function isOption(region: Region, at: number, words: readonly string[] | undefined): boolean {
  return words?.includes(wordAt(region, at).toUpperCase()) === true;
}

/** The collection is shipped from its beginning again, which replaces what the replica has of it. */
function startAgain(part: PartCursor): number {
  part.restart();
  return 0;
}

/** Ends a record whose vector was made shorter. @returns its bytes */
function closeRecord(region: Region, offset: number, end: number): number {
  const total = recordBytes(end - offset - RECORD_HEADER_BYTES);
  region.bytes.fill(0, end, offset + total);
  region.view.setUint32(offset, total, true);
  return total;
}

/**
 * Writes how many groups are left into the argument at `at`, which says so. It does not get longer.
 * @returns bytes by which the vector is shorter
 */
function rewriteCount(region: Region, at: number, groups: number, end: number): number {
  const text = String(groups);
  const after = argumentAfter(region, at);
  const shorter = region.view.getUint32(at, true) - text.length;
  region.view.setUint32(at, text.length, true);
  for (let i = 0; i < text.length; i++) {
    region.bytes[at + LENGTH_BYTES + i] = text.charCodeAt(i);
  }
  moveBytes(region, after - shorter, after, end - after);
  return shorter;
}

function firstArgument(offset: number): number {
  return offset + RECORD_HEADER_BYTES + VECTOR_HEADER_BYTES;
}

function argumentCount(region: Region, offset: number): number {
  return region.view.getUint32(offset + RECORD_HEADER_BYTES, true);
}

/** Offset of argument `index`, which is there. */
function argumentAt(region: Region, offset: number, index: number): number {
  let at = firstArgument(offset);
  for (let i = 0; i < index; i++) at = argumentAfter(region, at);
  return at;
}

/** Offset of the argument after the one at `at`. */
function argumentAfter(region: Region, at: number): number {
  return at + LENGTH_BYTES + region.view.getUint32(at, true);
}

/** The argument at `at`; empty when it is longer than any word. */
function wordAt(region: Region, at: number): string {
  const length = region.view.getUint32(at, true);
  return length > WORD_BYTES_MAX ? '' : toBinary(region, at + LENGTH_BYTES, length);
}

/** Argument 2 as a number, or what is given when there is none. */
function numberAt(region: Region, offset: number, otherwise: number): number {
  if (argumentCount(region, offset) < 3) return otherwise;
  return Number(wordAt(region, argumentAt(region, offset, 2)));
}
