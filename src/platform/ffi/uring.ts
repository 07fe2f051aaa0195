/**
 * The io_uring transport: one system call a turn.
 *
 * A turn: `enter` submits everything queued and waits; the completions are handed to the handler;
 * the handler's `turn` queues the sends, which go out with the next `enter`.
 *
 *   accept   one multishot accept per listener; where descriptors are scarce, one after the other
 *   receive  one multishot receive per connection, into the shared buffer ring; on Unix sockets, where
 *            the kernel may lose a peer's end that comes together with its last bytes (it takes both
 *            wake-ups for one, and asks the socket once), one receive after the other. So also where long
 *            arguments come: then a receive straight to the argument's memory need not cancel another
 *   send     MSG_DONTWAIT | MSG_WAITALL with CQE_SKIP_SUCCESS: the kernel tries at once, and says
 *            something only if bytes are left. So replies neither cost a completion nor end the wait.
 *   wake     a multishot poll of an eventfd, which is never read: each write is an edge
 *
 * user_data is two words: the slot (or listener), and kind | generation << 4; a completion whose
 * generation is old belongs to a connection that is gone.
 */
import { copyBytes, type Region } from '../../base/region.js';
import {
  CANCELLING,
  DETACHING,
  KEPT,
  POSTPONED,
  RECEIVES_SINGLY,
  RECEIVING,
  RECEIVING_INTO,
  SENDING_LATER,
  SINGLY_LEFT,
  SINGLY_LEFT_SHIFT,
  STIRRED,
} from '../connection-table.js';
import { KeptCompletions } from './kept-completions.js';
import type { AcceptTrouble } from './listeners.js';
import { NativeTransport } from './native-transport.js';
import { nativeAddress } from './region.js';
import { isUnixSocket } from './socket.js';
import * as abi from './uring-abi.js';
import { ReceiveBuffers } from './uring-buffers.js';
import { Ring } from './uring-ring.js';

/** Sizes of the queues and of the buffer ring, all powers of 2. */
export interface UringSizes {
  readonly submissions: number;
  readonly completions: number;
  readonly receiveBuffers: number;
}

export const USUAL_SIZES: UringSizes = {
  submissions: 1024,
  completions: 8192,
  receiveBuffers: 1024,
};

const KIND_ACCEPT = 1;
const KIND_RECEIVE = 2;
const KIND_RECEIVE_INTO = 3;
const KIND_SEND = 4;
const KIND_SEND_LATER = 5;
const KIND_WAKE = 6;
/** Cancelling and closing: their outcome changes nothing. */
const KIND_SILENT = 7;
const KIND_MASK = 15;
const GENERATION_SHIFT = 4;

const MSG_DONTWAIT = 0x40;
const MSG_WAITALL = 0x100;
const MSG_NOSIGNAL = 0x4000;
const SEND_NOW_FLAGS = MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL;
const SEND_LATER_FLAGS = MSG_WAITALL | MSG_NOSIGNAL;
const SOCK_CLOEXEC = 0o2000000;
const POLLIN = 1;

const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;
const ECANCELED = 125;

const SKIP = abi.SQE_CQE_SKIP_SUCCESS << 8;
const SEND_NOW = abi.OP_SEND | SKIP;
const CLOSE = abi.OP_CLOSE | SKIP;
const RECEIVE_SINGLY = abi.OP_RECV | (abi.SQE_BUFFER_SELECT << 8);
const RECEIVE = RECEIVE_SINGLY | (abi.RECV_MULTISHOT << 16);
const ACCEPT_SINGLY = abi.OP_ACCEPT;
const ACCEPT = ACCEPT_SINGLY | (abi.ACCEPT_MULTISHOT << 16);

/** Whether a receive is to be asked for anew each time. */
const SINGLY = RECEIVES_SINGLY | SINGLY_LEFT;

export class UringTransport extends NativeTransport {
  readonly name = 'uring';
  private readonly ring: Ring;
  private readonly buffers: ReceiveBuffers;
  /** What was received of connections that are postponed. */
  private readonly kept = new KeptCompletions();
  private readonly isDue = (slot: number, high: number) =>
    (this.table.flags[slot]! & POSTPONED) === 0 || this.isStale(slot, high);
  private readonly takeKept = (slot: number, high: number, result: number, flags: number) =>
    this.takeReceived(slot, high, result, flags);
  private readonly markKept = (slot: number, isKept: boolean) => {
    const { flags } = this.table;
    flags[slot] = isKept ? flags[slot]! | KEPT : flags[slot]! & ~KEPT;
  };

