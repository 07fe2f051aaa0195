/**
 * The portable transport: node:net and node:tls, for TLS and for systems without the native ones.
 *
 * It lives in Node's event loop instead of blocking the thread: bytes are copied into a region before
 * `received`, sends are copied into a Buffer, and the handler's turn runs in the check phase, after the
 * events of one poll. Descriptors stay Node's, so nothing is offered or adopted, and a port has one
 * listener: a server on this transport serves from one thread.
 */
import { chmodSync } from 'node:fs';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { constants } from 'node:os';
import { createServer as createTlsServer } from 'node:tls';
import { type BroadcastChannel, threadId } from 'node:worker_threads';
import type { Region } from '../../base/region.js';
import {
  ConnectionTable,
  ENDING,
  LeavingList,
  SENDING_LATER,
  STIRRED,
} from '../connection-table.js';
import type { AcceptTrouble } from '../ffi/listeners.js';
import { createRegion } from '../ffi/region.js';
import {
  type ListenAddress,
  type Transport,
  TransportError,
  type TransportHandler,
} from '../transport.js';
import { socketName } from '../peer-socket.js';
import { wakeChannel } from '../wake.js';

const RECEIVE_BYTES = 64 * 1024;
/** Given to Node in one write; the rest of a longer send waits until these have left. */
const WRITE_BYTES_MAX = 256 * 1024;
const WAIT_MS_MAX = 0x7fffffff;
/** How long a closed connection may take to deliver its last reply. */
const LINGER_MS = 1000;
const EIO = 5;
/** Troubles of accepting that follow each other within this time are one, and told once. */
const ACCEPT_QUIET_MS = 10_000;
/** Wakers are numbered apart by thread. */
const WAKERS_PER_THREAD = 1000;
let wakersMade = 0;

function errorNumber(error: NodeJS.ErrnoException): number {
  const known: Record<string, number> = constants.errno;
  return known[error.code ?? ''] ?? EIO;
}

/** One connection's socket and the unix path it came by ('' for TCP). */
interface Peer {
  readonly socket: Socket;
  readonly path: string;
}

export class PortableTransport implements Transport {
  readonly name = 'portable';
  readonly waker = -(threadId * WAKERS_PER_THREAD + ++wakersMade);
  keepAliveSeconds = 0;
  listenerWatch = null;
  private readonly table = new ConnectionTable();
  private readonly ending = new LeavingList(this.table, ENDING);
  private readonly received = createRegion(RECEIVE_BYTES);
  private readonly peers: (Peer | undefined)[] = [];
  private readonly servers: Server[] = [];
  /** Slot, generation of sends that were not taken whole. */
  private readonly refused: number[] = [];
  /** Slot, generation of connections that are postponed. */
  private readonly paused: number[] = [];
  private handler: TransportHandler | undefined;
  private readonly early: Peer[] = [];
  private immediate: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly channel: BroadcastChannel = wakeChannel(this.waker);
  private wakeSeen = false;
  private stopping = false;
  private acceptQuietUntilMs = 0;
  private finished: (error?: unknown) => void = () => {};

  /** @param onAcceptTrouble see platform/select.ts */
  constructor(private readonly onAcceptTrouble: AcceptTrouble) {
    this.channel.onmessage = () => {
      this.wakeSeen = true;
      this.schedule();
    };
    // Until `run`, the transport alone does not keep the thread alive.
    this.channel.unref();
  }

  async listen(address: ListenAddress): Promise<number> {
    const accept = (socket: Socket) => this.accept({ socket, path: address.path ?? '' });
    const server = address.tls
      ? createTlsServer({ ...address.tls, allowHalfOpen: true, noDelay: true }, accept)
      : createTcpServer({ allowHalfOpen: true, noDelay: true }, accept);
    await this.bind(server, address);
    this.servers.push(server);
    // Node goes on by itself. For want of descriptors it turns clients away without a word.
    server.on('error', (error) => this.acceptFailed(errorNumber(error)));
    if (address.path !== undefined && address.mode) chmodSync(address.path, address.mode);
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : 0;
  }

  private acceptFailed(code: number): void {
    const nowMs = performance.now();
    if (nowMs >= this.acceptQuietUntilMs) this.onAcceptTrouble(code);
    this.acceptQuietUntilMs = nowMs + ACCEPT_QUIET_MS;
  }

