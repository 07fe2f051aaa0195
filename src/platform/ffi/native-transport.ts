/**
 * What the io_uring and the epoll transport have in common: the loop, the table of connections,
 * listeners, adoption, names, the eventfd. The subclasses move bytes.
 */
import type { Region } from '../../base/region.js';
import { ConnectionTable, DETACHING, ENDING, LeavingList } from '../connection-table.js';
import type {
  ListenAddress,
  ListenerWatch,
  Transport,
  TransportHandler,
  TransportName,
} from '../transport.js';
import { errno, type Libc, requireLibc, systemError } from './libc.js';
import { type AcceptTrouble, Listeners } from './listeners.js';
import { localName, peerName } from './socket.js';

const EFD_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;

export abstract class NativeTransport implements Transport {
  abstract readonly name: TransportName;
  /** An eventfd, never read: every write is an edge. */
  readonly waker: number;
  listenerWatch: ListenerWatch | null = null;
  protected readonly libc: Libc = requireLibc();
  protected readonly table = new ConnectionTable();
  protected readonly ending = new LeavingList(this.table, ENDING);
  protected readonly detaching = new LeavingList(this.table, DETACHING);
  protected readonly listeners: Listeners;
  protected handler!: TransportHandler;
  protected stopping = false;
  protected wakeSeen = false;
  private readonly adopted: number[] = [];
  private keepAlive = 0;
  private readonly end = (slot: number) => this.finish(slot, 0);
  private readonly owes = (slot: number) => this.handler.owes(slot);
  private readonly letGo = (slot: number) => this.giveUp(slot);
  private readonly acceptAgain = (index: number) => this.armAccept(index);

  /** @throws TransportError */
  constructor(onAcceptTrouble: AcceptTrouble) {
    this.listeners = new Listeners(onAcceptTrouble);
    this.waker = this.libc.eventfd(0, EFD_CLOEXEC);
    if (this.waker < 0) throw systemError(errno(), 'eventfd');
  }

  abstract send(connection: number, region: Region, offset: number, length: number): void;
  abstract sendLater(connection: number, region: Region, offset: number, length: number): void;
  abstract receiveInto(connection: number, region: Region, offset: number, length: number): void;

  /** Starts (or, after a rest, resumes) accepting on listener `index`. */
  protected abstract armAccept(index: number): void;
  /** Ends accepting on it; the caller closes the descriptor next. */
  protected abstract disarmAccept(index: number): void;
  /** Starts receiving on a new slot. */
  protected abstract armConnection(slot: number): void;
  /** Stops receiving on a slot that has just been marked DETACHING. */
  protected abstract stopReceiving(slot: number): void;
  /** Forgets the descriptor of a slot for which nothing is under way any more. */
  protected abstract forget(slot: number): void;
  /** Closes the descriptor, this turn's send tried first, and releases the slot. */
  protected abstract disconnect(slot: number): void;
  /** Puts all of the turn's sends on their way, waits for events and hands them out. */
  protected abstract exchange(timeoutMs: number): void;
  /** Sends what is queued, without waiting. */
  protected abstract flush(): void;
  /** Gives the kernel's objects back. */
  protected abstract dispose(): void;

  get keepAliveSeconds(): number {
    return this.keepAlive;
  }

  set keepAliveSeconds(seconds: number) {
    this.keepAlive = seconds;
    this.listeners.setKeepAlive(seconds);
  }

  async listen(address: ListenAddress): Promise<number> {
    const opened = this.listeners.open(address, this.keepAlive);
    const index = typeof opened === 'number' ? opened : await opened;
    this.armAccept(index);
    const { listener } = this.listeners.entries[index]!;
    this.listenerWatch?.opened(listener.descriptor);
    return listener.port;
  }

  closeListeners(which: 'all' | 'tcp' = 'all'): void {
    if (!this.listeners.entries.some(({ open }) => open)) return;
    for (const [index, { open, listener }] of this.listeners.entries.entries()) {
      if (!open || (which === 'tcp' && listener.path !== '')) continue;
      this.listenerWatch?.closing(listener.descriptor);
      this.disarmAccept(index);
      this.listeners.close(index);
    }
    this.flush();
  }

