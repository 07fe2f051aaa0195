/**
 * The replies of a turn, one send for each connection: parallel arrays, reused turn after turn. The
 * bytes lie in the output arena until the transport has sent them.
 */
import { copyBytes, type Region } from '../base/region.js';
import type { Transport } from '../platform/transport.js';
import type { Connection } from './connection.js';
import type { NetSession } from './runner.js';

export type TakeBytes<S extends NetSession> = (
  connection: Connection<S>,
  region: Region,
  offset: number,
  length: number,
) => void;

export class TurnSends<S extends NetSession> {
  private count = 0;
  private readonly connections: Connection<S>[] = [];
  private readonly regions: Region[] = [];
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];

  /** @param failed told of a connection for which the transport threw */
  constructor(private readonly failed: (connection: Connection<S>, error: unknown) => void) {}

  get hasSome(): boolean {
    return this.count > 0;
  }

  add(connection: Connection<S>, region: Region, offset: number, length: number): void {
    const index = this.count;
    connection.sendIndex = index;
    this.connections[index] = connection;
    this.regions[index] = region;
    this.offsets[index] = offset;
    this.lengths[index] = length;
    this.count = index + 1;
  }

  /** Adds bytes to the connection's send of this turn, if it has one that ends where they begin. */
  extend(connection: Connection<S>, region: Region, offset: number, length: number): boolean {
    const index = this.indexOf(connection);
    if (index < 0 || this.regions[index] !== region) return false;
    if (this.offsets[index]! + this.lengths[index]! !== offset) return false;
    this.lengths[index]! += length;
    return true;
  }

  /** Bytes of the connection's send of this turn; -1 without one. */
  lengthOf(connection: Connection<S>): number {
    const index = this.indexOf(connection);
    return index < 0 ? -1 : this.lengths[index]!;
  }

  /** Copies the bytes of the connection's send to another place, from where it goes out. */
  move(connection: Connection<S>, region: Region, offset: number): void {
    const index = this.indexOf(connection);
    copyBytes(region, offset, this.regions[index]!, this.offsets[index]!, this.lengths[index]!);
    this.regions[index] = region;
    this.offsets[index] = offset;
  }

  /** Where the connection's send is; -1 when it has none in this turn. */
  private indexOf(connection: Connection<S>): number {
    const index = connection.sendIndex;
    return index < this.count && this.connections[index] === connection ? index : -1;
  }

  /**
   * Takes the connection's send back, if it has one, and gives its bytes to `take`. The last send
   * moves to its place: sends of different connections have no order.
   */
  withdraw(connection: Connection<S>, take: TakeBytes<S>): void {
    const index = this.indexOf(connection);
    if (index < 0) return;
    take(connection, this.regions[index]!, this.offsets[index]!, this.lengths[index]!);
    const last = --this.count;
    const moved = this.connections[last]!;
    this.connections[index] = moved;
    moved.sendIndex = index;
    this.regions[index] = this.regions[last]!;
    this.offsets[index] = this.offsets[last]!;
    this.lengths[index] = this.lengths[last]!;
  }

  /** Hands everything to the transport: its clients are not silent, they were answered. */
  flush(transport: Transport, nowMs: number): void {
    for (let from = 0; from < this.count; ) from = this.flushFrom(transport, nowMs, from);
    this.count = 0;
  }

  /** Stops behind a send that the transport did not accept. @returns where to go on */
  private flushFrom(transport: Transport, nowMs: number, from: number): number {
    let i = from;
    try {
      for (; i < this.count; i++) {
        const connection = this.connections[i]!;
        if (connection.closed) continue;
        connection.session.lastInteractionMs = nowMs;
        transport.send(connection.slot, this.regions[i]!, this.offsets[i]!, this.lengths[i]!);
      }
    } catch (error) {
      this.failed(this.connections[i]!, error);
      return i + 1;
    }
    return i;
  }
}
