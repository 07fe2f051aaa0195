/**
 * Sends the cuts of all streams (journal/cuts.ts) on the flow of shard 0, and takes from the replica
 * which of them it has applied whole, and which it has on its disk.
 */
import type { Region } from '../../base/region.js';
import { Cut, type NewestCut } from '../../journal/cuts.js';
import type { AcknowledgementTaker } from '../acknowledgement.js';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_POSITIONS,
  BlockHeader,
  blockBytes,
  sealBlock,
} from '../wire.js';
import { SUM_CUT, SUM_CUT_MS, SUM_DURABLE_CUT, type SyncSession } from './sync-session.js';

export class CutSender {
  /** The one that was sent last. */
  private readonly last: Cut;
  private readonly header = new BlockHeader();

  constructor(
    private readonly cuts: NewestCut,
    private readonly session: SyncSession,
    streams: number,
  ) {
    this.last = new Cut(streams);
  }

  /** Whether there is a newer cut than the one that was sent. A hint. */
  get hasNews(): boolean {
    return this.last.offset !== this.cuts.offset;
  }

  /** Writes the newest cut, if it was not sent. @returns the offset after it */
  send(out: Region, offset: number, end: number): number {
    const { last, header, cuts } = this;
    if (cuts.offset < 0 || !this.hasNews) return offset;
    const length = positionsBytes(last.lsns.length);
    if (end - offset < blockBytes(length)) return offset;
    cuts.read(last);
    const payload = offset + BLOCK_HEADER_BYTES;
    out.view.setFloat64(payload, last.madeMs, true);
    last.lsns.forEach((lsn, stream) => {
      out.view.setFloat64(payload + 8 + stream * 8, lsn, true);
    });
    header.type = BLOCK_POSITIONS;
    header.length = length;
    header.from = last.offset;
    header.to = last.offset;
    return sealBlock(out, offset, header);
  }

  /** The replica has applied a cut. @returns why that cannot be, or null */
  acknowledged(offset: number, madeMs: number): string | null {
    const { sums } = this.session;
    const limit = this.last.offset;
    if (offset > limit) return tooMuch(offset, limit);
    if (offset < sums[SUM_CUT]!) return null;
    sums[SUM_CUT] = offset;
    sums[SUM_CUT_MS] = madeMs;
    return null;
  }

  /** The replica has a cut on its disk. @returns why that cannot be, or null */
  madeDurable(offset: number): string | null {
    const { sums } = this.session;
    if (offset > this.last.offset) return tooMuch(offset, this.last.offset);
    if (offset > sums[SUM_DURABLE_CUT]!) sums[SUM_DURABLE_CUT] = offset;
    return null;
  }
}

/** What takes acknowledgements of cuts. @param cuts null on a flow that sends none */
export function cutTaker(cuts: CutSender | null): Omit<AcknowledgementTaker, 'lsn'> {
  if (cuts !== null) {
    return {
      cut: (offset, madeMs) => cuts.acknowledged(offset, madeMs),
      durable: (offset) => cuts.madeDurable(offset),
    };
  }
  const refuse = (offset: number) => tooMuch(offset, -1);
  return { cut: refuse, durable: refuse };
}

function tooMuch(offset: number, limit: number): string {
  return `an acknowledgement of the cut ${offset}, sent to ${limit}`;
}

/** Bytes of a cut of so many streams, as a payload. */
function positionsBytes(streams: number): number {
  return 8 + streams * 8;
}