  adopt(descriptor: number): void {
    this.adopted.push(descriptor);
  }

  detach(connection: number): void {
    const { table } = this;
    if (!table.isOpen(connection)) return;
    if ((table.flags[connection]! & (ENDING | DETACHING)) !== 0) return;
    this.detaching.add(connection);
    this.stopReceiving(connection);
  }

  postpone(connection: number): void {
    this.table.postpone(connection);
  }

  close(connection: number): void {
    if (this.table.isOpen(connection)) this.disconnect(connection);
  }

  release(connection: number): number {
    if (!this.table.isOpen(connection)) return -1;
    const copy = this.libc.fcntl(this.table.descriptor[connection]!, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) throw systemError(errno(), 'fcntl');
    this.disconnect(connection);
    // What the system still has under way on the old descriptor must not read for the new owner.
    this.flush();
    return copy;
  }

  peerName(connection: number): string {
    return peerName(this.descriptor(connection));
  }

  localName(connection: number): string {
    return localName(this.descriptor(connection));
  }

  descriptor(connection: number): number {
    return this.table.isOpen(connection) ? this.table.descriptor[connection]! : -1;
  }

  async run(handler: TransportHandler): Promise<void> {
    this.handler = handler;
    try {
      while (!this.stopping) this.runTurn();
      this.flush();
    } finally {
      this.closeEverything();
    }
  }

  stop(): void {
    this.stopping = true;
  }

  attend(handler: TransportHandler, lets: boolean): boolean {
    const outer = this.handler;
    this.handler = handler;
    try {
      if (lets && this.ending.length > 0) this.ending.settle(this.end, this.owes);
      while (this.adopted.length > 0) this.addConnection(this.adopted.shift()!);
      this.table.endPostponements();
      handler.turn();
      this.table.recycle();
      this.exchange(0);
    } finally {
      this.handler = outer;
    }
    return true;
  }

  private runTurn(): void {
    let soon = this.ending.length > 0 && this.ending.settle(this.end, this.owes);
    if (this.detaching.length > 0 && this.detaching.settle(this.letGo)) soon = true;
    while (this.adopted.length > 0) this.addConnection(this.adopted.shift()!);
    this.table.endPostponements();
    const askedMs = this.handler.turn();
    this.table.recycle();
    const idle = !soon && !this.stopping && this.adopted.length === 0;
    this.exchange(idle ? this.listeners.boundWait(askedMs) : 0);
    this.listeners.resume(this.acceptAgain);
    if (!this.wakeSeen) return;
    this.wakeSeen = false;
    this.handler.woken();
  }

  protected addConnection(descriptor: number): void {
    const slot = this.table.add(descriptor);
    this.armConnection(slot);
    this.handler.accepted(slot);
  }

  /** The connection ended by itself: gives the slot back, then tells the handler. */
  protected finish(slot: number, reason: number): void {
    this.disconnect(slot);
    this.handler.closed(slot, reason);
  }

  /** Nothing is under way for the connection any more: its descriptor becomes the handler's. */
  private giveUp(slot: number): void {
    const descriptor = this.table.descriptor[slot]!;
    this.forget(slot);
    this.table.release(slot);
    this.handler.detached(slot, descriptor);
  }

  /** `length` bytes arrived where receiveInto wanted them. */
  protected advanceInto(slot: number, length: number): void {
    const table = this.table;
    table.intoOffset[slot] = table.intoOffset[slot]! + length;
    table.intoLength[slot] = table.intoLength[slot]! - length;
    this.handler.receivedInto(slot, length);
  }

  private closeEverything(): void {
    this.closeListeners();
    for (const slot of this.table.openSlots()) this.disconnect(slot);
    for (const descriptor of this.adopted) this.libc.close(descriptor);
    this.flush();
    this.dispose();
    // The eventfd stays open: a late wake must not write to whatever would get its number.
  }
}
