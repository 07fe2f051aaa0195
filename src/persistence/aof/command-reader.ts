/**
 * The commands of an append-only file of Redis, as they come. Annotations (#TS:1700000000) are skipped.
 *
 *     reader.target, reader.received(n);  while (reader.next()) { use reader.args }
 *
 *   region  | taken | command under way ... | received | free
 *           0       start                             end
 *
 * Memory is that of the longest command. It grows with the bytes that come, never with a length that is
 * only claimed.
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import {
  type Arguments,
  COMMAND,
  COMMAND_BYTES_MAX,
  INCOMPLETE,
  RequestParser,
} from '../../protocol/parser.js';
import { AofError } from './error.js';

const REGION_BYTES = 512 * 1024;
const ROOM_BYTES_MIN = 64 * 1024;
const STAR = 42;
const HASH = 35;

export class AofCommandReader {
  private region: Region = newRegion(REGION_BYTES);
  private start = 0;
  private end = 0;
  /** Where the parser goes on. */
  private parsed = 0;
  private readonly parser = new RequestParser();

  /** @param offset of the first byte, in its file */
  constructor(private base: number) {
    this.parser.bulkBytesMax = COMMAND_BYTES_MAX;
  }

  /** Where the next bytes are to be put. */
  get target(): Uint8Array {
    if (this.start === this.end) this.empty();
    else if (this.region.length - this.end < ROOM_BYTES_MIN) this.makeRoom();
    return this.region.bytes.subarray(this.end, this.region.length);
  }

  received(bytes: number): void {
    this.end += bytes;
  }

  /** Copies bytes in: those that a reader of an RDB file has left. */
  take(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const { target } = this;
      const part = bytes.subarray(at, at + target.length);
      target.set(part);
      this.received(part.length);
      at += part.length;
    }
  }

  /** Valid until the next call of `next`. */
  get args(): Arguments {
    return this.parser.args;
  }

  /** Where the command read last began, or the one that is under way, in its file. */
  offset = 0;

  /** Whether bytes are left that are no whole command. */
  get isAmidst(): boolean {
    return this.start < this.end;
  }

  /** @returns false when more bytes are needed @throws AofError */
  next(): boolean {
    for (;;) {
      this.start = this.parsed;
      if (!this.readNext()) return false;
      if (this.region.bytes[this.start] === STAR) return true;
    }
  }

  private readNext(): boolean {
    const { parser, region } = this;
    this.offset = this.base + this.start;
    if (this.start === this.end) return false;
    const first = region.bytes[this.start]!;
    if (first !== STAR && first !== HASH) throw this.error('Here no command begins');
    const status = parser.parse(region, this.under, this.end);
    this.under = parser.position;
    if (status === INCOMPLETE) return false;
    if (status !== COMMAND) throw this.error(parser.error);
    this.parsed = parser.position;
    return true;
  }

  /** Where the parser goes on within the command under way. */
  private under = 0;

  private error(reason: string): AofError {
    return new AofError(reason, `offset ${this.offset}`);
  }

  private empty(): void {
    this.base += this.end;
    if (this.region.length > REGION_BYTES) {
      giveBack(this.region);
      this.region = newRegion(REGION_BYTES);
    }
    this.start = 0;
    this.end = 0;
    this.parsed = 0;
    this.under = 0;
  }

  /** Moves what is there to the front, into a larger region when that is most of it. */
  private makeRoom(): void {
    const { region, start, end, parser } = this;
    const used = end - start;
    if (used * 2 > region.length) this.region = withRoom(region, end, 2 * region.length);
    copyBytes(this.region, 0, this.region, start, used);
    parser.rebase(this.region, 0 - start);
    this.base += start;
    this.start = 0;
    this.end = used;
    this.parsed -= start;
    this.under -= start;
  }
}