  /** To be called on the thread that will call `run`. @throws TransportError without io_uring */
  constructor(onAcceptTrouble: AcceptTrouble, sizes = USUAL_SIZES) {
    super(onAcceptTrouble);
    this.ring = new Ring(sizes.submissions, sizes.completions);
    try {
      this.buffers = new ReceiveBuffers(this.ring, sizes.receiveBuffers);
    } catch (error) {
      this.ring.close();
      throw error;
    }
    this.armWake();
  }

  send(connection: number, region: Region, offset: number, length: number): void {
    const table = this.table;
    if (!table.isOpen(connection)) return;
    table.assertMaySend(connection);
    const address = nativeAddress(region, offset, length);
    table.sendRegion[connection] = region;
    table.sendOffset[connection] = offset;
    table.sendLength[connection] = length;
    table.flags[connection] = table.flags[connection]! | STIRRED;
    this.ring.queue(
      SEND_NOW,
      table.descriptor[connection]!,
      address,
      length,
      SEND_NOW_FLAGS,
      connection,
      this.tag(connection, KIND_SEND),
      0,
    );
  }

  sendLater(connection: number, region: Region, offset: number, length: number): void {
    const table = this.table;
    if (!table.isOpen(connection)) return;
    table.assertMaySend(connection);
    table.sendRegion[connection] = region;
    table.sendOffset[connection] = offset;
    table.sendLength[connection] = length;
    table.flags[connection] = table.flags[connection]! | STIRRED | SENDING_LATER;
    this.queueSendLater(connection);
  }

  private queueSendLater(slot: number): void {
    const table = this.table;
    const length = table.sendLength[slot]!;
    this.ring.queue(
      abi.OP_SEND,
      table.descriptor[slot]!,
      nativeAddress(table.sendRegion[slot]!, table.sendOffset[slot]!, length),
      length,
      SEND_LATER_FLAGS,
      slot,
      this.tag(slot, KIND_SEND_LATER),
      0,
    );
  }

  receiveInto(connection: number, region: Region, offset: number, length: number): void {
    const table = this.table;
    if (!table.isOpen(connection)) return;
    nativeAddress(region, offset, length);
    table.intoRegion[connection] = region;
    table.intoOffset[connection] = offset;
    table.intoLength[connection] = length;
    // Cancelling the multishot costs more than copying a long argument, so it is not begun again at once.
    const state = table.flags[connection]! | SINGLY_LEFT;
    table.flags[connection] = state;
    if ((state & (RECEIVING | CANCELLING)) !== RECEIVING) return;
    table.flags[connection] = state | CANCELLING;
    this.cancel(connection, KIND_RECEIVE);
  }

  protected exchange(timeoutMs: number): void {
    // A turn that may wait is none within another: no callback has a buffer.
    if (timeoutMs !== 0 && this.buffers.hasGrown) this.shrinkBuffers();
    this.buffers.publish();
    this.ring.enter(this.kept.isEmpty ? timeoutMs : 0);
    let submitted = this.ring.isSubmitted;
    this.drain();
    while (!submitted) submitted = this.submitRest();
    if (!this.kept.isEmpty) this.kept.serve(this.isDue, this.takeKept, this.markKept);
  }

  private shrinkBuffers(): void {
    const { ring } = this;
    const isDrained = ring.rings[ring.cqHeadAt] === ring.rings[ring.cqTailAt];
    if (isDrained && !ring.hasOverflow() && this.kept.isEmpty) {
      this.buffers.shrink(performance.now());
    }
  }

  /**
   * The kernel, short of memory, did not take all of the turn's operations. The handler gets no turn
   * before it has: sends of two turns under way at once could change their places.
   */
  private submitRest(): boolean {
    this.buffers.publish();
    this.ring.enter(0);
    const submitted = this.ring.isSubmitted;
    this.drain();
    return submitted;
  }

  protected flush(): void {
    this.ring.enter(0);
  }

  /** Hands out all completions, also those that found no place in the queue. */
  private drain(): void {
    const ring = this.ring;
    for (;;) {
      const rings = ring.rings;
      for (;;) {
        // Read anew each time: a callback may have taken completions itself (`attend`).
        const head = rings[ring.cqHeadAt]!;
        if (head === rings[ring.cqTailAt]!) break;
        const at = ring.cqesAt + (head & ring.cqMask) * 4;
        const low = rings[at]!;
        const high = rings[at + 1]!;
        const result = rings[at + 2]!;
        const flags = rings[at + 3]!;
        rings[ring.cqHeadAt] = (head + 1) | 0;
        this.complete(low, high, result, flags);
      }
      if (!ring.hasOverflow()) return;
      ring.enter(0);
    }
  }

