/**
 * The contract between the network layer (net/) and whatever moves bytes: io_uring, epoll or
 * node:net. One transport serves one I/O thread. Every transport passes the same test suite.
 *
 * A connection is a small integer: the index of the transport's slot, reused in a later turn than
 * the one in which `closed` was reported or `close` was called. All callbacks come on the thread
 * that called `run`, never from within another method of the transport.
 */
import type { TlsOptions } from 'node:tls';
import type { Region } from '../base/region.js';

export type TransportName = 'uring' | 'epoll' | 'portable';

/** Why a connection ended: 0 for an orderly end by the peer, else a positive errno. */
export type CloseReason = number;

export interface ListenAddress {
  /** TCP: numeric address or host name ('' = all) and port (0 = any). */
  readonly host?: string;
  readonly port?: number;
  /** Unix socket path, with its permissions as a mode (e.g. 0o700; 0 leaves the umask's). */
  readonly path?: string;
  readonly mode?: number;
  readonly backlog: number;
  /** TCP: several transports of the process listen on this port, the system spreads the clients. */
  readonly reusePort?: boolean;
  /**
   * Clients are accepted one at a time, each looked at before the next: where descriptors are scarce.
   * Otherwise the system may open many before the first is offered.
   */
  readonly singly?: boolean;
  /** Speak TLS on this listener. Only the portable transport can; the others throw ENOTSUP. */
  readonly tls?: TlsOptions;
}

/** Hears of listeners, so that other threads can accept for this one while it takes no turns. */
export interface ListenerWatch {
  opened(descriptor: number): void;
  /** Before it closes: on return nobody else uses the descriptor. */
  closing(descriptor: number): void;
}

export interface TransportHandler {
  /**
   * A client was accepted by a listener of this thread and is `descriptor`. True keeps it here
   * (`accepted` follows); false means the handler took the descriptor over (it hands it to another
   * thread, which calls `adopt`). Not called by transports without descriptors.
   */
  offered(descriptor: number): boolean;
  /** A connection is ready: accepted here, or adopted. TCP_NODELAY is set, keepalive as configured. */
  accepted(connection: number): void;
  /**
   * Bytes arrived. They lie in `region` until this callback returns.
   * The handler may call send, close and receiveInto from here.
   */
  received(connection: number, region: Region, offset: number, length: number): void;
  /** Bytes arrived in the place that `receiveInto` named: `length` more of them, in order. */
  receivedInto(connection: number, length: number): void;
  /**
   * A `send` went out only in part (or not at all): the `length` bytes from `offset` on are the
   * rest, and still lie where they were. Comes before the handler's `turn` that follows the send's,
   * but perhaps after `received` or `receivedInto` of the same connection: replies that these made
   * must follow the rest.
   */
  unsent(connection: number, region: Region, offset: number, length: number): void;
  /** A `sendLater` has gone out whole; its memory is the caller's again. */
  drained(connection: number): void;
  /**
   * The peer ended, reset, or an I/O error occurred. Memory named in sendLater or receiveInto is the
   * caller's again. A peer that only ended its side (reason 0) is reported once nothing is owed to it
   * and a turn has passed in which nothing was sent to it: what it asked last is done, and replies,
   * however long, go out before.
   */
  closed(connection: number, reason: CloseReason): void;
  /** Asked once a turn of a connection whose peer has ended its side: whether requests of it still wait. */
  owes(connection: number): boolean;
  /**
   * What `detach` asked for: the connection is no longer the transport's. `descriptor` is the
   * handler's now (it closes it, or some transport adopts it), the slot may be used again in a later
   * turn. Bytes that were not received are still in the socket, in order. Memory named in
   * receiveInto is the caller's again, and who adopts the descriptor names it anew.
   */
  detached(connection: number, descriptor: number): void;
  /** `wake` was called by another thread (any number of calls may arrive as one). */
  woken(): void;
  /**
   * Once a turn, after all callbacks of the turn: the handler queues the turn's sends and says how
   * long the transport may wait for the next event, in milliseconds (0: not; negative: for ever).
   */
  turn(): number;
}

export interface Transport {
  readonly name: TransportName;

  /**
   * Opens a listener; before `run`, or from a callback: a numeric address is bound before this
   * returns, though in a native loop the promise only settles after `run`. With `reusePort` several
   * threads' transports listen on one TCP port (not the portable one).
   * @returns the port bound (TCP) or 0
   * @throws TransportError (code EADDRINUSE, EACCES, EADDRNOTAVAIL ...)
   */
  listen(address: ListenAddress): Promise<number>;
  /** Stops listening, everywhere or on TCP alone; connections stay. */
  closeListeners(which?: 'all' | 'tcp'): void;

