/**
 * Parts of a large value in its own form. A value of many pages is shipped to a replica in parts
 * (value-type.ts, ValueParts). Commands that rebuild its elements would have each of them parsed,
 * hashed and stored again; a frame of a table or the blocks of a stream are verified and copied.
 *
 *     DARTER PART key kind part        adds a part to the value, or begins it
 *
 * It is an effect as any other, so that a replica with another number of shards takes it as well: what
 * is inside a key depends on the hash key alone, which both have. It is never written to a journal.
 *
 * The part of a nested table is one frame:
 *
 *   0      u32  bytes of the frame
 *   4      u32  bytes of its runs
 *   8      u32  entries
 *   12     u32  0
 *   16     the frame, padded to 8; the contents of its runs
 */
import { align8 } from '../base/align.js';
import { newRegion } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import { FRAME_BYTES } from '../memory/space-layout.js';
import { FRAME_ENTRIES, FRAME_EXPIRING, FRAME_PREFIX } from '../structures/frame.js';
import { copyFrame, copyFrameRuns, frameBytes, frameRunBytes } from '../structures/frame-copy.js';
import {
  type CopiedEntry,
  FrameCopy,
  ReceivedFrame,
  type ValueVerifier,
} from '../structures/frame-install.js';
import { HashState, hashBytes } from '../structures/hash.js';
import type { Table } from '../structures/table.js';
import type { ValueEffects } from './value-type.js';

export const EFFECT_PART = 'DARTER';
export const EFFECT_PART_SUBCOMMAND = 'PART';
/** What `take` answers when the shard is full. */
export const NO_ROOM = 'no room for it';

const FRAME_AT = 16;
/** A frame with more in runs goes as commands. */
const RUN_BYTES_MAX = 64 * 1024;
/** No part is longer. */
export const PART_BYTES_MAX = FRAME_AT + FRAME_BYTES + RUN_BYTES_MAX;
/** `emitFrame`: what is at the position goes as commands. */
export const NO_FRAME = -1;

const out = newRegion(PART_BYTES_MAX);
const frame = new ReceivedFrame();
/** Inside a key no entry belongs to a shard. */
const copy = new FrameCopy({ owns: () => true });
const hash = new HashState();
/** Bytes of the part that was emitted last. */
let emittedBytes = 0;

export function partBytes(): number {
  return emittedBytes;
}

/**
 * Emits the frame of a nested table that begins at a position. None of its entries may expire.
 * @param bytesMax a longer one goes as commands
 * @returns the position after it, or NO_FRAME
 */
export function emitFrame(
  table: Table,
  position: number,
  kind: number,
  bytesMax: number,
  effects: ValueEffects,
): number {
  const { space } = table;
  const { words } = space;
  const from = table.frameAt(position);
  const at = from >> 2;
  emittedBytes = 0;
  if (words[at + FRAME_PREFIX]! >>> 0 !== position || words[at + FRAME_EXPIRING] !== 0) {
    return NO_FRAME;
  }
  const after = table.positionAfter(from);
  if (words[at + FRAME_ENTRIES] === 0) return after;
  const runs = table.runs === 0 ? 0 : frameRunBytes(space, from, RUN_BYTES_MAX);
  if (runs > RUN_BYTES_MAX) return NO_FRAME;
  const bytes = frameBytes(space, from);
  if (bytes > bytesMax) return NO_FRAME;
  const runsAt = FRAME_AT + align8(bytes);
  out.words[0] = bytes;
  out.words[1] = runs;
  out.words[2] = words[at + FRAME_ENTRIES]!;
  out.words[3] = 0;
  copyFrame(space, from, out, FRAME_AT);
  out.bytes.fill(0, FRAME_AT + bytes, runsAt);
  if (runs > 0) copyFrameRuns(space, from, out, runsAt);
  emittedBytes = runsAt + runs;
  effects.begin(EFFECT_PART, EFFECT_PART_SUBCOMMAND).word(String(kind));
  effects.bytes(out, 0, emittedBytes).end();
  return after;
}

/**
 * Adds a frame to a nested table. Nothing is believed of it.
 * @param part where it lies, from 0 on
 * @returns what is wrong, NO_ROOM, or null. Entries may have been added if there was no room
 */
export function takeFrame(
  table: Table,
  root: number,
  part: Region,
  length: number,
  verifier: ValueVerifier,
): string | null {
  const { space } = table;
  const { words } = part;
  const rest = length - FRAME_AT;
  if (rest < 0) return 'a part that is cut off';
  const bytes = words[0]! >>> 0;
  const runs = words[1]! >>> 0;
  // In this order, so that align8 and the sum stay below 2^31.
  if (bytes > rest || runs > rest || align8(bytes) + runs !== rest) {
    return 'a part of another length than it says';
  }
  frame.region = part;
  frame.offset = FRAME_AT;
  frame.bytes = bytes;
  frame.runsOffset = FRAME_AT + align8(bytes);
  frame.runsBytes = runs;
  copy.set(frame);
  const wrong = copy.verify(space, verifier);
  if (wrong !== null) return wrong;
  if (copy.entries === 0 || copy.entries !== words[2]! >>> 0) return 'a part of other entries';
  if (words[(FRAME_AT >> 2) + FRAME_EXPIRING] !== 0) return 'a part with entries that expire';
  if (copy.install(space, root)) return null;
  table.attach(root, space.region);
  return copy.eachEntry((entry) => putEntry(table, part, entry)) ? null : NO_ROOM;
}

function putEntry(table: Table, part: Region, entry: CopiedEntry): boolean {
  const { space } = table;
  const { keyOffset, keyLength, kind, valueOffset, valueLength } = entry;
  hashBytes(hash, part, keyOffset, keyLength, space.hashKey0, space.hashKey1);
  table.find(part, keyOffset, keyLength, hash.h1, hash.h2);
  const at = table.put(kind, valueLength, 0);
  if (at < 0) return false;
  copyBytes(table.region, at, part, valueOffset, valueLength);
  return true;
}
