/**
 * The commands a client has queued since MULTI: their vectors one after the other in one region of
 * the client's own, and where each argument lies.
 */
import { copyBytes, Region, withRoom } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import type { RegisteredCommand } from './registry.js';

const INITIAL_BYTES = 1024;
/** A region grown beyond this is not kept after the transaction. */
const KEPT_BYTES = 65536;

export class TransactionQueue {
  readonly commands: RegisteredCommand[] = [];
  private region = new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
  private used = 0;
  private readonly places: number[] = [];
  private readonly starts: number[] = [];
  private readonly counts: number[] = [];

  get length(): number {
    return this.commands.length;
  }

  get bytes(): number {
    return this.region.length;
  }

  add(command: RegisteredCommand, args: Arguments): void {
    this.reserve(args.bytes);
    this.commands.push(command);
    this.starts.push(this.places.length);
    this.counts.push(args.count);
    for (let i = 0; i < args.count; i++) {
      const length = args.length[i]!;
      copyBytes(this.region, this.used, args.region, args.offset[i]!, length);
      this.places.push(this.used, length);
      this.used += length;
    }
  }

  /** Lets `into` be the vector of the command at `index`. */
  load(index: number, into: Arguments): void {
    const count = this.counts[index]!;
    const start = this.starts[index]!;
    into.region = this.region;
    into.count = 0;
    for (let i = 0; i < count; i++) {
      into.push(this.places[start + 2 * i]!, this.places[start + 2 * i + 1]!);
    }
  }

  clear(): void {
    this.commands.length = 0;
    this.places.length = 0;
    this.starts.length = 0;
    this.counts.length = 0;
    this.used = 0;
    if (this.region.length > KEPT_BYTES) {
      this.region = new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
    }
  }

  private reserve(bytes: number): void {
    this.region = withRoom(this.region, this.used, this.used + bytes);
  }
}
