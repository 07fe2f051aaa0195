/**
 * Replies on their way out. A turn's replies of all connections are written one after the other
 * into an arena; at the end of the turn each connection's part is sent from there, in one system
 * call for all. Two arenas take turns, so that the bytes of a send stay in place for a turn more.
 * What a slow reader does not take moves to a queue of its own (`Pending`), sent as it drains.
 */
import { giveBack } from '../base/owned-region.js';
import { releasePages } from '../base/page-release.js';
import { copyBytes, type Region } from '../base/region.js';
import { checkReplyLength, type Reply } from '../protocol/reply.js';
import { RegionPool } from './region-pool.js';

const ARENA_BYTES = 1 << 20;
/** Offsets in a region are 31 bits. */
const REGION_BYTES_MAX = 0x7fff_fff8;
/**
 * Replies of a turn: whoever has commands then waits for the next one. A turn's replies are copied
 * twice, into the arena and by the kernel out of it: the second time they are still in the caches.
 * And the arena is large enough for nearly all turns: memory that was never touched costs a page
 * fault every 4 KiB.
 */
export const TURN_REPLIES_BYTES_MAX = 512 << 10;
/** Replies shorter than this are copied, so that their region stays for the next large reply. */
const RELEASED_BYTES_MIN = 1 << 20;

export class OutputArenas {
  /** For what slow readers do not take. */
  readonly queues: PendingRegions;
  private readonly arenas: [Region, Region];
  private current = 0;
  /** Regions made for replies that did not fit, by the turn that used them. */
  private grown: Region[] = [];
  private grownBefore: Region[] = [];
  private grownBytes = 0;
  private readonly borrowed = new Set<Region>();
  /** Where the arena continues, while replies are written to a region made for a large one. */
  private arenaPosition = 0;

  constructor(
    private readonly reply: Reply,
    private readonly pool: RegionPool,
    createRegion: (bytes: number) => Region,
  ) {
    this.queues = new PendingRegions(createRegion);
    this.arenas = [createRegion(ARENA_BYTES), createRegion(ARENA_BYTES)];
    this.writeTo(this.arenas[0], 0);
    reply.grow = (_, bytes) => this.grow(bytes);
  }

  /** As RegionPool.trim, of all that it takes regions from. */
  trim(): void {
    this.pool.trim();
    this.queues.trim();
  }

  /** Ends a turn: replies go to the other arena from here on. */
  turn(): void {
    const sent = this.grownBefore;
    this.grownBefore = this.grown;
    this.grown = [];
    this.grownBytes = 0;
    this.current ^= 1;
    this.writeTo(this.arenas[this.current]!, 0);
    for (const region of sent) this.recycle(region);
  }

  /** Whether this turn has replies enough. No limit of a client's output sees them before its end. */
  get isFull(): boolean {
    return this.grownBytes > 0 || this.reply.position > TURN_REPLIES_BYTES_MAX;
  }

  /** Lets replies go on at `position` of the region. */
  private writeTo(region: Region, position: number): void {
    const reply = this.reply;
    reply.region = region;
    reply.limit = region.length;
    reply.start = 0;
    reply.position = position;
  }

  /**
   * Before the replies of another connection: a region made for large replies holds those of one
   * connection only, so that its queue can keep the whole of it.
   */
  beginReplies(): void {
    const { reply } = this;
    if (!this.isArena(reply.region)) this.writeTo(this.arenas[this.current]!, this.arenaPosition);
    reply.start = reply.position;
    reply.kept = 0;
  }

  /**
   * Gives a region away that holds nothing but these replies, and no room for many more of them.
   * @returns false when there is more in it, or it is an arena: the bytes have to be copied
   */
  release(region: Region, start: number, length: number): boolean {
    if (start !== 0 || this.isArena(region) || length < RELEASED_BYTES_MIN) return false;
    const index = this.grown.indexOf(region);
    if (index < 0) return false;
    this.grown.splice(index, 1);
    releaseOutside(region, 0, length);
    this.writeTo(this.arenas[this.current]!, this.arenaPosition);
    this.reply.start = this.arenaPosition;
    return true;
  }

  /** Whether this many bytes fit the arena at `reply.position`. Between replies. */
  hasRoom(bytes: number): boolean {
    const { reply } = this;
    return this.isArena(reply.region) && reply.position + bytes <= reply.limit;
  }

  /** Whether the region is one of the two arenas (whose bytes do not outlive the next turn). */
  isArena(region: Region): boolean {
    return region === this.arenas[0] || region === this.arenas[1];
  }

  /**
   * Keeps a grown region out of reuse: a connection's queue refers to these bytes now. What was sent of
   * the region takes no memory from here on: a slow reader costs what it has not taken.
   */
  borrow(region: Region, offset: number, length: number): void {
    this.borrowed.add(region);
    releaseOutside(region, offset, length);
  }

