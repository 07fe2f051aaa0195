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
 * The states of a shard are in shard-states.ts. Belongs to one thread. Takes shard locks, one at a
 * time, for at most one frame or one large value.
 */
import { copyBytes, moveBytes, type Region } from '../../base/region.js';
import { GROWN_BYTES_MAX, grownBytes } from '../../journal/ring.js';
import { TYPES } from '../../keyspace/types.js';
import { AcknowledgementReader } from '../acknowledgement.js';
import type { HalfStream } from '../half-sync.js';
import {
  AWAITS_CLEAR,
  afterEvent,
  DONE,
  EVENT_BEGIN,
  EVENT_END,
  EVENT_RESHIP,
  SHIP_PENDING,
  SHIP_WALKING,
} from '../shard-states.js';
import { StreamLocks } from '../stream-locks.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_CLEAR,
  BLOCK_CUT,
  BLOCK_HEADER_BYTES,
  BLOCK_HEARTBEAT,
  BLOCK_JOURNAL,
  BLOCK_SHARD_DONE,
  BLOCK_VALUES,
  BlockHeader,
  blockBytes,
  PAYLOAD_BYTES_MAX,
  sealBlock,
} from '../wire.js';
import { CutSender, cutTaker } from './cut-sender.js';
import {
  CAPTURED_END,
  CAPTURED_FRAME,
  CAPTURED_NOTHING,
  FullSyncWalk,
  PART_BYTES,
  WalkCursor,
} from './full-sync-walk.js';
import { CHUNK_BYTES, JournalFilter } from './journal-filter.js';
import { KeylessShipment } from './keyless-shipment.js';
import { OutgoingMessage } from './outgoing-message.js';
import { PartFilter } from './part-filter.js';
import type { PrimaryFlowOptions } from './primary-flow-options.js';
import { PrimaryShard } from './primary-shard.js';
import { SendWindow } from './send-window.js';
import { SUM_BYTES, SUM_FRAMES, SUM_KEYS, SUM_RESTARTED_SHARDS } from './sync-session.js';
import { blockTypeOf, putCursor } from './walk-blocks.js';

/** Journal bytes taken from one shard under one hold of the lock in stable sync. */
const STREAM_BYTES = 256 * 1024;
/** A block of a stream is not begun with less room. */
const STREAM_ROOM_BYTES = BLOCK_HEADER_BYTES + 64;
/** `produce` needs this much room to make progress. */
export const OUTPUT_BYTES_MIN = blockBytes(CHUNK_BYTES) + BLOCK_BYTES_MAX + 4 * BLOCK_HEADER_BYTES;

/** The cursor of a shard that is not being shipped. */
const NO_WALK = new WalkCursor();

const ENDED = 'the sync was ended';

export class PrimaryFlow {
  /** Why the flow cannot continue; the caller closes the link. */
  failed: string | null = null;
  private readonly primaryShards: PrimaryShard[];
  private readonly walk: FullSyncWalk;
  private readonly filter: JournalFilter;
  private readonly message = new OutgoingMessage();
  private readonly header = new BlockHeader();
  /** The cursor before the present step: what was shipped when its records were written. */
  private readonly shipped = new WalkCursor();
  readonly acknowledgements: AcknowledgementReader;
  private readonly window: SendWindow;
  private readonly locks: StreamLocks;
  private readonly keyless: KeylessShipment;
  /** How many shards are not shipped yet, and the one that is being shipped. */
  private left: number;
  private current: PrimaryShard | null = null;
  /** The shard that is locked, -1 for none. */
  private locked = -1;
  private turn = 0;
  private cutSent = false;
  /** Only the flow of shard 0 sends cuts. */
  private readonly cuts: CutSender | null;
  private bytes = 0;
  private frames = 0;
  private keys = 0;

