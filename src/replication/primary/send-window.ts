/**
 * How far a flow may send each shard's stream: a window beyond what the replica has acknowledged,
 * or one record that is longer than the window. So the replica's memory for bytes that wait for
 * parts of transactions is bounded, and back-pressure sees what waits there.
 *
 *   acknowledged          sent           acknowledged + window       head
 *        ├──────────────────┼──────────────────────┤ ─ ─ ─ ─ ─ ─ ─ ─ ─┤
 *        the ring's reader                          limit
 *
 * A longer record is sent whole when all before it is acknowledged, and when all other parts of its
 * transaction are next on their shards as well. Such a transaction waits for no other one, so it
 * will be applied. The session grants records outside of transactions LARGE_BYTES_MAX together, or
 * one that is longer, and one transaction with long parts at a time. The oldest transaction can
 * always be sent: its parts are next on all their shards.
 *
 * The replica's window of a shard that was shipped begins where its walk ended. Belongs to one
 * thread. Methods that read the ring need the shard's lock.
 */
import { Region } from '../../base/region.js';
import {
  KIND_PART,
  partHeaderBytes,
  participantAt,
  participants,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
} from '../../journal/record.js';
import type { PrimaryShard } from './primary-shard.js';
import type { SyncSession } from './sync-session.js';

export const WINDOW_BYTES_MIN = 4096;
/** A window that never fills: for who keeps nothing that waits, as a file does. */
export const NO_WINDOW_BYTES = 2 ** 52;
/** Two windows of each shard lie in one region of the replica. */
export const ALL_WINDOWS_BYTES_MAX = 512 << 20;
const WINDOW_BYTES_MAX = 8 << 20;

/** The window of a ring that keeps so many bytes: half of them, within bounds. */
export function windowBytesOf(ringBytes: number, shards: number): number {
  const most = Math.min(WINDOW_BYTES_MAX, ALL_WINDOWS_BYTES_MAX / shards);
  return Math.max(WINDOW_BYTES_MIN, Math.min(ringBytes >> 1, most)) & ~7;
}

export class SendWindow {
  private readonly head: Region;

  constructor(
    private readonly session: SyncSession,
    private readonly windowBytes: number,
    private readonly shards: number,
  ) {
    this.head = new Region(new SharedArrayBuffer((partHeaderBytes(shards) + 15) & ~7), 0);
  }

  /** LSN up to which the replica has applied the shard's stream, as far as this flow knows. */
  acknowledged({ shard, base }: PrimaryShard): number {
    return Math.max(base, this.session.acknowledged[shard]!);
  }

  /** LSN up to which the shard may be sent without a look at its records. */
  limit(shardState: PrimaryShard): number {
    const open = Math.max(this.acknowledged(shardState) + this.windowBytes, shardState.grantEnd);
    return Math.min(open, this.end(shardState));
  }

  /** LSN beyond which nothing is sent, whatever is acknowledged. */
  end({ shard }: PrimaryShard): number {
    return this.session.limits[shard]!;
  }

  /** From where on the flow still needs the ring. */
  place(shardState: PrimaryShard): number {
    return Math.max(this.acknowledged(shardState), shardState.sent - this.windowBytes);
  }

  /** Whether the window is full and only acknowledgements open it. Without the lock. */
  isFull(shardState: PrimaryShard): boolean {
    const { sent, grantEnd, shortAt } = shardState;
    if (sent < this.limit(shardState)) return false;
    if (sent >= this.end(shardState)) return true;
    return sent <= grantEnd || shortAt === this.acknowledged(shardState);
  }

  /** Whether the window is full and the ring has lost the record that is next on the replica. */
  isLost(shardState: PrimaryShard): boolean {
    if (shardState.sent < this.limit(shardState) || this.isFull(shardState)) return false;
    return !shardState.ring.holds(this.acknowledged(shardState));
  }

  /** Whether the reader in the ring is to be moved: not for each acknowledgement. A hint. */
  isPlaceOld(shardState: PrimaryShard): boolean {
    const moved = this.place(shardState) - shardState.place;
    if (moved <= 0) return false;
    return moved * 4 >= this.windowBytes || shardState.ring.peekHead() === shardState.sent;
  }

  /** Whether the next record is longer than the window and may be sent all the same. */
  grantLarge(shardState: PrimaryShard): boolean {
    if (this.isFull(shardState)) return false;
    const from = this.acknowledged(shardState);
    const bytes = shardState.ring.wordAt(from) >>> 0;
    if (bytes <= this.windowBytes) {
      shardState.shortAt = from;
      return false;
    }
    if (this.isTransaction(shardState, from, bytes)) {
      if (!this.arePartsNext(shardState)) return false;
      shardState.hasToken = this.takeToken();
      if (!shardState.hasToken) return false;
    } else {
      if (!this.session.reserveLarge(bytes)) return false;
      shardState.reserved = bytes;
    }
    shardState.grantEnd = from + bytes;
    return true;
  }

  /** Reads the head of the record. During a full sync each part is applied alone. */
  private isTransaction({ ring }: PrimaryShard, from: number, bytes: number): boolean {
    const { head, session } = this;
    if (!session.allDone) return false;
    const fixed = RECORD_HEADER_BYTES + 4;
    ring.read(from, fixed, head, 0);
    if (head.bytes[RECORD_KIND] !== KIND_PART || participants(head, 0) < 2) return false;
    ring.read(from, Math.min(bytes, partHeaderBytes(this.shards)), head, 0);
    return true;
  }

  /** Whether every other part of the transaction is the next record of its shard, or applied. */
  private arePartsNext({ shard }: PrimaryShard): boolean {
    const { head, session } = this;
    for (let i = participants(head, 0) - 1; i >= 0; i--) {
      const at = participantAt(0, i);
      const other = head.view.getUint16(at, true);
      if (other === shard) continue;
      if (session.acknowledged[other]! < head.view.getFloat64(at + 2, true)) return false;
    }
    return true;
  }

  /** The first part names the transaction. */
  private takeToken(): boolean {
    const { view } = this.head;
    const at = participantAt(0, 0);
    return this.session.takeToken(view.getUint16(at, true), view.getFloat64(at + 2, true));
  }

  /**
   * Takes an acknowledgement. A long record that was applied makes room for another one.
   * @returns why it cannot be, or null
   */
  acknowledge(shardState: PrimaryShard, lsn: number): string | null {
    const { shard, sent, grantEnd } = shardState;
    if (lsn > sent) return `an acknowledgement of LSN ${lsn} of shard ${shard}, sent to ${sent}`;
    const { acknowledged } = this.session;
    // An older one, repeated by a peer, takes nothing back that WAIT has counted.
    if (lsn > acknowledged[shard]!) acknowledged[shard] = lsn;
    if (grantEnd > 0 && lsn >= grantEnd) this.release(shardState);
    return null;
  }

  release(shardState: PrimaryShard): void {
    if (shardState.hasToken) this.session.giveToken();
    if (shardState.reserved > 0) this.session.releaseLarge(shardState.reserved);
    shardState.hasToken = false;
    shardState.reserved = 0;
    shardState.grantEnd = 0;
  }
}