  private complete(low: number, high: number, result: number, flags: number): void {
    const kind = high & KIND_MASK;
    if (kind === KIND_ACCEPT) this.completeAccept(low, result, flags);
    else if (kind === KIND_WAKE) this.completeWake(flags);
    else if (kind === KIND_RECEIVE) this.completeReceive(low, high, result, flags);
    else if (kind === KIND_SILENT || this.isStale(low, high)) return;
    else if (kind === KIND_SEND) this.completeSend(low, result);
    else if (kind === KIND_SEND_LATER) this.completeSendLater(low, result);
    else this.completeReceiveInto(low, high, result);
  }

  private tag(slot: number, kind: number): number {
    return kind | (this.table.generation[slot]! << GENERATION_SHIFT);
  }

  private isStale(slot: number, high: number): boolean {
    return high >>> GENERATION_SHIFT !== this.table.generation[slot];
  }

  // --- receiving

  private completeReceive(slot: number, high: number, result: number, flags: number): void {
    if ((this.table.flags[slot]! & (POSTPONED | KEPT)) !== 0 && !this.isStale(slot, high)) {
      this.markKept(slot, true);
      this.kept.add(slot, high, result, flags);
      return;
    }
    // More buffers are for more clients: one that keeps many already has to wait for them.
    if (result === -ENOBUFS) this.buffers.grow();
    this.takeReceived(slot, high, result, flags);
  }

  private takeReceived(slot: number, high: number, result: number, flags: number): void {
    const table = this.table;
    const isLast = (flags & abi.CQE_MORE) === 0;
    if (isLast && !this.isStale(slot, high)) {
      table.flags[slot] = table.flags[slot]! & ~(RECEIVING | CANCELLING);
    }
    if ((flags & abi.CQE_BUFFER) !== 0) {
      const buffer = flags >>> abi.CQE_BUFFER_SHIFT;
      if (result > 0 && !this.isStale(slot, high)) {
        this.deliver(slot, high, this.buffers.offsetOf(buffer), result);
      }
      this.buffers.recycle(buffer);
    }
    if (!isLast || this.isStale(slot, high)) return;
    if (result > 0 || result === -ENOBUFS || result === -ECANCELED) this.armReceive(slot, 0);
    else this.receiveFailed(slot, result);
  }

  /** Bytes in a receive buffer: first what receiveInto waits for, then the handler's. */
  private deliver(slot: number, high: number, offset: number, length: number): void {
    const table = this.table;
    const region = this.buffers.region;
    while (table.intoLength[slot]! > 0) {
      if (length === 0) return;
      const part = Math.min(table.intoLength[slot]!, length);
      copyBytes(table.intoRegion[slot]!, table.intoOffset[slot]!, region, offset, part);
      this.advanceInto(slot, part);
      if (this.isStale(slot, high)) return;
      offset += part;
      length -= part;
    }
    if (length > 0) this.handler.received(slot, region, offset, length);
  }

  private completeReceiveInto(slot: number, high: number, result: number): void {
    const table = this.table;
    table.flags[slot] = table.flags[slot]! & ~RECEIVING_INTO;
    if (result > 0) {
      this.advanceInto(slot, result);
      if (this.isStale(slot, high)) return;
    } else if (result !== -EAGAIN && result !== -EINTR && result !== -ECANCELED) {
      this.receiveFailed(slot, result);
      return;
    }
    this.armReceive(slot, 0);
  }

  private receiveFailed(slot: number, result: number): void {
    if (result === 0) this.ending.add(slot);
    else this.finish(slot, -result);
  }

  /** Nothing is being received on the slot: goes on with what the stream brings next. */
  private armReceive(slot: number, priority: number): void {
    const table = this.table;
    if ((table.flags[slot]! & DETACHING) !== 0) {
      // What came with the last completion may be answered in the coming turn.
      table.flags[slot] = table.flags[slot]! | STIRRED;
      return;
    }
    const descriptor = table.descriptor[slot]!;
    const length = table.intoLength[slot]!;
    if (length > 0) {
      const address = nativeAddress(table.intoRegion[slot]!, table.intoOffset[slot]!, length);
      table.flags[slot] = table.flags[slot]! | RECEIVING_INTO;
      const tag = this.tag(slot, KIND_RECEIVE_INTO);
      this.ring.queue(abi.OP_RECV, descriptor, address, length, 0, slot, tag, 0);
      return;
    }
    const state = table.flags[slot]!;
    const isSingle = (state & SINGLY) !== 0;
    const left = (state & SINGLY_LEFT) === 0 ? state : state - (1 << SINGLY_LEFT_SHIFT);
    table.flags[slot] = left | RECEIVING;
    const operation = (isSingle ? RECEIVE_SINGLY : RECEIVE) | (priority << 16);
    const tag = this.tag(slot, KIND_RECEIVE);
    this.ring.queue(operation, descriptor, 0, 0, 0, slot, tag, this.buffers.group);
  }

