/**
 * The messages on a flow connection from replica to primary: the LSN up to which each of the flow's
 * shards is applied. They are short and follow every application, so that WAIT need not ask.
 *
 *   0   u32  magic
 *   4   u32  number of shards of the flow
 *   8   f64  LSN applied, of each of the flow's shards in their order
 */
const MAGIC = 0x4b434144;
const HEADER_BYTES = 8;

export function acknowledgementBytes(shards: number): number {
  return HEADER_BYTES + shards * 8;
}

/** @param applied LSN applied, of each of the flow's shards in their order */
export function writeAcknowledgement(applied: Float64Array): Uint8Array {
  const bytes = new Uint8Array(acknowledgementBytes(applied.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, applied.length, true);
  applied.forEach((lsn, i) => {
    view.setFloat64(HEADER_BYTES + i * 8, lsn, true);
  });
  return bytes;
}

/** Reads acknowledgements out of a stream that may be cut anywhere. */
export class AcknowledgementReader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private used = 0;

  constructor(
    private readonly mine: readonly number[],
    /** Takes the LSN of a shard. @returns why it cannot be, or null */
    private readonly take: (shard: number, lsn: number) => string | null,
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

  private read(): string | null {
    const { view, mine } = this;
    if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== mine.length) {
      return 'an acknowledgement of another format';
    }
    for (let i = 0; i < mine.length; i++) {
      const lsn = view.getFloat64(HEADER_BYTES + i * 8, true);
      if (!Number.isSafeInteger(lsn) || lsn < 0) return `an acknowledgement of LSN ${lsn}`;
      const wrong = this.take(mine[i]!, lsn);
      if (wrong !== null) return wrong;
    }
    return null;
  }
}
