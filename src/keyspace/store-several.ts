/**
 * Storing several keys, all or none: MSET and MSETNX.
 *
 * A shard can become full after some of the keys are written. With plenty of room (the usual case)
 * it cannot, and the keys are stored one by one. Otherwise there are three steps, under the locks
 * of all their shards:
 *
 *   1. reserve   for each key, what could fail: its entry, room for a longer value in its frame, a
 *                run of pages. Every value stays as it was
 *   2. undo      when one failed: entries go, values get their length back, runs are given back.
 *                All of this only shrinks, so that it cannot fail
 *   3. store     each reservation is given back right before its key is stored. That only shrinks,
 *                or takes the pages that were just given back, so that it cannot fail either
 *
 * Of a key given several times only the last value is stored.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { equalBytes } from '../base/region.js';
import { FRAME_BYTES, FRAME_PAGES, PAGE_BYTES } from '../memory/space-layout.js';
import {
  EXPIRY_BYTES,
  headerBytes,
  INLINE_LIMIT,
  KEY_INLINE_LIMIT,
  KEY_RUN_BYTES,
  pagesFor,
  varintBytes,
} from '../structures/entry.js';
import { EVENT_NEW, EVENT_SET } from './events.js';
import type { Keyspace } from './keyspace.js';

/** Frames that a table gains at most when a key meets a full one. */
const SPLITS_PER_KEY = 2;
/** What an entry takes besides key and value: its header, and a slot with the room around it. */
const ENTRY_BYTES = 32;
/** Pages by which a shard's directories may grow. */
const DIRECTORY_PAGES = 1024;
/** An entry with a value in a run is not longer than one with so many bytes. */
const RUN_ENTRY_VALUE_BYTES = 16;

/** What was done for one key. */
interface Reservation {
  readonly index: number;
  /** Whether its entry is new. */
  created: boolean;
  /** The value's length, to be given back; -1 when it was not changed. */
  lengthBefore: number;
  /** A run of pages that belongs to nobody yet; 0 for none. */
  run: number;
  pages: number;
}

/**
 * Stores argument `first + 1` under the key `first`, and so on in pairs to the end.
 * @throws StoreFullError, when nothing has changed
 */
export function storeSeveral(
  keys: Keyspace,
  args: ArgumentVector,
  first: number,
  kind: number,
): void {
  if (args.count - first > 2 && !hasPlentyOfRoom(keys, args, first)) {
    storeReserved(keys, args, first, kind);
    return;
  }
  for (let i = first; i < args.count; i += 2) {
    keys.seek(args, i);
    keys.storeArgument(kind, args, i + 1, 0, EVENT_SET);
  }
}

/** Whether each shard has more untouched pages than the whole command can take. */
function hasPlentyOfRoom(keys: Keyspace, args: ArgumentVector, first: number): boolean {
  let bytes = 0;
  for (let i = first; i < args.count; i++) bytes += args.length[i]!;
  const pairs = (args.count - first) >> 1;
  const bytePages = Math.ceil(bytes / PAGE_BYTES) + pairs * 2 + DIRECTORY_PAGES;
  const pages = bytePages + pairs * SPLITS_PER_KEY * FRAME_PAGES;
  for (let i = first; i < args.count; i += 2) {
    const shard = keys.shardOfArgument(args, i);
    const untouched = keys.shards.spaces[shard]!.untouchedPages;
    if (untouched >= pages) continue;
    // Many short values: each frame splits once, and then again for each eighth of one that comes.
    const { frames } = keys.shards.table(shard, keys.database);
    const splits = frames + 2 + Math.ceil((bytes + pairs * ENTRY_BYTES) / (FRAME_BYTES / 8));
    if (untouched < bytePages + splits * SPLITS_PER_KEY * FRAME_PAGES) return false;
  }
  return true;
}

