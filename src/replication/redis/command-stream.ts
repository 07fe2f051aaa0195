/**
 * The stream of commands that a Redis sends its replicas, cut into commands with their places. The
 * place is what a replica acknowledges and continues from: each byte counts, also of what it ignores.
 *
 *   region  | applied | command under way ... | received | free
 *           0         start                              end      length
 *
 * A read goes straight into the free room. The region grows with the bytes that come, never with a
 * length that is only claimed; it is small again when a long command has been taken.
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import {
  type Arguments,
  COMMAND,
  COMMAND_BYTES_MAX,
  RequestParser,
} from '../../protocol/parser.js';

export { COMMAND, INCOMPLETE, PROTOCOL_ERROR } from '../../protocol/parser.js';

export const INPUT_BYTES = 512 * 1024;
/** Less room than this share of it is not worth a read. */
const ROOM_SHARE_MIN = 1 / 8;
/** As much as a command may have, and a read behind it. */
const INPUT_BYTES_MAX = 0x7ff8_0000;

export class CommandStream {
  region: Region;
  /** Bytes `[start, end)` have come and were not taken. */
  start = 0;
  end = 0;
  private readonly parser = new RequestParser();
  /** Where the parser goes on. */
  private parsed = 0;

  constructor(private readonly inputBytes = INPUT_BYTES) {
    this.region = newRegion(inputBytes);
    // A Redis does not bound what its primary sends by proto-max-bulk-len, either.
    this.parser.bulkBytesMax = COMMAND_BYTES_MAX;
  }

  /** Where the next read goes. */
  get target(): Uint8Array {
    this.makeRoom();
    return this.region.bytes.subarray(this.end, this.region.length);
  }

  /** Bytes were read into `target`. */
  received(bytes: number): void {
    this.end += bytes;
  }

  get args(): Arguments {
    return this.parser.args;
  }

  /** Why the bytes are no command. */
  get error(): string {
    return this.parser.error;
  }

  /** Gives the memory back. Nothing may be read any more. */
  close(): void {
    giveBack(this.region);
  }

  /** Takes bytes away that are no commands: replies, and the RDB. Not while a command is under way. */
  take(bytes: number): void {
    this.start += bytes;
    this.parsed = this.start;
  }

  /**
   * Reads the next command.
   * @returns COMMAND: `args` is valid until `consume`. INCOMPLETE: more bytes are needed.
   *   PROTOCOL_ERROR: see `error`
   */
  next(): number {
    const { parser } = this;
    const status = parser.parse(this.region, this.parsed, this.end);
    this.parsed = parser.position;
    return status;
  }

  /**
   * Forgets the command that was read last, or the empty lines before the one that is under way.
   * @returns how many bytes of the stream are behind us by that
   */
  consume(status: number): number {
    const at = status === COMMAND ? this.parsed : this.parser.start;
    const bytes = Math.max(0, at - this.start);
    this.start += bytes;
    return bytes;
  }

  private makeRoom(): void {
    const { region, start, end, inputBytes } = this;
    if (start === end && region.length > inputBytes) {
      giveBack(region);
      this.region = newRegion(inputBytes);
      this.moved(0);
    } else if (start === end) {
      this.moved(0);
    } else if (region.length - end < inputBytes * ROOM_SHARE_MIN) {
      this.growOrMove();
    }
  }

  /** Moves what is there to the front when that frees half of the region, else makes it larger. */
  private growOrMove(): void {
    const { region, start, end, inputBytes } = this;
    const used = end - start;
    if (used * 2 > region.length) {
      const wanted = Math.min(INPUT_BYTES_MAX, end + inputBytes);
      if (wanted - end < inputBytes * ROOM_SHARE_MIN) throw new RangeError('a command of 2 GiB');
      this.region = withRoom(region, end, wanted);
    }
    copyBytes(this.region, 0, this.region, start, used);
    this.moved(used);
  }

  /** The bytes that were not taken begin the region now. */
  private moved(used: number): void {
    const { parser, region, start } = this;
    parser.rebase(region, 0 - start);
    this.parsed -= start;
    this.start = 0;
    this.end = used;
  }
}