  constructor(private readonly options: PrimaryFlowOptions) {
    const { shards, rings, mine, raw, from, half, session } = options;
    this.locks = new StreamLocks(shards, rings, options.owner);
    this.keyless = new KeylessShipment(options.keylessState);
    this.walk = new FullSyncWalk(shards, TYPES, raw, options.partBytes ?? PART_BYTES);
    this.filter = new JournalFilter(new PartFilter(shards, options.elements));
    this.window = new SendWindow(session, options.windowBytes, shards.count);
    this.primaryShards = mine.map((shard) => new PrimaryShard(shard, rings[shard]!));
    this.left = mine.length;
    this.cuts = mine.includes(0) ? new CutSender(options.cuts, session, rings.length) : null;
    for (const shardState of this.primaryShards) {
      if (from !== null) this.continueFrom(shardState, from[shardState.shard]!);
      if (half !== null) this.resume(shardState, half[shardState.shard]!);
    }
    const sent = new Map(this.primaryShards.map((shardState) => [shardState.shard, shardState]));
    this.acknowledgements = new AcknowledgementReader(mine, {
      lsn: (shard, lsn) => this.window.acknowledge(sent.get(shard)!, lsn),
      ...cutTaker(this.cuts),
    });
  }

  private continueFrom(shardState: PrimaryShard, lsn: number): void {
    const { locks } = this;
    locks.lock(shardState.shard);
    shardState.sent = lsn;
    shardState.base = lsn;
    shardState.place = lsn;
    shardState.reader = shardState.ring.attachReader(lsn);
    if (!shardState.ring.holds(lsn)) this.failed = `the journal no longer holds LSN ${lsn}`;
    locks.unlock(shardState.shard);
    this.change(shardState, EVENT_BEGIN);
    this.change(shardState, EVENT_END);
  }

  /**
   * Goes on with a shard of a full sync whose link was cut, from where the replica has it. A shard whose
   * ring does not hold that any more is shipped from its start.
   */
  private resume(shardState: PrimaryShard, half: HalfStream): void {
    const { locks } = this;
    const { shard, ring, cursor } = shardState;
    // The replica acknowledges it, whatever becomes of the shard.
    shardState.sent = half.lsn;
    const isWhole = half.state === DONE;
    if (half.state === AWAITS_CLEAR || (this.isKeyless(shard) && !isWhole)) return;
    locks.lock(shard);
    const isHeld = ring.holds(half.lsn);
    if (isHeld) shardState.reader = ring.attachReader(half.lsn);
    locks.unlock(shard);
    if (!isHeld) {
      this.options.session.add(SUM_RESTARTED_SHARDS, 1);
      return;
    }
    shardState.base = half.lsn;
    shardState.place = half.lsn;
    cursor.resumeAt(half.database, half.position);
    this.change(shardState, EVENT_BEGIN);
    if (!isWhole) return;
    this.change(shardState, EVENT_END);
    this.options.session.shardDone();
  }

  private change(shardState: PrimaryShard, event: number): void {
    const before = shardState.streaming;
    shardState.state = afterEvent(shardState.state, event);
    if (shardState.streaming !== before) this.left += before ? 1 : -1;
  }

  /** Whether every shard of this flow has been shipped. */
  get streaming(): boolean {
    return this.left === 0;
  }

  /** Whether there is nothing to send now. A hint, without locks. */
  get idle(): boolean {
    if (!this.isStable || this.cuts?.hasNews === true) return false;
    return this.primaryShards.every((shardState) => !this.hasWork(shardState));
  }

  /** Whether something of a shipped shard can be sent, or its reader moved. A hint. */
  private hasWork(shardState: PrimaryShard): boolean {
    const { window } = this;
    if (window.isPlaceOld(shardState)) return true;
    return shardState.ring.peekHead() !== shardState.sent && !window.isFull(shardState);
  }

  /** Whether all was sent up to the session's limits. */
  get isAtEnd(): boolean {
    return (
      this.isStable && this.primaryShards.every((shard) => shard.sent === this.window.end(shard))
    );
  }

  /** Whether only streams are left to send. */
  private get isStable(): boolean {
    return this.streaming && !this.message.pending && this.cutSent;
  }

  /**
   * Takes bytes that came from the replica: acknowledgements.
   * @returns why the link must be closed, or null
   */
  acknowledge(bytes: Uint8Array): string | null {
    return this.acknowledgements.feed(bytes);
  }

  /**
   * Writes blocks into `out` from `offset` (a multiple of 8), never beyond `end`. Needs
   * OUTPUT_BYTES_MIN to make progress. Throws nothing: `failed` tells what is wrong.
   * @returns the offset after them; `offset` when there is nothing to send, or it failed
   */
  produce(out: Region, offset: number, end: number): number {
    if (this.options.session.ended) this.failed = ENDED;
    if (this.failed !== null) return offset;
    try {
      return this.produceBlocks(out, offset, end);
    } catch (error) {
      // For example, the system refuses memory for a large value.
      if (this.locked >= 0) this.unlock(this.locked);
      this.failed = `internal error: ${error instanceof Error ? error.stack : error}`;
      return offset;
    }
  }

