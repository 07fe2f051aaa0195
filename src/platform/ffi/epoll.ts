/**
 * The epoll transport: for kernels and containers that forbid io_uring.
 *
 * Level-triggered: one `recv` per ready connection and turn, into one buffer that stays warm (the
 * handler is done with it on return), or straight to where receiveInto wants it. Sends are tried at
 * the end of the handler's turn; EPOLLOUT is only asked for while a sendLater is under way.
 *
 *   epoll_event on x86-64 (packed)   0 events   4 slot   8 kind | generation << 4    12 bytes
 *                elsewhere           0 events   8 slot  12 kind | generation << 4    16 bytes
 */
import type { Region } from '../../base/region.js';
import {
  DETACHING,
  ENDING,
  POSTPONED,
  SEND_QUEUED,
  SENDING_LATER,
  STIRRED,
} from '../connection-table.js';
import type { TransportHandler } from '../transport.js';
import { errno, systemError } from './libc.js';
import type { AcceptTrouble } from './listeners.js';
import { NativeTransport } from './native-transport.js';
import { createRegion, nativeAddress } from './region.js';

const EVENT_WORDS = process.arch === 'x64' ? 3 : 4;
const DATA_WORD = process.arch === 'x64' ? 1 : 2;
const EVENTS_MAX = 512;
const RECEIVE_BYTES = 64 * 1024;
const ACCEPTS_PER_TURN = 64;

const KIND_ACCEPT = 1;
const KIND_CONNECTION = 2;
const KIND_WAKE = 3;
const KIND_MASK = 15;
const GENERATION_SHIFT = 4;

const EPOLLIN = 0x1;
const EPOLLOUT = 0x4;
const EPOLLERR = 0x8;
const EPOLLHUP = 0x10;
const EPOLLET = 0x80000000 | 0;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLL_CLOEXEC = 0o2000000;
const SOCK_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

const EINTR = 4;
const EAGAIN = 11;
const ECONNRESET = 104;

export class EpollTransport extends NativeTransport {
  readonly name = 'epoll';
  private readonly epoll: number;
  private events = createRegion(EVENTS_MAX * EVENT_WORDS * 4);
  private readonly change = createRegion(16);
  private received = createRegion(RECEIVE_BYTES);
  /** The same for turns within callbacks, which have those above in use. */
  private innerEvents: Region | null = null;
  private innerReceived: Region | null = null;
  /** Slots with a send or sendLater of this turn, and the generations they had then. */
  private readonly queued: number[] = [];
  private readonly queuedGenerations: number[] = [];
  /** Outcomes to report at the next events: slot, generation, errno (0: unsent or drained). */
  private readonly outcomes: number[] = [];

  /** @throws TransportError */
  constructor(onAcceptTrouble: AcceptTrouble) {
    super(onAcceptTrouble);
    this.epoll = this.libc.epollCreate(EPOLL_CLOEXEC);
    if (this.epoll < 0) throw systemError(errno(), 'epoll_create1');
    this.control(EPOLL_CTL_ADD, this.waker, EPOLLIN | EPOLLET, 0, KIND_WAKE);
  }

  private control(
    operation: number,
    descriptor: number,
    events: number,
    low: number,
    high: number,
  ): number {
    const words = this.change.words;
    words[0] = events;
    words[DATA_WORD] = low;
    words[DATA_WORD + 1] = high;
    return this.libc.epollControl(this.epoll, operation, descriptor, this.change.address);
  }

  private watch(operation: number, slot: number, events: number): void {
    const { descriptor, generation } = this.table;
    const high = KIND_CONNECTION | (generation[slot]! << GENERATION_SHIFT);
    this.control(operation, descriptor[slot]!, events, slot, high);
  }

  /** After a change of flags: asks for input unless that is over, for room while sending later. */
  private watchAgain(slot: number): void {
    const flags = this.table.flags[slot]!;
    const input = (flags & (ENDING | DETACHING)) === 0 ? EPOLLIN : 0;
    this.watch(EPOLL_CTL_MOD, slot, input | ((flags & SENDING_LATER) !== 0 ? EPOLLOUT : 0));
  }

  send(connection: number, region: Region, offset: number, length: number): void {
    this.queueSend(connection, region, offset, length, 0);
  }

  sendLater(connection: number, region: Region, offset: number, length: number): void {
    this.queueSend(connection, region, offset, length, SENDING_LATER);
  }

