/**
 * Which transport a thread gets: io_uring where the system allows it, else epoll, else Node's own
 * sockets; or the one the configuration names. What can be had is found out once per process start
 * by trying, not by looking at versions: containers forbid what kernels have.
 */
import { EpollTransport } from './ffi/epoll.js';
import { ffiUnavailableReason, libc } from './ffi/libc.js';
import type { AcceptTrouble } from './ffi/listeners.js';
import { type UringSizes, UringTransport } from './ffi/uring.js';
import { uringUnavailableReason } from './ffi/uring-probe.js';
import { PortableTransport } from './portable/net.js';
import { type Transport, TransportError, type TransportName } from './transport.js';

export interface TransportOptions {
  /** Clients cannot be accepted for want of descriptors or memory: for the log, not for each. */
  readonly onAcceptTrouble?: AcceptTrouble;
  /** For tests of what happens when queues are full. */
  readonly uringSizes?: UringSizes;
}

export interface TransportChoice {
  readonly name: TransportName;
  /** Why not a better one, for the banner; '' for the best. */
  readonly reason: string;
}

/** What `auto` means on this system. */
export function chooseTransport(): TransportChoice {
  if (libc === undefined) return { name: 'portable', reason: ffiUnavailableReason() };
  const reason = uringUnavailableReason();
  return reason === '' ? { name: 'uring', reason } : { name: 'epoll', reason };
}

/**
 * A transport for the calling thread, which must be the one that calls `run`.
 * @throws TransportError when the one named is not available here
 */
export function createTransport(
  name: TransportName | 'auto',
  options: TransportOptions = {},
): Transport {
  const onAcceptTrouble = options.onAcceptTrouble ?? (() => {});
  const wanted = name === 'auto' ? chooseTransport().name : name;
  if (wanted === 'portable') return new PortableTransport(onAcceptTrouble);
  if (libc === undefined) throw new TransportError('ENOSYS', ffiUnavailableReason());
  if (wanted === 'epoll') return new EpollTransport(onAcceptTrouble);
  const reason = uringUnavailableReason();
  if (reason !== '') throw new TransportError('ENOSYS', reason);
  return new UringTransport(onAcceptTrouble, options.uringSizes);
}
