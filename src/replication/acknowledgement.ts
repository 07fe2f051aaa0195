/**
 * The messages on a flow connection from replica to primary: the LSN up to which each of the flow's
 * shards is applied, and the last cuts (journal/cuts.ts) that are applied whole, and on the replica's
 * disk. They are short and follow every application, so that WAIT need not ask.
 *
 *   0   u32  magic
 *   4   u32  number of shards of the flow
 *   8   f64  offset of the cut, -1 when there is none. Other flows than that of shard 0 say -1
 *   16  f64  when it was made, by the primary's clock
 *   24  f64  offset of the last cut that is on the replica's disk, in its own journal; -1 for none
 *   32  f64  LSN applied, of each of the flow's shards in their order
 */
const MAGIC = 0x4c434144;
const HEADER_BYTES = 32;

export function acknowledgementBytes(shards: number): number {
  return HEADER_BYTES + shards * 8;
}

/** The cut of an acknowledgement that tells of none. */
export const NO_CUT = { offset: -1, madeMs: 0 };

/**
 * @param applied LSN applied, of each of the flow's shards in their order
 * @param durableOffset of the last cut on disk
 */
export function writeAcknowledgement(
  applied: Float64Array,
  cut: { readonly offset: number; readonly madeMs: number } = NO_CUT,
  durableOffset = NO_CUT.offset,
): Uint8Array {
  const bytes = new Uint8Array(acknowledgementBytes(applied.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, applied.length, true);
  view.setFloat64(8, cut.offset, true);
  view.setFloat64(16, cut.madeMs, true);
  view.setFloat64(24, durableOffset, true);
  applied.forEach((lsn, i) => {
    view.setFloat64(HEADER_BYTES + i * 8, lsn, true);
  });
  return bytes;
}

/** Takes what an acknowledgement says. Each returns why that cannot be, or null. */
export interface AcknowledgementTaker {
  readonly lsn: (shard: number, lsn: number) => string | null;
  readonly cut: (offset: number, madeMs: number) => string | null;
  /** A cut is on the replica's disk. */
  readonly durable: (offset: number) => string | null;
}

/** Reads acknowledgements out of a stream that may be cut anywhere. */
export class AcknowledgementReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private used = 0;

  constructor(
    private readonly mine: readonly number[],
    private readonly take: AcknowledgementTaker,
  ) {
    this.bytes = new Uint8Array(acknowledgementBytes(mine.length));
    this.view = new DataView(this.bytes.buffer);
  }

  /** @returns what is wrong with the bytes, or null */
  feed(bytes: Uint8Array): string | null {
    for (let at = 0; at < bytes.length; ) {
      const part = Math.min(bytes.length - at, this.bytes.length - this.used);
      this.bytes.set(bytes.subarray(at, at + part), this.used);
      this.used += part;
      at += part;
      if (this.used < this.bytes.length) return null;
      this.used = 0;
      const wrong = this.read();
      if (wrong !== null) return wrong;
    }
    return null;
  }

  /** Takes LSNs that come in no stream. @returns what is wrong with them, or null */
  takeAll(lsns: Float64Array): string | null {
    const { take, mine } = this;
    for (let i = 0; i < mine.length; i++) {
      const wrong = take.lsn(mine[i]!, lsns[i]!);
      if (wrong !== null) return wrong;
    }
    return null;
  }

  private read(): string | null {
    const { view, mine } = this;
    if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== mine.length) {
      return 'an acknowledgement of another format';
    }
    for (let i = 0; i < mine.length; i++) {
      const lsn = view.getFloat64(HEADER_BYTES + i * 8, true);
      if (!Number.isSafeInteger(lsn) || lsn < 0) return `an acknowledgement of LSN ${lsn}`;
      const wrong = this.take.lsn(mine[i]!, lsn);
      if (wrong !== null) return wrong;
    }
    return this.readCut() ?? this.readDurable();
  }

  private readCut(): string | null {
    const offset = this.view.getFloat64(8, true);
    const madeMs = this.view.getFloat64(16, true);
    if (offset === -1) return null;
    const isSane = isOffset(offset) && Number.isSafeInteger(madeMs);
    return isSane ? this.take.cut(offset, madeMs) : `an acknowledgement of the cut ${offset}`;
  }

  private readDurable(): string | null {
    const offset = this.view.getFloat64(24, true);
    if (offset === -1) return null;
    return isOffset(offset) ? this.take.durable(offset) : `the cut ${offset} on a disk`;
  }
}

function isOffset(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