  private produceBlocks(out: Region, offset: number, end: number): number {
    const { message } = this;
    let at = message.send(out, offset, end);
    if (!message.pending) {
      const half = this.streaming ? end : at + ((end - at) >> 1);
      at = this.streamAll(out, at, half);
      while (this.failed === null && !this.streaming && end - at >= OUTPUT_BYTES_MIN) {
        at = this.walkStep(this.next(), out, at);
        at = message.send(out, at, end);
        if (message.pending) break;
      }
      at = this.cut(out, at, end);
      if (this.cutSent && this.failed === null) at = this.cuts?.send(out, at, end) ?? at;
    }
    this.report(at - offset);
    return at;
  }

  /**
   * The shard to ship. A shard that was begun is finished first, or it would lose its place. The
   * stream without keys goes before all: it is short.
   */
  private next(): PrimaryShard {
    if (this.current === null) {
      const left = this.primaryShards.filter(({ streaming }) => !streaming);
      const begun = left.find(({ state }) => state === SHIP_WALKING);
      this.current = begun ?? left.find(({ shard }) => this.isKeyless(shard)) ?? left[0]!;
    }
    return this.current;
  }

  /** Sends every shard's head: the replica learns that the link works and how far it lags. */
  heartbeat(out: Region, offset: number, end: number): number {
    let at = offset;
    // Nothing may come between the pieces of a message. The pieces show that the link works.
    if (this.message.pending) return at;
    for (const { shard, ring } of this.primaryShards) {
      if (end - at < BLOCK_HEADER_BYTES) break;
      at = this.seal(out, at, BLOCK_HEARTBEAT, shard, ring.peekHead());
    }
    return at;
  }

  /**
   * Detaches the flow's readers from the rings.
   * @param comesBack whether the replica may come back to where it was
   */
  close(comesBack = true): void {
    const { locks } = this;
    for (const shardState of this.primaryShards) {
      if (shardState.reader < 0) continue;
      locks.lock(shardState.shard);
      const { ring, shard } = shardState;
      if (comesBack) ring.anchor(Math.max(this.options.session.acknowledged[shard]!, ring.start));
      ring.detachReader(shardState.reader);
      locks.unlock(shardState.shard);
      shardState.reader = -1;
    }
  }

  /** @returns false when the session has ended: the shard may hold another history */
  private lock(shard: number): boolean {
    this.locks.lock(shard);
    this.locked = shard;
    if (!this.options.session.ended) return true;
    this.unlock(shard);
    this.failed = ENDED;
    return false;
  }

  private unlock(shard: number): void {
    this.locked = -1;
    this.locks.unlock(shard);
  }

  /** Writes a block without a payload. */
  private seal(
    out: Region,
    offset: number,
    type: number,
    shard: number,
    lsn: number,
    cursor: WalkCursor = NO_WALK,
  ): number {
    const { header } = this;
    header.type = type;
    header.shard = shard;
    header.length = 0;
    header.from = lsn;
    header.to = lsn;
    putCursor(header, cursor);
    return sealBlock(out, offset, header);
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
    for (const { shard, sent } of this.primaryShards) session.sent[shard] = sent;
  }

  /** Stable sync: the streams of the shipped shards, in turn. */
  private streamAll(out: Region, offset: number, end: number): number {
    const { primaryShards } = this;
    let at = offset;
    const count = primaryShards.length;
    const first = this.turn;
    for (let i = 0; i < count; i++) {
      const index = (first + i) % count;
      const shardState = primaryShards[index]!;
      if (!shardState.streaming || !this.hasWork(shardState)) continue;
      if (end - at < STREAM_ROOM_BYTES) {
        this.turn = index;
        break;
      }
      at = this.stream(shardState, out, at, end);
    }
    return at;
  }

