/**
 * The commands a client has queued since MULTI, one after the other in a region of the client's
 * own:
 *
 *     i32 index in the registry | i32 count of arguments | for each: i32 length, its bytes | ...
 *
 * Nothing of it is in the JavaScript heap, so a queue costs as many bytes as the client has sent.
 */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import type { RegisteredCommand } from './registry.js';

const INITIAL_BYTES = 1024;
/** A region grown beyond this is not kept after the transaction. */
const KEPT_BYTES = 65536;
const COMMAND_BYTES = 8;
const ARGUMENT_BYTES = 4;
/** Offsets in a region are 31 bits. */
export const QUEUE_BYTES_MAX = 0x7fff_0000;

export class TransactionQueue {
  /** How many commands there are. */
  length = 0;
  /** The traits that any of them has, and those that all of them have. */
  anyTraits = 0;
  allTraits = -1;
  /** The commands. Another one after `add` and `clear`. */
  region = newRegion(INITIAL_BYTES);
  private used = 0;
  /** Where `next` reads. */
  private position = 0;

  /** Bytes that the commands take. */
  get bytes(): number {
    return this.used;
  }

  /** @param traits the command's, or its script's @returns false when there is no room for it */
  add(command: RegisteredCommand, traits: number, args: Arguments): boolean {
    const bytes = COMMAND_BYTES + args.count * ARGUMENT_BYTES + args.bytes;
    if (this.used + bytes > QUEUE_BYTES_MAX) return false;
    this.region = withRoom(this.region, this.used, this.used + bytes);
    const { region } = this;
    const { view } = region;
    let at = this.used;
    view.setInt32(at, command.index, true);
    view.setInt32(at + 4, args.count, true);
    at += COMMAND_BYTES;
    for (let i = 0; i < args.count; i++) {
      const length = args.length[i]!;
      view.setInt32(at, length, true);
      copyBytes(region, at + ARGUMENT_BYTES, args.region, args.offset[i]!, length);
      at += ARGUMENT_BYTES + length;
    }
    this.used = at;
    this.length++;
    this.anyTraits |= traits;
    this.allTraits &= traits;
    return true;
  }

  /** Lets `next` begin with the first command. */
  rewind(): void {
    this.position = 0;
  }

  /** Lets `into` be the vector of the next command. @returns the command's index in the registry */
  next(into: Arguments): number {
    const { region } = this;
    const { view } = region;
    let at = this.position;
    const index = view.getInt32(at, true);
    const count = view.getInt32(at + 4, true);
    at += COMMAND_BYTES;
    into.region = region;
    into.count = 0;
    for (let i = 0; i < count; i++) {
      const length = view.getInt32(at, true);
      into.push(at + ARGUMENT_BYTES, length);
      at += ARGUMENT_BYTES + length;
    }
    this.position = at;
    return index;
  }

  clear(): void {
    this.length = 0;
    this.anyTraits = 0;
    this.allTraits = -1;
    this.used = 0;
    this.position = 0;
    if (this.region.length > KEPT_BYTES) {
      giveBack(this.region);
      this.region = newRegion(INITIAL_BYTES);
    }
  }
}