  // --- sending

  /** A send that did not go out whole: `result` bytes did, or it failed. */
  private completeSend(slot: number, result: number): void {
    const table = this.table;
    if (result < 0 && result !== -EAGAIN && result !== -EINTR) {
      this.finish(slot, -result);
      return;
    }
    const sent = Math.max(0, result);
    const rest = table.sendLength[slot]! - sent;
    if (rest === 0) return;
    const offset = table.sendOffset[slot]! + sent;
    this.handler.unsent(slot, table.sendRegion[slot]!, offset, rest);
  }

  private completeSendLater(slot: number, result: number): void {
    const table = this.table;
    if (result < 0 && result !== -EAGAIN && result !== -EINTR) {
      table.flags[slot] = table.flags[slot]! & ~SENDING_LATER;
      this.finish(slot, -result);
      return;
    }
    const sent = Math.max(0, result);
    table.sendOffset[slot] = table.sendOffset[slot]! + sent;
    table.sendLength[slot] = table.sendLength[slot]! - sent;
    if (table.sendLength[slot]! > 0) {
      this.queueSendLater(slot);
      return;
    }
    table.flags[slot] = (table.flags[slot]! & ~SENDING_LATER) | STIRRED;
    this.handler.drained(slot);
  }

  // --- connections

  private completeAccept(index: number, result: number, flags: number): void {
    const entry = this.listeners.entries[index]!;
    let again = true;
    if (result >= 0) {
      if (!entry.open) this.libc.close(result);
      else if (this.handler.offered(result)) this.addConnection(result);
    } else {
      again = entry.open && this.listeners.failed(index, -result);
    }
    if (entry.open && again && (flags & abi.CQE_MORE) === 0) this.armAccept(index);
  }

  protected armAccept(index: number): void {
    const { listener, singly } = this.listeners.entries[index]!;
    const operation = singly ? ACCEPT_SINGLY : ACCEPT;
    this.ring.queue(operation, listener.descriptor, 0, 0, SOCK_CLOEXEC, index, KIND_ACCEPT, 0);
  }

  protected disarmAccept(index: number): void {
    this.cancel(index, KIND_ACCEPT);
  }

  protected armConnection(slot: number): void {
    const { descriptor, flags } = this.table;
    if (isUnixSocket(descriptor[slot]!)) flags[slot] = flags[slot]! | RECEIVES_SINGLY;
    this.armReceive(slot, abi.RECVSEND_POLL_FIRST);
  }

  /** The last completion of what is cancelled here ends the receiving: see armReceive. */
  protected stopReceiving(slot: number): void {
    const table = this.table;
    const state = table.flags[slot]!;
    if ((state & (RECEIVING | CANCELLING)) === RECEIVING) {
      table.flags[slot] = state | CANCELLING;
      this.cancel(slot, KIND_RECEIVE);
    }
    if ((state & RECEIVING_INTO) !== 0) this.cancel(slot, KIND_RECEIVE_INTO);
  }

  protected forget(): void {
    // The ring holds nothing of a descriptor without operations.
  }

  /**
   * Closes the descriptor and frees the slot. Sends already queued go out before. When the kernel
   * was using the caller's memory it is made to stop here and now, so that it is the caller's again.
   */
  protected disconnect(slot: number): void {
    const table = this.table;
    const state = table.flags[slot]!;
    if ((state & RECEIVING) !== 0) this.cancel(slot, KIND_RECEIVE);
    if ((state & RECEIVING_INTO) !== 0) this.cancel(slot, KIND_RECEIVE_INTO);
    if ((state & SENDING_LATER) !== 0) this.cancel(slot, KIND_SEND_LATER);
    this.ring.queue(CLOSE, table.descriptor[slot]!, 0, 0, 0, slot, KIND_SILENT, 0);
    table.release(slot);
    if ((state & (RECEIVING_INTO | SENDING_LATER)) !== 0) this.ring.enter(0);
  }

  /** Cancels what is under way for (slot or listener, kind). */
  private cancel(slot: number, kind: number): void {
    const high = kind === KIND_ACCEPT ? KIND_ACCEPT : this.tag(slot, kind);
    this.ring.queueCancel(slot, high, slot, KIND_SILENT);
  }

  private armWake(): void {
    const operation = abi.OP_POLL_ADD;
    this.ring.queue(operation, this.waker, 0, abi.POLL_ADD_MULTI, POLLIN, 0, KIND_WAKE, 0);
  }

  private completeWake(flags: number): void {
    this.wakeSeen = true;
    if ((flags & abi.CQE_MORE) === 0) this.armWake();
  }

  protected dispose(): void {
    this.ring.close();
  }
}