  private stream(shardState: PrimaryShard, out: Region, offset: number, end: number): number {
    const { header } = this;
    const { ring, shard } = shardState;
    const room = (end - offset - BLOCK_HEADER_BYTES) & ~7;
    if (!this.lock(shard)) return offset;
    const from = shardState.sent;
    if (!ring.holds(from) || this.window.isLost(shardState)) {
      this.unlock(shard);
      this.overrun(shardState);
      return offset;
    }
    const length = Math.min(this.mayBeSent(shardState), room, STREAM_BYTES);
    ring.read(from, length, out, offset + BLOCK_HEADER_BYTES);
    shardState.sent = from + length;
    this.moveReader(shardState, this.window.place(shardState));
    this.unlock(shard);
    if (length === 0) return offset;
    header.type = BLOCK_JOURNAL;
    header.shard = shard;
    header.length = length;
    header.from = from;
    header.to = shardState.sent;
    putCursor(header, NO_WALK);
    return sealBlock(out, offset, header);
  }

  /** Bytes of the shard's stream that may be sent now. The shard is locked. */
  private mayBeSent(shardState: PrimaryShard): number {
    const { window } = this;
    const { ring, sent } = shardState;
    if (sent >= window.limit(shardState) && !window.grantLarge(shardState)) return 0;
    return Math.min(ring.head, window.limit(shardState)) - sent;
  }

  /** The ring of a shipped shard was overrun, or its history was lost. */
  private overrun(shardState: PrimaryShard): void {
    const { session } = this.options;
    if (!session.reopenShard()) {
      this.failed = `shard ${shardState.shard}: the journal no longer holds LSN ${shardState.sent}`;
      return;
    }
    session.add(SUM_RESTARTED_SHARDS, 1);
    this.window.release(shardState);
    this.change(shardState, EVENT_RESHIP);
  }

  /** One step of shipping a shard. There is room for OUTPUT_BYTES_MIN. */
  private walkStep(shardState: PrimaryShard, out: Region, offset: number): number {
    const { filter } = this;
    const { ring, shard, cursor } = shardState;
    if (shardState.state === SHIP_PENDING) return this.begin(shardState, out, offset);
    if (this.isKeyless(shard)) return this.shipKeyless(shardState, out, offset);
    if (!this.lock(shard)) return offset;
    const from = shardState.sent;
    if (!ring.holds(from)) {
      this.unlock(shard);
      return this.reship(shardState, out, offset);
    }
    const length = filter.take(ring, from);
    const drained = from + length === ring.head && length <= CHUNK_BYTES;
    const reserved = length === 0 ? 0 : blockBytes(length);
    const framePlace = offset + reserved + BLOCK_HEADER_BYTES;
    this.shipped.copyFrom(cursor);
    // The effects on a collection in parts come before its next part is taken.
    const inParts = cursor.part.active;
    let kept = inParts ? filter.keep(length, cursor) : 0;
    if (kept < 0) {
      this.unlock(shard);
      return this.reship(shardState, out, offset);
    }
    const captured = drained
      ? this.walk.capture(shard, cursor, out, framePlace, this.message.region)
      : CAPTURED_NOTHING;
    this.unlock(shard);

    if (!inParts) kept = filter.keep(length, this.shipped);
    if (kept < 0) return this.reship(shardState, out, offset);
    shardState.sent = from + length;
    this.move(shardState);
    const at = this.sendRecords(shardState, kept, from, out, offset);
    return this.sendCaptured(shardState, captured, out, at, framePlace);
  }

  /** Sends the first `length` bytes of the filter's region: the records since the last step. */
  private sendRecords(
    { shard, sent }: PrimaryShard,
    length: number,
    from: number,
    out: Region,
    offset: number,
  ): number {
    const { filter, message } = this;
    const header = length > PAYLOAD_BYTES_MAX ? message.header : this.header;
    header.type = BLOCK_JOURNAL;
    header.shard = shard;
    header.length = length;
    header.from = from;
    header.to = sent;
    putCursor(header, this.shipped);
    let at = offset;
    if (length > PAYLOAD_BYTES_MAX) {
      // One record that is longer than a block. Nothing was captured beside it.
      message.region = filter.exchange(message.region);
      message.queue(length);
    } else if (length > 0) {
      copyBytes(out, at + BLOCK_HEADER_BYTES, filter.region, 0, length);
      at = sealBlock(out, at, header);
    }
    filter.trim();
    return at;
  }

