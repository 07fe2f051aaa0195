/**
 * One flow of the primary: turns its share of the shards into blocks (wire.ts).
 *
 * A full sync walks the shards one after the other, each database by database in the order of
 * hashes. A cursor (database, hash position) separates what was shipped from what was not. There is
 * no other bookkeeping: splits, merges and rewrites of frames do not move the cursor, and every
 * replica has a cursor of its own. One step, under the shard's lock:
 *
 *   journal since the last step ──▶ filtered: only shipped keys ──▶ sent first
 *   frame at the cursor         ──▶ copied                      ──▶ sent second; the cursor moves
 *
 * The flow never sends an effect on a key that is not shipped yet: the key's frame will contain it.
 * So nothing accumulates. After the walk the flow sends the shard's whole stream from the same LSN
 * on.
 *
 * The flow ships a shard again, from the start, if its ring was overrun during the walk or SWAPDB
 * exchanged databases on both sides of the cursor. It also does so if the ring of a shard that is
 * done is overrun while other shards are still shipped. That shard is cleared when its turn comes,
 * as it could lose its new place while it waits. Once all shards are done, an overrun ends the
 * flow.
 *
 * An ended session sends nothing more. The main thread ends a session before the server adopts
 * another history (a new id, other data in the same rings). The flow checks it under the lock under
 * which that history is written. Otherwise the first records of the new history would reach the
 * replica under the old id, and the replica could continue from an LSN that means something else
 * under that id.
 *
 * Belongs to one thread. Takes shard locks, one at a time, for at most one frame or one large
 * value.
 */
import { copyBytes, Region } from '../../base/region.js';
import {
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  participants,
  RECORD_DATABASE,
  RECORD_HASH,
  RECORD_KIND,
} from '../../journal/record.js';
import { GROWN_BYTES_MAX, grownBytes, type JournalRing } from '../../journal/ring.js';
import type { Shards } from '../../keyspace/shards.js';
import { keylessOf } from '../keyless.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_CLEAR,
  BLOCK_CUT,
  BLOCK_ENTRIES,
  BLOCK_FRAME,
  BLOCK_HEADER_BYTES,
  BLOCK_HEARTBEAT,
  BLOCK_JOURNAL,
  BLOCK_SHARD_DONE,
  blockBytes,
  FLAG_MORE,
  PAYLOAD_BYTES_MAX,
  sealBlock,
} from '../wire.js';
import {
  SUM_BYTES,
  SUM_FRAMES,
  SUM_KEYS,
  SUM_RESTARTED_SHARDS,
  type SyncSession,
} from './sync-session.js';
import { CAPTURED_END, CAPTURED_ENTRIES, CAPTURED_FRAME, FullSyncWalk } from './full-sync-walk.js';

/** Journal bytes taken under one hold of the lock: during the walk, and in stable sync. */
const CHUNK_BYTES = 128 * 1024;
const STREAM_BYTES = 256 * 1024;
const BARE_BLOCK = BLOCK_HEADER_BYTES;
/** `produce` needs this much room to make progress. */
export const OUTPUT_BYTES_MIN = blockBytes(CHUNK_BYTES) + BLOCK_BYTES_MAX + 4 * BARE_BLOCK;
/** A larger message region is released after use. */
const KEPT_BYTES = 4 << 20;

/** Verdicts on an effect during the walk. */
const SEND = 1;
const DROP = 0;
const RESTART = -1;

const ENDED = 'the sync was ended';

class PrimaryShard {
  reader = -1;
  /** LSN up to which the stream was sent, or need not be sent. */
  sent = 0;
  started = false;
  done = false;

  constructor(
    readonly shard: number,
    readonly ring: JournalRing,
    readonly walk: FullSyncWalk,
  ) {}
}

export interface PrimaryFlowOptions {
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  /** The shards of this flow. */
  readonly mine: readonly number[];
  readonly session: SyncSession;
  /** Whether the replica takes raw frames: it has the same number of shards. */
  readonly raw: boolean;
  /** LSN by shard to continue from; null for a full sync. */
  readonly from: readonly number[] | null;
}