  private bind(server: Server, address: ListenAddress): Promise<void> {
    const { host = '', port = 0, path, backlog } = address;
    const named = host === '' || host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host;
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new TransportError(error.code ?? 'EIO', error.message));
      });
      const listening = () => {
        server.removeAllListeners('error');
        resolve();
      };
      if (path !== undefined) server.listen({ path, backlog }, listening);
      else server.listen({ host: named, port, backlog, ipv6Only: true }, listening);
    });
  }

  closeListeners(which: 'all' | 'tcp' = 'all'): void {
    // The address of a Unix socket is its path.
    const closes = (server: Server) => which === 'all' || typeof server.address() !== 'string';
    const kept = this.servers.filter((server) => !closes(server));
    for (const server of this.servers) if (closes(server)) server.close();
    this.servers.splice(0, this.servers.length, ...kept);
  }

  adopt(): void {
    throw new TransportError('ENOTSUP', 'the portable transport takes no descriptors');
  }

  detach(): void {
    throw new TransportError('ENOTSUP', 'the portable transport gives no descriptors away');
  }

  // --- connections

  private accept(peer: Peer): void {
    if (this.handler === undefined) {
      this.early.push(peer);
      return;
    }
    const { socket } = peer;
    if (this.stopping) {
      socket.destroy();
      return;
    }
    const table = this.table;
    const slot = table.add(0);
    const generation = table.generation[slot]!;
    const current = () => table.generation[slot] === generation;
    this.peers[slot] = peer;
    if (peer.path === '' && this.keepAliveSeconds > 0) {
      socket.setKeepAlive(true, this.keepAliveSeconds * 1000);
    }
    socket.on('data', (bytes: Buffer) => {
      if (current()) this.guard(() => this.deliver(slot, generation, bytes));
    });
    socket.on('end', () => {
      if (current()) this.guard(() => this.ending.add(slot));
    });
    socket.on('error', (error) => {
      if (current()) this.guard(() => this.finish(slot, errorNumber(error)));
    });
    socket.on('close', () => {
      if (current()) this.guard(() => this.finish(slot, 0));
    });
    this.guard(() => this.handler!.accepted(slot));
  }

  /**
   * Runs callbacks of an event; what the handler throws ends `run`, as in the native loops. What the
   * last turn could not send is told before, so that the handler queues new replies behind it.
   */
  private guard(work: () => void): void {
    try {
      if (this.refused.length > 0) this.reportUnsent();
      work();
      this.schedule();
    } catch (error) {
      this.dispose(error);
    }
  }

  private deliver(slot: number, generation: number, bytes: Buffer): void {
    const { table, received } = this;
    for (let done = 0; done < bytes.length && table.generation[slot] === generation; ) {
      const into = table.intoLength[slot]!;
      const length = Math.min(bytes.length - done, into > 0 ? into : RECEIVE_BYTES);
      const part = bytes.subarray(done, done + length);
      done += length;
      if (into === 0) {
        received.bytes.set(part);
        this.handler!.received(slot, received, 0, length);
        continue;
      }
      table.intoRegion[slot]!.bytes.set(part, table.intoOffset[slot]!);
      table.intoOffset[slot] = table.intoOffset[slot]! + length;
      table.intoLength[slot] = into - length;
      this.handler!.receivedInto(slot, length);
    }
  }

  private finish(slot: number, reason: number): void {
    this.disconnect(slot, false);
    this.handler!.closed(slot, reason);
  }

  /** @param politely lets what was written go out first, for a moment */
  private disconnect(slot: number, politely: boolean): void {
    const { socket } = this.peers[slot]!;
    this.table.release(slot);
    this.peers[slot] = undefined;
    if (!politely) {
      socket.destroy();
      return;
    }
    socket.destroySoon();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }

  close(connection: number): void {
    if (!this.table.isOpen(connection)) return;
    const later = (this.table.flags[connection]! & SENDING_LATER) !== 0;
    this.disconnect(connection, !later);
  }

  postpone(connection: number): void {
    const { table, paused } = this;
    if (!table.postpone(connection)) return;
    this.peers[connection]!.socket.pause();
    paused.push(connection, table.generation[connection]!);
  }

  private endPostponements(): void {
    const { table, paused } = this;
    table.endPostponements();
    for (let i = 0; i < paused.length; i += 2) {
      const slot = paused[i]!;
      if (table.generation[slot] === paused[i + 1]) this.peers[slot]!.socket.resume();
    }
    paused.length = 0;
  }

  release(): number {
    return -1;
  }

  peerName(connection: number): string {
    const peer = this.peers[connection];
    if (peer === undefined) return '';
    return peer.path
      ? `${peer.path}:0`
      : socketName(peer.socket.remoteAddress, peer.socket.remotePort);
  }

  localName(connection: number): string {
    const peer = this.peers[connection];
    if (peer === undefined) return '';
    return peer.path
      ? `${peer.path}:0`
      : socketName(peer.socket.localAddress, peer.socket.localPort);
  }

  descriptor(): number {
    return -1;
  }

  // --- bytes

  send(connection: number, region: Region, offset: number, length: number): void {
    const { table } = this;
    if (!table.isOpen(connection)) return;
    table.assertMaySend(connection);
    const { socket } = this.peers[connection]!;
    const taken = socket.writableLength > 0 ? 0 : Math.min(length, WRITE_BYTES_MAX);
    if (taken > 0) socket.write(region.bytes.slice(offset, offset + taken));
    table.flags[connection] = table.flags[connection]! | STIRRED;
    if (taken === length) return;
    table.sendRegion[connection] = region;
    table.sendOffset[connection] = offset + taken;
    table.sendLength[connection] = length - taken;
    this.refused.push(connection, table.generation[connection]!);
  }

  sendLater(connection: number, region: Region, offset: number, length: number): void {
    const { table } = this;
    if (!table.isOpen(connection)) return;
    table.assertMaySend(connection);
    table.sendRegion[connection] = region;
    table.sendOffset[connection] = offset;
    table.sendLength[connection] = length;
    table.flags[connection] = table.flags[connection]! | STIRRED | SENDING_LATER;
    this.writeNext(connection, table.generation[connection]!);
  }

  private writeNext(slot: number, generation: number): void {
    const { table } = this;
    const offset = table.sendOffset[slot]!;
    const length = Math.min(table.sendLength[slot]!, WRITE_BYTES_MAX);
    table.sendOffset[slot] = offset + length;
    table.sendLength[slot] = table.sendLength[slot]! - length;
    const bytes = table.sendRegion[slot]!.bytes.slice(offset, offset + length);
    this.peers[slot]!.socket.write(bytes, (error) => {
      if (error || table.generation[slot] !== generation) return;
      if (table.sendLength[slot]! > 0) {
        this.writeNext(slot, generation);
        return;
      }
      table.flags[slot] = (table.flags[slot]! & ~SENDING_LATER) | STIRRED;
      this.guard(() => this.handler!.drained(slot));
    });
  }

  receiveInto(connection: number, region: Region, offset: number, length: number): void {
    if (!this.table.isOpen(connection)) return;
    if (!(offset >= 0 && length >= 0 && offset + length <= region.length)) {
      throw new RangeError('receiveInto leaves its region');
    }
    this.table.intoRegion[connection] = region;
    this.table.intoOffset[connection] = offset;
    this.table.intoLength[connection] = length;
  }

  // --- turns

  run(handler: TransportHandler): Promise<void> {
    this.handler = handler;
    this.channel.ref();
    for (const peer of this.early.splice(0)) this.accept(peer);
    this.schedule();
    return new Promise((resolve, reject) => {
      this.finished = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  attend(): boolean {
    return false;
  }

  stop(): void {
    this.stopping = true;
    this.schedule();
  }

  private schedule(): void {
    this.immediate ??= setImmediate(() => {
      this.immediate = undefined;
      try {
        this.turn();
      } catch (error) {
        this.dispose(error);
      }
    });
  }

  private turn(): void {
    if (this.handler === undefined) return;
    if (this.stopping) {
      this.dispose(undefined);
      return;
    }
    if (this.refused.length > 0) this.reportUnsent();
    if (this.wakeSeen) {
      this.wakeSeen = false;
      this.handler.woken();
    }
    const { handler } = this;
    const soon = this.ending.settle(
      (slot) => this.finishPolitely(slot),
      (slot) => handler.owes(slot),
    );
    if (this.paused.length > 0) this.endPostponements();
    const askedMs = this.handler.turn();
    this.table.recycle();
    clearTimeout(this.timer);
    if (soon || askedMs === 0 || this.refused.length > 0 || this.stopping) this.schedule();
    else if (askedMs > 0) {
      this.timer = setTimeout(() => this.schedule(), Math.min(askedMs, WAIT_MS_MAX));
    }
  }

  /** What the last turn's sends left over. */
  private reportUnsent(): void {
    const { table } = this;
    const last = this.refused.splice(0);
    for (let i = 0; i < last.length; i += 2) {
      const slot = last[i]!;
      if (table.generation[slot] !== last[i + 1]) continue;
      const rest = table.sendLength[slot]!;
      this.handler!.unsent(slot, table.sendRegion[slot]!, table.sendOffset[slot]!, rest);
    }
  }

  private finishPolitely(slot: number): void {
    this.disconnect(slot, true);
    this.handler!.closed(slot, 0);
  }

  private dispose(error: unknown): void {
    this.stopping = true;
    clearTimeout(this.timer);
    this.channel.close();
    this.closeListeners();
    for (const slot of this.table.openSlots()) this.disconnect(slot, true);
    this.finished(error);
  }
}