function storeReserved(keys: Keyspace, args: ArgumentVector, first: number, kind: number): void {
  const last = lastPlaces(keys, args, first);
  const reservations: Reservation[] = [];
  for (let i = first; i < args.count; i += 2) {
    if (last.has(i) && !reserve(keys, args, i, kind, reservations)) {
      const error = keys.full(keys.shard);
      for (const reservation of reservations.reverse()) undo(keys, args, reservation);
      throw error;
    }
  }
  let next = 0;
  for (let i = first; i < args.count; i += 2) {
    keys.seek(args, i);
    if (last.has(i)) {
      const { run, pages, lengthBefore, created } = reservations[next++]!;
      if (run !== 0) keys.space.free(run, pages);
      if (lengthBefore >= 0 && keys.types.owns(keys.kind)) freeResized(keys, lengthBefore, kind);
      // The entry is there since it was reserved.
      if (created) keys.announce(EVENT_NEW);
      keys.storeArgument(kind, args, i + 1, 0, EVENT_SET);
    } else {
      // A later pair of the command overwrites this value: it is not stored, but its event is told.
      keys.announce(EVENT_SET);
    }
  }
}

/** Frees the pages of the value found, which got another length by `reserve`. */
function freeResized(keys: Keyspace, lengthBefore: number, kind: number): void {
  keys.valueLength = lengthBefore;
  keys.types.free(keys);
  keys.reencode(kind);
}

/** The last occurrence of each key. */
function lastPlaces(keys: Keyspace, args: ArgumentVector, first: number): Set<number> {
  const byHash = new Map<string, number[]>();
  for (let i = first; i < args.count; i += 2) {
    keys.seek(args, i);
    const hash = `${keys.h1} ${keys.h2}`;
    const places = byHash.get(hash) ?? [];
    byHash.set(hash, [...places.filter((other) => !sameArgument(args, other, i)), i]);
  }
  return new Set([...byHash.values()].flat());
}

function sameArgument(args: ArgumentVector, a: number, b: number): boolean {
  const { region, offset, length } = args;
  if (length[a] !== length[b]) return false;
  return equalBytes(region, offset[a]!, region, offset[b]!, length[a]!);
}

/** Makes sure that the key and its value will find room. @returns false: the shard is full */
function reserve(
  keys: Keyspace,
  args: ArgumentVector,
  index: number,
  kind: number,
  reservations: Reservation[],
): boolean {
  keys.seek(args, index);
  const reservation = { index, created: false, lengthBefore: -1, run: 0, pages: 0 };
  const table = keys.shards.table(keys.shard, keys.database);
  const length = args.length[index + 1]!;
  if (!keys.exists) {
    if (table.put(kind, length, 0) < 0) return false;
    reservation.created = true;
    reservations.push(reservation);
    return true;
  }
  const { valueLength: before, expiry } = table;
  if (length > before && !fitsItsRun(args.length[index]!, before, length)) {
    const inline = staysInline(args.length[index]!, length);
    const wanted = lengthToReserve(inline ? length : RUN_ENTRY_VALUE_BYTES, expiry !== 0 && inline);
    if (wanted > before) {
      if (table.resize(wanted) < 0) return false;
      reservation.lengthBefore = before;
    }
    if (!inline) {
      reservation.pages = pagesFor(length);
      reservation.run = keys.space.allocate(reservation.pages);
    }
  }
  reservations.push(reservation);
  return reservation.pages === 0 || reservation.run !== 0;
}

/** Whether an entry without expiry keeps a value of this length in itself. */
function staysInline(keyLength: number, length: number): boolean {
  const keyPart = keyLength > KEY_INLINE_LIMIT ? KEY_RUN_BYTES : keyLength;
  return headerBytes(keyLength, length, false) + keyPart + length <= INLINE_LIMIT;
}

/** Whether the value lies in a run that is long enough for the new one. */
function fitsItsRun(keyLength: number, before: number, length: number): boolean {
  return !staysInline(keyLength, before) && pagesFor(length) <= pagesFor(before);
}

/** The length that takes the room of `length` bytes without an expiry, now that there is one. */
function lengthToReserve(length: number, expires: boolean): number {
  if (!expires || length < EXPIRY_BYTES) return length;
  const shorter = length - EXPIRY_BYTES;
  return shorter + varintBytes(length) - varintBytes(shorter);
}

function undo(keys: Keyspace, args: ArgumentVector, reservation: Reservation): void {
  const { index, created, lengthBefore, run, pages } = reservation;
  keys.seek(args, index);
  const table = keys.shards.table(keys.shard, keys.database);
  if (run !== 0) keys.space.free(run, pages);
  if (created) table.remove();
  else if (lengthBefore >= 0) table.resize(lengthBefore);
}