  /** Takes over a connected socket that another thread accepted; `accepted` follows in this or the
   * next turn. The portable transport throws ENOTSUP. */
  adopt(descriptor: number): void;

  /**
   * Lets go of a connection without ending it, so that it can be adopted elsewhere. No byte is lost:
   * what is already on its way from the kernel comes through `received` as always, and may be
   * answered; once the receiving has stopped, and a whole turn has passed in which nothing was sent
   * to the peer and no `sendLater` was under way, `detached` follows. If the peer's end is noticed
   * before, `closed` comes instead; `close` takes the request back. The portable transport throws
   * ENOTSUP.
   */
  detach(connection: number): void;

  /**
   * Queues bytes; all sends of a turn go out together, with the wait (one system call where the
   * system has one). The bytes must stay in place until the end of the following turn. At most one
   * `send` per connection and turn, and none while a `sendLater` is under way. Does nothing on a
   * slot that is closed.
   * @throws Error while a `sendLater` is under way: bytes would change their places
   */
  send(connection: number, region: Region, offset: number, length: number): void;
  /**
   * Sends bytes however long it takes; they must stay in place until `drained`. For the rest of a
   * `send` a slow reader did not take: not in the turn of that `send`, but from `unsent` on. One at
   * a time per connection.
   */
  sendLater(connection: number, region: Region, offset: number, length: number): void;
  /**
   * From now on, the next `length` bytes of the stream go straight to `region` at `offset`, without
   * a stop in a receive buffer; `receivedInto` reports them as they come, then `received` takes
   * over again. Bytes already in receive buffers are copied there by the transport.
   */
  receiveInto(connection: number, region: Region, offset: number, length: number): void;
  /**
   * What the connection receives from now on comes after the handler's next `turn`, in order: others
   * are served first. From within `turn`, after the one that follows. It is not taken from the peer for
   * ever: where little room is left, the peer has to wait.
   */
  postpone(connection: number): void;
  /**
   * Ends a connection at once: pending sends of earlier turns are dropped, those of this turn are
   * tried once. `closed` is not reported; the slot may be reused in a later turn, not before. Memory
   * named in sendLater or receiveInto is the caller's again on return.
   */
  close(connection: number): void;
  /**
   * Gives the connection's socket away: the slot is closed as by `close`, but the peer stays
   * connected to the descriptor returned, which is the caller's. Nothing may be under way on it (no
   * sends of this turn, no sendLater, no receiveInto); what the peer sends from now on is not read.
   * @returns -1 where there are no descriptors: the connection stays as it was
   * @throws TransportError (EMFILE) when the system refuses: the connection stays as it was
   */
  release(connection: number): number;

  /** 'address:port' of the peer ('[::1]:port' for IPv6, 'path:0' for unix sockets). Off the data path. */
  peerName(connection: number): string;
  /** The same of our end. */
  localName(connection: number): string;
  /** The descriptor, or -1 where there is none (CLIENT LIST shows it). */
  descriptor(connection: number): number;

  /** Null: nobody. Set before `listen`. The portable transport has no descriptors to tell of. */
  listenerWatch: ListenerWatch | null;

  /** Seconds until TCP keepalive probes; 0 switches them off. For connections to come. */
  keepAliveSeconds: number;

  /**
   * Serves until `stop` is called from a callback. Transports with their own loop block the thread;
   * the portable one resolves when stopped.
   */
  run(handler: TransportHandler): Promise<void>;
  stop(): void;

  /**
   * A turn within a callback, for a handler whose callback takes very long: what has happened since is
   * handed to `handler` instead of the one that `run` has, after its `turn`. It never waits. Memory
   * that callbacks under way were given stays as it is. Connections that are to be detached wait.
   * @param lets whether connections whose peers have ended their side may be reported closed: not
   *   before the replies that the handler of `run` still has have been sent
   * @returns false where that is impossible: the portable transport's events come from Node.js
   */
  attend(handler: TransportHandler, lets: boolean): boolean;

  /** Number by which another thread can wake this transport: see `wakeTransport` in the same folder. */
  readonly waker: number;
}

/** An error of the system with its errno name as `code` (EADDRINUSE ...). */
export class TransportError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'TransportError';
  }
}