export class PrimaryFlow {
  /** Why the flow cannot continue; the caller closes the link. */
  failed: string | null = null;
  private readonly primaryShards: PrimaryShard[];
  private scratch = new Region(new SharedArrayBuffer(CHUNK_BYTES), 0);
  /** A payload that is sent in pieces: longer than a block, or not made in place. */
  private message = new Region(new SharedArrayBuffer(CHUNK_BYTES), 0);
  private messageType = 0;
  private messageShard = 0;
  private messageAt = 0;
  private messageEnd = 0;
  private messageFrom = 0;
  private messageTo = 0;
  /** How many shards are not done, and the one that is being shipped. */
  private left: number;
  private current: PrimaryShard | null = null;
  private turn = 0;
  private cutSent = false;
  private bytes = 0;
  private frames = 0;
  private keys = 0;

  constructor(private readonly options: PrimaryFlowOptions) {
    const { shards, rings, mine, raw, from } = options;
    this.primaryShards = mine.map(
      (shard) => new PrimaryShard(shard, rings[shard]!, new FullSyncWalk(shards, shard, raw)),
    );
    this.left = from === null ? mine.length : 0;
    if (from !== null) {
      for (const shardState of this.primaryShards)
        this.continueFrom(shardState, from[shardState.shard]!);
    }
  }

  private continueFrom(shardState: PrimaryShard, lsn: number): void {
    this.attach(shardState, lsn);
    shardState.started = true;
    shardState.done = true;
  }

  private attach(shardState: PrimaryShard, lsn: number): void {
    const { shards } = this.options;
    shards.lock(shardState.shard);
    shardState.sent = lsn;
    shardState.reader = shardState.ring.attachReader(lsn);
    if (!shardState.ring.holds(lsn)) this.failed = `the journal no longer holds LSN ${lsn}`;
    shards.unlock(shardState.shard);
  }

  /** Whether every shard of this flow has been shipped. */
  get streaming(): boolean {
    return this.left === 0;
  }

  /** Whether there is nothing to send now. A hint, without locks. */
  get idle(): boolean {
    if (!this.streaming || this.messageAt < this.messageEnd || !this.cutSent) return false;
    for (const shardState of this.primaryShards)
      if (shardState.ring.peekHead() !== shardState.sent) return false;
    return true;
  }

  /**
   * Writes blocks into `out` from `offset` (a multiple of 8), never beyond `end`; needs
   * OUTPUT_BYTES_MIN to make progress.
   * @returns the offset after them; `offset` when there is nothing to send, or it failed
   */
  produce(out: Region, offset: number, end: number): number {
    if (this.options.session.ended) this.failed = ENDED;
    if (this.failed !== null) return offset;
    let at = this.sendMessage(out, offset, end);
    if (this.messageAt === this.messageEnd) {
      const half = this.streaming ? end : at + ((end - at) >> 1);
      at = this.streamAll(out, at, half);
      while (this.failed === null && !this.streaming && end - at >= OUTPUT_BYTES_MIN) {
        at = this.walkStep(this.next(), out, at);
        at = this.sendMessage(out, at, end);
        if (this.messageAt < this.messageEnd) break;
      }
      at = this.cut(out, at, end);
    }
    this.report(at - offset);
    return at;
  }

  /** The shard to ship. A shard that was begun is finished first, or it would lose its place. */
  private next(): PrimaryShard {
    this.current ??= this.primaryShards.find((shardState) => !shardState.done)!;
    return this.current;
  }

  /** Sends every shard's head: the replica learns that the link works and how far it lags. */
  heartbeat(out: Region, offset: number, end: number): number {
    let at = offset;
    // Nothing may come between the pieces of a message. The pieces show that the link works.
    if (this.messageAt < this.messageEnd) return at;
    for (const shardState of this.primaryShards) {
      if (end - at < BARE_BLOCK) break;
      const head = shardState.ring.peekHead();
      at = sealBlock(out, at, BLOCK_HEARTBEAT, 0, shardState.shard, 0, 0, head);
    }
    return at;
  }

  /** Detaches the flow's readers from the rings. */
  close(): void {
    const { shards } = this.options;
    for (const shardState of this.primaryShards) {
      if (shardState.reader < 0) continue;
      shards.lock(shardState.shard);
      shardState.ring.detachReader(shardState.reader);
      shards.unlock(shardState.shard);
      shardState.reader = -1;
    }
  }