  private queueSend(
    slot: number,
    region: Region,
    offset: number,
    length: number,
    later: number,
  ): void {
    const table = this.table;
    if (!table.isOpen(slot)) return;
    table.assertMaySend(slot);
    nativeAddress(region, offset, length);
    table.sendRegion[slot] = region;
    table.sendOffset[slot] = offset;
    table.sendLength[slot] = length;
    table.flags[slot] = table.flags[slot]! | STIRRED | SEND_QUEUED | later;
    this.queued.push(slot);
    this.queuedGenerations.push(table.generation[slot]!);
  }

  receiveInto(connection: number, region: Region, offset: number, length: number): void {
    const table = this.table;
    if (!table.isOpen(connection)) return;
    nativeAddress(region, offset, length);
    table.intoRegion[connection] = region;
    table.intoOffset[connection] = offset;
    table.intoLength[connection] = length;
  }

  override attend(handler: TransportHandler, lets: boolean): boolean {
    const { events, received } = this;
    this.innerEvents ??= createRegion(EVENTS_MAX * EVENT_WORDS * 4);
    this.innerReceived ??= createRegion(RECEIVE_BYTES);
    this.events = this.innerEvents;
    this.received = this.innerReceived;
    try {
      return super.attend(handler, lets);
    } finally {
      this.events = events;
      this.received = received;
    }
  }