  /** Sends what the walk captured. At the end of the shard the next one begins. */
  private sendCaptured(
    shardState: PrimaryShard,
    captured: number,
    out: Region,
    offset: number,
    framePlace: number,
  ): number {
    const { walk, message } = this;
    const { shard, sent } = shardState;
    if (captured === CAPTURED_NOTHING) return offset;
    this.keys += walk.keys;
    if (captured === CAPTURED_END) return this.endShard(shardState, out, offset);
    const header = captured === CAPTURED_FRAME ? this.header : message.header;
    header.type = blockTypeOf(captured);
    header.shard = shard;
    header.length = walk.payloadBytes;
    header.from = sent;
    header.to = sent;
    putCursor(header, shardState.cursor);
    if (captured !== CAPTURED_FRAME) {
      message.region = walk.message;
      message.queue(walk.payloadBytes);
      return offset;
    }
    this.frames++;
    const place = offset + BLOCK_HEADER_BYTES;
    // The filter kept less of the journal than was reserved before the frame.
    if (place !== framePlace) {
      moveBytes(out, place, framePlace, walk.payloadBytes);
    }
    return sealBlock(out, offset, header);
  }

  /** The walk of a shard is at its end. */
  private endShard(shardState: PrimaryShard, out: Region, offset: number): number {
    const { shard, sent, cursor } = shardState;
    this.change(shardState, EVENT_END);
    shardState.base = sent;
    this.current = null;
    this.options.session.shardDone();
    return this.seal(out, offset, BLOCK_SHARD_DONE, shard, sent, cursor);
  }

  private isKeyless(stream: number): boolean {
    return stream >= this.options.shards.count;
  }

  /** The stream without keys was begun: its state is sent, then it is done. */
  private shipKeyless(shardState: PrimaryShard, out: Region, offset: number): number {
    const { keyless, message } = this;
    const { shard, sent } = shardState;
    const { length } = keyless;
    if (length === 0) return this.endShard(shardState, out, offset);
    const { header } = message;
    header.type = BLOCK_VALUES;
    header.shard = shard;
    header.from = sent;
    header.to = sent;
    putCursor(header, shardState.cursor);
    message.region = keyless.take(message.region);
    message.queue(length);
    return offset;
  }

  private move(shardState: PrimaryShard): void {
    this.locks.lock(shardState.shard);
    this.moveReader(shardState, shardState.sent);
    this.locks.unlock(shardState.shard);
  }

  /** The shard is locked. */
  private moveReader(shardState: PrimaryShard, place: number): void {
    const { ring, reader } = shardState;
    shardState.place = place;
    ring.moveReader(reader, place);
    // Otherwise background work shrinks it later.
    if (ring.hasGrown && grownBytes(this.options.rings) > GROWN_BYTES_MAX) ring.shrink();
  }

  /** Ships a shard again that is being shipped. */
  private reship(shardState: PrimaryShard, out: Region, offset: number): number {
    this.options.session.add(SUM_RESTARTED_SHARDS, 1);
    this.change(shardState, EVENT_RESHIP);
    return this.begin(shardState, out, offset);
  }

  /** Begins to ship a shard, for the first time or again. */
  private begin(shardState: PrimaryShard, out: Region, offset: number): number {
    if (!this.lock(shardState.shard)) return offset;
    const { ring } = shardState;
    shardState.sent = ring.head;
    if (shardState.reader >= 0) ring.moveReader(shardState.reader, shardState.sent);
    else shardState.reader = ring.attachReader(shardState.sent);
    if (this.isKeyless(shardState.shard)) this.keyless.capture();
    this.unlock(shardState.shard);
    this.change(shardState, EVENT_BEGIN);
    shardState.cursor.restart();
    return this.seal(out, offset, BLOCK_CLEAR, shardState.shard, shardState.sent);
  }

  /** Sends the cut once all shards of all flows are done: the heads, read after that. */
  private cut(out: Region, offset: number, end: number): number {
    if (this.cutSent || !this.streaming || this.failed !== null) return offset;
    if (end - offset < BLOCK_HEADER_BYTES * this.primaryShards.length) return offset;
    if (!this.options.session.allDone) return offset;
    let at = offset;
    for (const shardState of this.primaryShards) {
      const { ring, shard } = shardState;
      if (!this.lock(shard)) return offset;
      const head = Math.min(ring.head, this.window.end(shardState));
      this.unlock(shard);
      at = this.seal(out, at, BLOCK_CUT, shard, head);
    }
    this.cutSent = true;
    return at;
  }
}