  /** @returns false when the session has ended: the shard may hold another history */
  private lock(shard: number): boolean {
    const { shards, session } = this.options;
    shards.lock(shard);
    if (!session.ended) return true;
    shards.unlock(shard);
    this.failed = ENDED;
    return false;
  }

  private report(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes === 0) return;
    const { session } = this.options;
    session.add(SUM_BYTES, this.bytes);
    if (this.frames > 0) session.add(SUM_FRAMES, this.frames);
    if (this.keys > 0) session.add(SUM_KEYS, this.keys);
    this.bytes = 0;
    this.frames = 0;
    this.keys = 0;
    for (const shardState of this.primaryShards) session.sent[shardState.shard] = shardState.sent;
  }

  /** Stable sync: the streams of the shards that are done, in turn. */
  private streamAll(out: Region, offset: number, end: number): number {
    const { primaryShards } = this;
    let at = offset;
    const count = primaryShards.length;
    const first = this.turn;
    for (let i = 0; i < count; i++) {
      const index = (first + i) % count;
      const shardState = primaryShards[index]!;
      if (!shardState.done || shardState.ring.peekHead() === shardState.sent) continue;
      if (end - at < BLOCK_HEADER_BYTES + 64) {
        this.turn = index;
        break;
      }
      at = this.stream(shardState, out, at, end);
    }
    return at;
  }

  private stream(shardState: PrimaryShard, out: Region, offset: number, end: number): number {
    const { shards } = this.options;
    const { ring, shard } = shardState;
    const room = (end - offset - BLOCK_HEADER_BYTES) & ~7;
    if (!this.lock(shard)) return offset;
    const from = shardState.sent;
    if (!ring.holds(from)) {
      shards.unlock(shard);
      this.overrun(shardState);
      return offset;
    }
    const length = Math.min(ring.head - from, room, STREAM_BYTES);
    ring.read(from, length, out, offset + BLOCK_HEADER_BYTES);
    shardState.sent = from + length;
    this.moveReader(shardState);
    shards.unlock(shard);
    return sealBlock(out, offset, BLOCK_JOURNAL, 0, shard, length, from, shardState.sent);
  }

  /** The ring of a shard that is done was overrun. */
  private overrun(shardState: PrimaryShard): void {
    const { session } = this.options;
    if (!session.reopenShard()) {
      this.failed = `shard ${shardState.shard} was written faster than the replica read: its journal was overrun`;
      return;
    }
    session.add(SUM_RESTARTED_SHARDS, 1);
    shardState.done = false;
    shardState.started = false;
    this.left++;
  }

  /** One step of shipping a shard. There is room for OUTPUT_BYTES_MIN. */
  private walkStep(shardState: PrimaryShard, out: Region, offset: number): number {
    const { shards, session } = this.options;
    const { ring, shard, walk } = shardState;
    if (!shardState.started) return this.restart(shardState, out, offset);
    if (!this.lock(shard)) return offset;
    const from = shardState.sent;
    if (!ring.holds(from)) {
      shards.unlock(shard);
      session.add(SUM_RESTARTED_SHARDS, 1);
      return this.restart(shardState, out, offset);
    }
    const length = this.takeChunk(ring, from);
    const drained = from + length === ring.head && length <= CHUNK_BYTES;
    const reserved = length === 0 ? 0 : blockBytes(length);
    const framePlace = offset + reserved + BLOCK_HEADER_BYTES;
    const { database, position } = walk;
    const captured = drained ? walk.capture(out, framePlace, this.message) : 0;
    shards.unlock(shard);

    const kept = this.filter(length, database, position);
    if (kept < 0) {
      session.add(SUM_RESTARTED_SHARDS, 1);
      return this.restart(shardState, out, offset);
    }
    shardState.sent = from + length;
    this.move(shardState);
    let at = offset;
    if (kept > PAYLOAD_BYTES_MAX) this.queueRecord(shardState, kept, from);
    else if (kept > 0) {
      copyBytes(out, at + BLOCK_HEADER_BYTES, this.scratch, 0, kept);
      at = sealBlock(out, at, BLOCK_JOURNAL, 0, shard, kept, from, shardState.sent);
    }
    if (captured !== 0) at = this.shipped(shardState, captured, out, at, framePlace);
    if (this.scratch.length > KEPT_BYTES && kept <= PAYLOAD_BYTES_MAX) {
      this.scratch = new Region(new SharedArrayBuffer(CHUNK_BYTES), 0);
    }
    return at;
  }

  /** Queues a record that is longer than a block, to be sent in pieces. */
  private queueRecord(shardState: PrimaryShard, length: number, from: number): void {
    const scratch = this.scratch;
    this.scratch = this.message;
    this.message = scratch;
    this.queueMessage(BLOCK_JOURNAL, shardState, length, from, shardState.sent);
  }

  /** Sends what the walk captured. At the end of the shard the next one begins. */
  private shipped(
    shardState: PrimaryShard,
    captured: number,
    out: Region,
    offset: number,
    framePlace: number,
  ): number {
    const { walk, shard, sent } = shardState;
    this.keys += walk.keys;
    if (captured === CAPTURED_FRAME) {
      this.frames++;
      const place = offset + BLOCK_HEADER_BYTES;
      // The filter kept less of the journal than was reserved before the frame.
      if (place !== framePlace) {
        out.bytes.copyWithin(place, framePlace, framePlace + walk.payloadBytes);
      }
      return sealBlock(out, offset, BLOCK_FRAME, 0, shard, walk.payloadBytes, sent, sent);
    }
    if (captured === CAPTURED_ENTRIES) {
      this.message = walk.message;
      this.queueMessage(BLOCK_ENTRIES, shardState, walk.payloadBytes, sent, sent);
      return offset;
    }
    if (captured !== CAPTURED_END) return offset;
    shardState.done = true;
    this.left--;
    this.current = null;
    this.options.session.shardDone();
    return sealBlock(out, offset, BLOCK_SHARD_DONE, 0, shard, 0, sent, sent);
  }

  private move(shardState: PrimaryShard): void {
    const { shards } = this.options;
    shards.lock(shardState.shard);
    this.moveReader(shardState);
    shards.unlock(shardState.shard);
  }

  private moveReader({ ring, reader, sent }: PrimaryShard): void {
    ring.moveReader(reader, sent);
    // Otherwise background work shrinks it later.
    if (ring.hasGrown && grownBytes(this.options.rings) > GROWN_BYTES_MAX) ring.shrink();
  }

  /** Begins to ship a shard, for the first time or again. */
  private restart(shardState: PrimaryShard, out: Region, offset: number): number {
    const { shards } = this.options;
    if (!this.lock(shardState.shard)) return offset;
    shardState.sent = shardState.ring.head;
    if (shardState.reader >= 0) shardState.ring.moveReader(shardState.reader, shardState.sent);
    else shardState.reader = shardState.ring.attachReader(shardState.sent);
    shards.unlock(shardState.shard);
    shardState.started = true;
    shardState.walk.restart();
    return sealBlock(
      out,
      offset,
      BLOCK_CLEAR,
      0,
      shardState.shard,
      0,
      shardState.sent,
      shardState.sent,
    );
  }

  /** Copies whole records from `from` on into the scratch region: a chunk, or one long record. */
  private takeChunk(ring: JournalRing, from: number): number {
    const head = ring.head;
    let length = 0;
    while (from + length < head) {
      const record = ring.wordAt(from + length);
      if (length > 0 && length + record > CHUNK_BYTES) break;
      length += record;
      if (length > CHUNK_BYTES) break;
    }
    if (length > this.scratch.length) {
      this.scratch = new Region(new SharedArrayBuffer((length + 4095) & ~4095), 0);
    }
    ring.read(from, length, this.scratch, 0);
    return length;
  }

  /**
   * Keeps the records in the scratch region that concern keys before the cursor.
   * @returns the bytes kept, or RESTART
   */
  private filter(length: number, database: number, position: number): number {
    const region = this.scratch;
    let kept = 0;
    for (let at = 0; at < length; ) {
      const record = region.words[at >> 2]!;
      if (region.bytes[at + RECORD_KIND] === KIND_PART) {
        const bytes = this.filterPart(at, record, kept, database, position);
        if (bytes === RESTART) return RESTART;
        kept += bytes;
      } else {
        const verdict = judge(region, at, database, position);
        if (verdict === RESTART) return RESTART;
        if (verdict === SEND) {
          copyBytes(region, kept, region, at, record);
          kept += record;
        }
      }
      at += record;
    }
    return kept;
  }

  /**
   * Filters the records inside a transaction's part. A part without remaining records is not sent:
   * it is older than the cut, so the replica is not ready before it has the effects of all parts.
   */
  private filterPart(
    offset: number,
    length: number,
    target: number,
    database: number,
    position: number,
  ): number {
    const region = this.scratch;
    const end = offset + length;
    const count = participants(region, offset);
    const header = partHeaderBytes(count);
    let inner = offset + header;
    copyBytes(region, target, region, offset, header);
    let kept = header;
    while (inner < end) {
      const record = region.words[inner >> 2]!;
      const verdict = judge(region, inner, database, position);
      if (verdict === RESTART) return RESTART;
      if (verdict === SEND) {
        copyBytes(region, target + kept, region, inner, record);
        kept += record;
      }
      inner += record;
    }
    if (kept === header) return 0;
    region.words[target >> 2] = kept;
    return kept;
  }

  private queueMessage(
    type: number,
    shardState: PrimaryShard,
    length: number,
    from: number,
    to: number,
  ): void {
    this.messageType = type;
    this.messageShard = shardState.shard;
    this.messageAt = 0;
    this.messageEnd = length;
    this.messageFrom = from;
    this.messageTo = to;
  }

  /** Sends pieces of the message while there is room for them. */
  private sendMessage(out: Region, offset: number, end: number): number {
    let at = offset;
    while (this.messageAt < this.messageEnd) {
      const room = Math.min((end - at - BLOCK_HEADER_BYTES) & ~7, PAYLOAD_BYTES_MAX);
      const left = this.messageEnd - this.messageAt;
      if (room < Math.min(left, CHUNK_BYTES)) return at;
      const length = Math.min(room, left);
      const flags = length < left ? FLAG_MORE : 0;
      copyBytes(out, at + BLOCK_HEADER_BYTES, this.message, this.messageAt, length);
      at = sealBlock(
        out,
        at,
        this.messageType,
        flags,
        this.messageShard,
        length,
        this.messageFrom,
        this.messageTo,
      );
      this.messageAt += length;
    }
    if (this.messageEnd > KEPT_BYTES) {
      this.message = new Region(new SharedArrayBuffer(CHUNK_BYTES), 0);
    }
    this.messageAt = 0;
    this.messageEnd = 0;
    return at;
  }

  /** Sends the cut once all shards of all flows are done: the heads, read after that. */
  private cut(out: Region, offset: number, end: number): number {
    if (this.cutSent || !this.streaming || this.failed !== null) return offset;
    if (end - offset < BARE_BLOCK * this.primaryShards.length) return offset;
    if (!this.options.session.allDone) return offset;
    let at = offset;
    for (const { ring, shard } of this.primaryShards) {
      if (!this.lock(shard)) return offset;
      const head = ring.head;
      this.options.shards.unlock(shard);
      at = sealBlock(out, at, BLOCK_CUT, 0, shard, 0, 0, head);
    }
    this.cutSent = true;
    return at;
  }
}

/** The verdict on one effect, when everything before (database, position) was shipped. */
function judge(region: Region, offset: number, database: number, position: number): number {
  const of = region.view.getUint16(offset + RECORD_DATABASE, true);
  if (region.bytes[offset + RECORD_KIND] === KIND_KEYLESS) {
    return judgeKeyless(region, offset, of, database, position);
  }
  if (of !== database) return of < database ? SEND : DROP;
  return region.view.getUint32(offset + RECORD_HASH, true) < position ? SEND : DROP;
}

function judgeKeyless(
  region: Region,
  offset: number,
  of: number,
  database: number,
  position: number,
): number {
  const keyless = keylessOf(region, offset);
  // A FLUSHDB is always safe to send: the replica has nothing of what was not shipped.
  if (keyless?.name !== 'SWAPDB') return of <= database ? SEND : DROP;
  const { first: a, second: b } = keyless;
  if (a < database && b < database) return SEND;
  const untouched = (other: number) => other > database || (other === database && position === 0);
  return untouched(a) && untouched(b) ? DROP : RESTART;
}
