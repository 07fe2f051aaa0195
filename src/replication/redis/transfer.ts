/**
 * The RDB of a full sync as a Redis sends it, cut out of the bytes of the connection:
 *
 *   \n \n ...  $<length>\r\n   <length bytes>              from a file on the primary's disk
 *   \n \n ...  $EOF:<mark>\r\n <bytes> <mark>              straight from memory; a mark has 40 bytes
 *
 * The empty lines only show that the primary lives. The RDB is read as it comes: nothing of it is
 * kept. It says itself where it ends, so the mark is compared there and not looked for.
 */

import { shownFromPeer } from '../../base/peer-text.js';
import { type Region, toBinary } from '../../base/region.js';

const LF = 10;
const CR = 13;
const MARK_BYTES = 40;
/** A longer first line is none of a Redis. */
const HEADER_BYTES_MAX = 512;

/** Takes the bytes of an RDB. */
export interface RdbSink {
  /** Whether the RDB's end and checksum have been read. */
  readonly done: boolean;
  /** @returns how many of the bytes belong to the RDB. @throws Error for what is none */
  feed(bytes: Uint8Array, offset: number, length: number): number;
}

export class TransferError extends Error {
  override readonly name = 'TransferError';
}

export class RdbTransfer {
  /** Bytes of the RDB that came, and how many it has; -1 when the primary did not say. */
  receivedBytes = 0;
  totalBytes = -1;
  /** Whether the first line has come. */
  hasBegun = false;
  /** Whether all of it, with its mark, has come. */
  done = false;
  private mark = '';
  private marked = 0;

  /**
   * Reads the first line. Call it until `hasBegun`.
   * @returns how many of the bytes were read: 0 when more are needed
   * @throws TransferError
   */
  readHeader(region: Region, start: number, end: number): number {
    const { bytes } = region;
    let at = start;
    while (at < end && bytes[at] === LF) at++;
    const limit = Math.min(end, at + HEADER_BYTES_MAX);
    const lineEnd = bytes.subarray(at, limit).indexOf(LF);
    if (lineEnd < 0) {
      if (limit - at === HEADER_BYTES_MAX) throw new TransferError('what it sends is no RDB');
      return at - start;
    }
    const isCarriage = lineEnd > 0 && bytes[at + lineEnd - 1] === CR;
    this.begin(toBinary(region, at, isCarriage ? lineEnd - 1 : lineEnd));
    return at + lineEnd + 1 - start;
  }

  private begin(line: string): void {
    if (line.startsWith('-')) throw new TransferError(`it gives up: ${shownFromPeer(line)}`);
    const marked = /^\$EOF:(.{40})$/s.exec(line);
    const counted = /^\$(\d{1,15})$/.exec(line);
    if (marked !== null) this.mark = marked[1]!;
    else if (counted !== null) this.totalBytes = Number(counted[1]);
    else throw new TransferError(`what it sends is no RDB: ${shownFromPeer(line)}`);
    this.hasBegun = true;
  }

  /**
   * Passes what belongs to the RDB on.
   * @returns how many of the bytes were read; what follows is the stream, when `done`
   * @throws TransferError, or what the sink throws
   */
  read(region: Region, start: number, end: number, sink: RdbSink): number {
    let at = start;
    if (!sink.done) {
      const left = this.totalBytes < 0 ? end - start : this.totalBytes - this.receivedBytes;
      const taken = sink.feed(region.bytes, start, Math.min(left, end - start));
      this.receivedBytes += taken;
      at += taken;
    }
    if (this.totalBytes >= 0) this.checkLength(sink);
    else if (sink.done) at += this.readMark(region, at, end);
    return at - start;
  }

  private checkLength(sink: RdbSink): void {
    if (sink.done) {
      const more = this.totalBytes - this.receivedBytes;
      if (more > 0) throw new TransferError(`the RDB ends ${more} bytes before the length it sent`);
      this.done = true;
    } else if (this.receivedBytes === this.totalBytes) {
      throw new TransferError(`the RDB does not end after the ${this.totalBytes} bytes it sent`);
    }
  }

  private readMark(region: Region, start: number, end: number): number {
    let at = start;
    for (; at < end && this.marked < MARK_BYTES; at++, this.marked++) {
      if (region.bytes[at] !== this.mark.charCodeAt(this.marked)) {
        throw new TransferError('the RDB is not followed by the mark it sent');
      }
    }
    this.done = this.marked === MARK_BYTES;
    return at - start;
  }
}
