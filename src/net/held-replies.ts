/**
 * Replies that wait until the writes before them are durable (appendfsync always). The replies of a
 * turn's writers, and all that follows for the same clients, lie here in their order until the writes
 * that the turn has seen are on disk. Then they are written to the arena as if their commands had
 * just run. Clients that have nothing here are answered at once.
 *
 *   writer's reply ──▶ held: bytes of turn 1 | bytes of turn 2 | ...
 *                            mark 1 ▲          mark 2 ▲     a mark is reached ──▶ arena ──▶ sends
 *
 * A mark stands for all writes of all threads that were made before the end of its turn: so it
 * contains every write whose effect a held reply shows. What is held counts as the client's output,
 * so its limits bound it. Belongs to one thread.
 */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import type { Connection } from './connection.js';
import type { NetSession } from './runner.js';

/** Says which replies have to wait, and for how long. */
export interface ReplyGate {
  /** Whether replies to writes wait. */
  readonly isOn: boolean;
  /** Grows with every write of this thread that has to be durable. */
  readonly writes: number;
  /** Ends a turn that holds replies. @returns the number of its mark, which grows */
  mark(): number;
  /** The newest mark whose writes are all durable; all marks are, once the gate is off. */
  reached(): number;
}

const INITIAL_BYTES = 64 * 1024;
/** A larger region is given back when it is empty. */
const KEPT_BYTES = 4 << 20;

export class HeldReplies<S extends NetSession> {
  private region = newRegion(INITIAL_BYTES);
  /** Bytes in the region, and entries in the lists; those before `first` are released. */
  private used = 0;
  private count = 0;
  private first = 0;
  private readonly connections: Connection<S>[] = [];
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];
  /** By mark: its number, and where its entries end. */
  private readonly marks: number[] = [];
  private readonly ends: number[] = [];
  private markedEnd = 0;

  /** Whether something is held. */
  get hasSome(): boolean {
    return this.first < this.count;
  }

  /** Holds a copy of bytes for the connection; with no bytes, only what follows. */
  add(connection: Connection<S>, region: Region, offset: number, length: number): void {
    this.region = withRoom(this.region, this.used, this.used + length);
    copyBytes(this.region, this.used, region, offset, length);
    const index = this.count++;
    this.connections[index] = connection;
    this.offsets[index] = this.used;
    this.lengths[index] = length;
    this.used += length;
    connection.held++;
    connection.heldBytes += length;
  }

  /** The turn ends: what was added in it waits for all that was written until now. */
  endTurn(gate: ReplyGate): void {
    if (this.markedEnd === this.count) return;
    this.marks.push(gate.mark());
    this.ends.push(this.count);
    this.markedEnd = this.count;
  }

  /** Whether `release` has something to do. */
  isDue(gate: ReplyGate): boolean {
    return this.marks.length > 0 && this.marks[0]! <= gate.reached();
  }

  /**
   * Gives what is durable to `send`, in its order, and forgets it. `send` must not throw, and copies
   * the bytes.
   */
  release(
    gate: ReplyGate,
    send: (connection: Connection<S>, region: Region, offset: number, length: number) => void,
  ): void {
    if (this.marks.length === 0) return;
    const reached = gate.reached();
    let marks = 0;
    let end = this.first;
    while (marks < this.marks.length && this.marks[marks]! <= reached) end = this.ends[marks++]!;
    if (marks === 0) return;
    this.marks.splice(0, marks);
    this.ends.splice(0, marks);
    for (; this.first < end; this.first++) {
      const connection = this.connections[this.first]!;
      const length = this.lengths[this.first]!;
      connection.held--;
      connection.heldBytes -= length;
      if (!connection.closed) send(connection, this.region, this.offsets[this.first]!, length);
    }
    this.compact();
  }

  /** Moves what is left to the front, when that is no more than what has gone. */
  private compact(): void {
    const { first, count } = this;
    const left = count - first;
    if (left > first) return;
    const from = left === 0 ? this.used : this.offsets[first]!;
    this.region.bytes.copyWithin(0, from, this.used);
    this.used -= from;
    for (let i = 0; i < left; i++) {
      this.connections[i] = this.connections[first + i]!;
      this.offsets[i] = this.offsets[first + i]! - from;
      this.lengths[i] = this.lengths[first + i]!;
    }
    this.connections.length = left;
    for (let i = 0; i < this.ends.length; i++) this.ends[i]! -= first;
    this.markedEnd -= first;
    this.first = 0;
    this.count = left;
    if (left > 0 || this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(INITIAL_BYTES);
  }
}
