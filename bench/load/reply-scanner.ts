/**
 * Counts the replies in a stream of RESP2 and checks them as far as that is cheap: an error reply,
 * a reply of no known type or a value of another length than was written throws. One per
 * connection, since a reply may be cut anywhere.
 */
import { ReplyError } from '../support/admin-client.js';

export interface ReplyCounts {
  simple: number;
  integer: number;
  bulk: number;
  /** GETs that found nothing. */
  missing: number;
}

export function noReplies(): ReplyCounts {
  return { simple: 0, integer: 0, bulk: 0, missing: 0 };
}

const LINE_FEED = 10;
const DOLLAR = 36;
const PLUS = 43;
const MINUS = 45;
const COLON = 58;

export class ReplyScanner {
  /** Bytes of the bulk under way still to come, its CRLF included. */
  private skip = 0;
  /** The beginning of a line that a chunk's end cut. */
  private cut = '';

  constructor(
    private readonly counts: ReplyCounts,
    private readonly valueBytes: number,
  ) {}

  /** Takes a chunk; returns how many replies ended in it. */
  feed(chunk: Uint8Array, length: number): number {
    let position = 0;
    let whole = 0;
    while (position < length) {
      if (this.skip > 0) {
        const taken = Math.min(this.skip, length - position);
        position += taken;
        this.skip -= taken;
        if (this.skip === 0) whole++;
        continue;
      }
      let end = position;
      while (end < length && chunk[end] !== LINE_FEED) end++;
      if (end === length) {
        this.cut += latin1(chunk, position, end);
        break;
      }
      if (this.cut === '' && chunk[position] === PLUS) {
        this.counts.simple++;
        whole++;
      } else {
        const line = this.cut + latin1(chunk, position, end);
        this.cut = '';
        whole += this.takeLine(line);
      }
      position = end + 1;
    }
    return whole;
  }

  /** 1 when the line is a whole reply, 0 when a bulk's bytes follow. */
  private takeLine(line: string): number {
    switch (line.charCodeAt(0)) {
      case PLUS:
        this.counts.simple++;
        return 1;
      case COLON:
        this.counts.integer++;
        return 1;
      case DOLLAR:
        return this.takeBulk(Number.parseInt(line.slice(1), 10));
      case MINUS:
        throw new ReplyError(line.trimEnd());
      default:
        throw new Error(`a reply that no command here has: ${JSON.stringify(line)}`);
    }
  }

  private takeBulk(length: number): number {
    if (length === -1) {
      this.counts.missing++;
      return 1;
    }
    if (length !== this.valueBytes) {
      throw new Error(`a value of ${length} bytes came back where ${this.valueBytes} were written`);
    }
    this.counts.bulk++;
    this.skip = length + 2;
    return 0;
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
