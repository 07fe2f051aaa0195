/**
 * Waking a transport that another thread runs, by its `waker` number.
 *
 * Native transports have an eventfd (number >= 0; one write is one system call). A waker that wants to
 * save the call keeps an "asleep" word of its own in shared memory, set by the handler's `turn`.
 * The portable transport listens on a BroadcastChannel (number < 0), which reaches every thread.
 */
import { BroadcastChannel } from 'node:worker_threads';
import { libc } from './ffi/libc.js';

/** The channel of portable waker `waker`. */
export function wakeChannel(waker: number): BroadcastChannel {
  return new BroadcastChannel(`darter-wake-${-waker}`);
}

const channels = new Map<number, BroadcastChannel>();

/** Makes the transport with this `waker` call its handler's `woken`. From any thread. */
export function wakeTransport(waker: number): void {
  if (waker >= 0) {
    libc?.eventfdWrite(waker, 1);
    return;
  }
  let channel = channels.get(waker);
  if (channel === undefined) {
    channel = wakeChannel(waker);
    channel.unref();
    channels.set(waker, channel);
  }
  channel.postMessage(0);
}

/** Gives the waker of a transport that has ended back. From now on nobody may wake it. */
export function closeWaker(waker: number): void {
  libc?.close(waker);
}
