/**
 * Bytes for clients that they did not ask for: messages of channels, invalidations, MONITOR. They
 * are staged while commands run, as the arena holds the replies of one connection at a time, and
 * queued before the next connection is served, and at the turn's end. So a message that was pushed
 * before a client's command reaches it before the reply of that command.
 *
 *   push(session) ──▶ staging region ──▶ arena, once for all recipients ──▶ the turn's sends
 *                                   └──▶ a slow reader's own queue
 *
 * One message for a thousand clients is written once: their sends name the same bytes. Messages of a
 * turn for the same clients lie side by side, so that one send takes them all.
 */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import type { Reply } from '../protocol/reply.js';
import type { ClientOutput } from './client-output.js';
import type { Connection } from './connection.js';
import { NOWHERE } from './handover.js';
import type { OutputArenas } from './output.js';
import type { NetSession } from './runner.js';

const STAGING_BYTES = 16 * 1024;
/** A larger staging region is given back when it is empty. */
const KEPT_BYTES = 1 << 20;
/** Longer messages are copied to each recipient's queue, not to the arena. */
const SHARED_BYTES_MAX = 64 * 1024;

export class ClientPushes<S extends NetSession> {
  /** Which staged message was copied to the arena last, and where it is there. */
  private readonly sharing = { staged: -1, offset: 0 };
  private staging = newRegion(STAGING_BYTES);
  private used = 0;
  private count = 0;
  private readonly connections: Connection<S>[] = [];
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];

  constructor(
    private readonly reply: Reply,
    private readonly arenas: OutputArenas,
    private readonly output: ClientOutput<S>,
    private readonly failed: (connection: Connection<S>, error: unknown) => void,
  ) {}

  /** Bytes that are staged. */
  get bytes(): number {
    return this.used;
  }

  /** Keeps a copy of the bytes. @returns where it is: for `add`, until the next `flush` */
  stage(region: Region, offset: number, length: number): number {
    const at = this.used;
    this.staging = withRoom(this.staging, at, at + length);
    copyBytes(this.staging, at, region, offset, length);
    this.used = at + length;
    return at;
  }

  /** The connection gets staged bytes. */
  add(connection: Connection<S>, staged: number, length: number): void {
    const index = this.count;
    this.connections[index] = connection;
    this.offsets[index] = staged;
    this.lengths[index] = length;
    this.count = index + 1;
  }

  /** Writes staged bytes where the reply under way has got to. */
  writeStaged(staged: number, length: number): void {
    this.reply.raw(this.staging, staged, length);
  }

  /** Queues all that is staged. Between the replies of two connections. */
  flush(nowMs: number): void {
    if (this.used === 0) return;
    this.arenas.beginReplies();
    this.sharing.staged = -1;
    for (let i = 0; i < this.count; i++) {
      const connection = this.connections[i]!;
      if (connection.closed || connection.inputEnded) continue;
      try {
        this.queue(connection, this.offsets[i]!, this.lengths[i]!, nowMs);
      } catch (error) {
        this.failed(connection, error);
      }
    }
    this.reply.start = this.reply.position;
    this.forget();
  }

  private queue(connection: Connection<S>, staged: number, length: number, nowMs: number): void {
    const { output, reply, sharing } = this;
    const isHere = connection.slot !== NOWHERE;
    if (isHere && length <= SHARED_BYTES_MAX && this.share(staged, length)) {
      if (output.queueShared(connection, reply.region, sharing.offset, length)) return;
      if (output.moveToEnd(connection, length)) {
        sharing.staged = -1;
        this.share(staged, length);
        if (output.queueShared(connection, reply.region, sharing.offset, length)) return;
      }
    }
    output.queueCopy(connection, this.staging, staged, length, nowMs);
  }

  /** Has the message in the arena, if there is room. */
  private share(staged: number, length: number): boolean {
    const { sharing } = this;
    if (sharing.staged === staged) return true;
    if (!this.arenas.hasRoom(length)) return false;
    const { reply } = this;
    copyBytes(reply.region, reply.position, this.staging, staged, length);
    sharing.staged = staged;
    sharing.offset = reply.position;
    reply.position += length;
    reply.start = reply.position;
    return true;
  }

  private forget(): void {
    this.count = 0;
    this.used = 0;
    this.connections.length = 0;
    if (this.staging.length <= KEPT_BYTES) return;
    giveBack(this.staging);
    this.staging = newRegion(STAGING_BYTES);
  }
}