  protected exchange(timeoutMs: number): void {
    this.flush();
    const waitMs = this.outcomes.length > 0 ? 0 : Math.min(Math.ceil(timeoutMs), 0x7fffffff);
    const count = this.libc.epollWait(this.epoll, this.events.address, EVENTS_MAX, waitMs);
    if (count < 0) {
      const code = errno();
      if (code !== EINTR) throw systemError(code, 'epoll_wait');
    }
    this.reportOutcomes();
    const words = this.events.words;
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_WORDS;
      this.dispatch(words[at]!, words[at + DATA_WORD]!, words[at + DATA_WORD + 1]!);
    }
  }

  private dispatch(events: number, low: number, high: number): void {
    const kind = high & KIND_MASK;
    if (kind === KIND_WAKE) {
      this.wakeSeen = true;
    } else if (kind === KIND_ACCEPT) {
      if (this.listeners.entries[low]!.open) this.accept(low);
    } else if (!this.isStale(low, high >>> GENERATION_SHIFT)) {
      this.serve(low, high >>> GENERATION_SHIFT, events);
    }
  }

  private isStale(slot: number, generation: number): boolean {
    return this.table.generation[slot] !== generation;
  }

  private serve(slot: number, generation: number, events: number): void {
    const state = this.table.flags[slot]!;
    // A send finds out about an error also where no room is reported with it.
    const goesOn = (state & DETACHING) !== 0 ? EPOLLOUT | EPOLLERR | EPOLLHUP : EPOLLOUT;
    // A send that is queued is tried at the turn's end, and only then: its outcome is told once.
    if ((events & goesOn) !== 0 && (state & (SENDING_LATER | SEND_QUEUED)) === SENDING_LATER) {
      this.trySend(slot);
      this.reportOutcomes();
      if (this.isStale(slot, generation)) return;
    }
    if ((this.table.flags[slot]! & DETACHING) !== 0) return;
    if ((this.table.flags[slot]! & ENDING) !== 0) {
      // Input had ended; now the peer is gone altogether.
      if ((events & EPOLLERR) !== 0) this.finish(slot, ECONNRESET);
      else if ((events & EPOLLHUP) !== 0) this.finish(slot, 0);
      return;
    }
    if ((this.table.flags[slot]! & POSTPONED) !== 0) return;
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) !== 0) this.receive(slot);
  }

  private receive(slot: number): void {
    const table = this.table;
    const descriptor = table.descriptor[slot]!;
    const into = table.intoLength[slot]!;
    const address =
      into > 0
        ? nativeAddress(table.intoRegion[slot]!, table.intoOffset[slot]!, into)
        : this.received.address;
    const room = into > 0 ? into : RECEIVE_BYTES;
    const result = this.libc.recv(descriptor, address, room, MSG_DONTWAIT);
    if (result > 0) {
      if (into > 0) this.advanceInto(slot, result);
      else this.handler.received(slot, this.received, 0, result);
    } else if (result === 0) {
      this.ending.add(slot);
      this.watchAgain(slot);
    } else {
      const code = errno();
      if (code !== EAGAIN && code !== EINTR) this.finish(slot, code);
    }
  }

  // --- sending

  protected flush(): void {
    const { queued, queuedGenerations } = this;
    for (let i = 0; i < queued.length; i++) {
      const slot = queued[i]!;
      if (!this.isStale(slot, queuedGenerations[i]!)) this.trySend(slot);
    }
    queued.length = 0;
    queuedGenerations.length = 0;
  }

  /** Sends what the system takes of the slot's send; anything but a whole `send` is an outcome. */
  private trySend(slot: number): void {
    const table = this.table;
    const length = table.sendLength[slot]!;
    const address = nativeAddress(table.sendRegion[slot]!, table.sendOffset[slot]!, length);
    table.flags[slot] = table.flags[slot]! & ~SEND_QUEUED;
    let sent = this.libc.send(table.descriptor[slot]!, address, length, SEND_FLAGS);
    let failure = 0;
    if (sent < 0) {
      const code = errno();
      if (code !== EAGAIN && code !== EINTR) failure = code;
      sent = 0;
    }
    table.sendOffset[slot] = table.sendOffset[slot]! + sent;
    table.sendLength[slot] = length - sent;
    const later = (table.flags[slot]! & SENDING_LATER) !== 0;
    if (failure === 0 && later && sent < length) this.watchAgain(slot);
    else if (failure !== 0 || later || sent < length) this.note(slot, failure);
  }

  private note(slot: number, failure: number): void {
    this.outcomes.push(slot, this.table.generation[slot]!, failure);
  }

  private reportOutcomes(): void {
    const { outcomes } = this;
    for (let i = 0; i < outcomes.length; i += 3) {
      const slot = outcomes[i]!;
      if (!this.isStale(slot, outcomes[i + 1]!)) this.reportOutcome(slot, outcomes[i + 2]!);
    }
    outcomes.length = 0;
  }

  private reportOutcome(slot: number, failure: number): void {
    const table = this.table;
    if (failure !== 0) {
      this.finish(slot, failure);
      return;
    }
    const rest = table.sendLength[slot]!;
    if ((table.flags[slot]! & SENDING_LATER) === 0) {
      this.handler.unsent(slot, table.sendRegion[slot]!, table.sendOffset[slot]!, rest);
      return;
    }
    table.flags[slot] = (table.flags[slot]! & ~SENDING_LATER) | STIRRED;
    this.watchAgain(slot);
    this.handler.drained(slot);
  }

  // --- connections

  private accept(index: number): void {
    const { listener } = this.listeners.entries[index]!;
    for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
      const descriptor = this.libc.accept4(listener.descriptor, 0, 0, SOCK_CLOEXEC);
      if (descriptor < 0) {
        const code = errno();
        if (code === EAGAIN) return;
        if (this.listeners.failed(index, code)) continue;
        this.control(EPOLL_CTL_DEL, listener.descriptor, 0, 0, 0);
        return;
      }
      if (this.handler.offered(descriptor)) this.addConnection(descriptor);
      if (!this.listeners.entries[index]!.open) return;
    }
  }

  protected armAccept(index: number): void {
    const { descriptor } = this.listeners.entries[index]!.listener;
    this.libc.fcntl(descriptor, F_SETFL, O_NONBLOCK);
    this.control(EPOLL_CTL_ADD, descriptor, EPOLLIN, index, KIND_ACCEPT);
  }

  protected disarmAccept(index: number): void {
    const { descriptor } = this.listeners.entries[index]!.listener;
    this.control(EPOLL_CTL_DEL, descriptor, 0, 0, 0);
  }

  protected armConnection(slot: number): void {
    this.watch(EPOLL_CTL_ADD, slot, EPOLLIN);
  }

  protected stopReceiving(slot: number): void {
    this.watchAgain(slot);
  }

  protected forget(slot: number): void {
    this.control(EPOLL_CTL_DEL, this.table.descriptor[slot]!, 0, 0, 0);
  }

  protected disconnect(slot: number): void {
    const table = this.table;
    const state = table.flags[slot]!;
    if ((state & SEND_QUEUED) !== 0) this.trySend(slot);
    // Closing alone would leave it in the epoll set when it was duplicated by `release`.
    this.control(EPOLL_CTL_DEL, table.descriptor[slot]!, 0, 0, 0);
    this.libc.close(table.descriptor[slot]!);
    table.release(slot);
  }

  protected dispose(): void {
    this.libc.close(this.epoll);
  }
}