  /** Moves the reply under way to a region with room for `bytes` more. */
  private grow(bytes: number): void {
    const reply = this.reply;
    const used = reply.position - reply.start;
    checkReplyLength(used, bytes);
    let size = ARENA_BYTES * 2;
    while (size < (used + bytes) * 1.25) size *= 2;
    size = Math.min(size, REGION_BYTES_MAX);
    const region = this.pool.take(size);
    copyBytes(region, 0, reply.region, reply.start, used);
    if (this.isArena(reply.region)) this.arenaPosition = reply.start;
    else if (reply.start === 0) this.outgrown(reply.region);
    this.grown.push(region);
    this.grownBytes += region.length;
    this.writeTo(region, used);
  }

  /** All that was in a region lies in a larger one. It may be the next one that a reply needs. */
  private outgrown(region: Region): void {
    this.grown.splice(this.grown.indexOf(region), 1);
    this.grownBytes -= region.length;
    this.recycle(region);
  }

  private recycle(region: Region): void {
    if (!this.borrowed.delete(region)) this.pool.give(region);
  }
}

/** Gives a region's pages back but for those with these bytes. */
function releaseOutside(region: Region, offset: number, length: number): void {
  const end = offset + length;
  if (offset > 0) releasePages(region, 0, offset);
  if (end < region.length) releasePages(region, end, region.length - end);
}

interface Chunk {
  region: Region;
  offset: number;
  length: number;
  /** Bytes that may still be appended after the chunk's end. */
  room: number;
  /** It came from the thread's pool of chunks. */
  isPooled: boolean;
}

const CHUNK_BYTES = 65536;
/** Chunks that a thread keeps for the next slow reader: a fresh one costs as much as sending it does. */
const CHUNKS_KEPT = 16;

/** What the queues of a thread's connections are made of. */
export class PendingRegions {
  private readonly chunks: RegionPool;

  constructor(readonly createRegion: (bytes: number) => Region) {
    this.chunks = new RegionPool(createRegion, CHUNKS_KEPT);
  }

  takeChunk(): Region {
    return this.chunks.take(CHUNK_BYTES);
  }

  /** Nothing uses the chunk's bytes any more, the transport included. */
  giveChunk(region: Region): void {
    this.chunks.give(region);
  }

  /** As RegionPool.trim. */
  trim(): void {
    this.chunks.trim();
  }
}

/** Output that waits for its reader, in order. */
export class Pending {
  private readonly chunks: Chunk[] = [];
  bytes = 0;
  /** The transport is sending the first chunk. */
  sending = false;

  constructor(private readonly regions: PendingRegions) {}

  get isEmpty(): boolean {
    return this.chunks.length === 0;
  }

  get count(): number {
    return this.chunks.length;
  }

  get first(): Readonly<Chunk> {
    return this.chunks[0]!;
  }

  /** Appends a copy of the bytes. */
  append(region: Region, offset: number, length: number): void {
    this.bytes += length;
    const last = this.chunks[this.chunks.length - 1];
    if (last !== undefined && last.room >= length && !(this.sending && this.chunks.length === 1)) {
      copyBytes(last.region, last.offset + last.length, region, offset, length);
      last.length += length;
      last.room -= length;
      return;
    }
    const isPooled = length <= CHUNK_BYTES;
    const own = isPooled ? this.regions.takeChunk() : this.newRegion(length);
    copyBytes(own, 0, region, offset, length);
    this.chunks.push({ region: own, offset: 0, length, room: own.length - length, isPooled });
  }

  /** Appends a region that holds nothing else. */
  appendInPlace(region: Region, offset: number, length: number): void {
    this.bytes += length;
    this.chunks.push({ region, offset, length, room: 0, isPooled: false });
  }

  /** Puts a copy of the bytes before everything that waits. */
  prepend(region: Region, offset: number, length: number): void {
    const own = this.newRegion(length);
    copyBytes(own, 0, region, offset, length);
    this.prependInPlace(own, 0, length);
  }

  /** The same without a copy: the region stays as it is until the bytes are sent. */
  prependInPlace(region: Region, offset: number, length: number): void {
    this.bytes += length;
    this.chunks.unshift({ region, offset, length, room: 0, isPooled: false });
  }

  /** The first chunk has been sent. */
  shift(): void {
    const chunk = this.chunks.shift();
    this.sending = false;
    if (chunk === undefined) return;
    this.bytes -= chunk.length;
    this.release(chunk);
  }

  /** The connection has ended: nothing of this is sent. */
  drop(): void {
    const { chunks } = this;
    // The transport may still read the first one: it must not get what another client is told.
    if (this.sending && chunks.length > 0) giveBack(chunks.shift()!.region);
    for (const chunk of chunks) this.release(chunk);
    chunks.length = 0;
    this.bytes = 0;
  }

  private newRegion(bytes: number): Region {
    return this.regions.createRegion((bytes + 7) & ~7);
  }

  private release({ region, isPooled }: Chunk): void {
    if (isPooled) this.regions.giveChunk(region);
    else giveBack(region);
  }
}
