/**
 * Accepts what waits in a listener's queue without waiting itself. The listener may be another
 * thread's: that keeps whatever it has armed there, and finds nothing more.
 */
import { requireLibc } from './libc.js';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/**
 * The caller makes sure that nobody closes the listener meanwhile, and that no other thread is here
 * with it. For a moment the listener does not block. An accept that its owner arms in that moment ends
 * with EAGAIN, after which the owner arms it anew.
 *
 * @param take gets each descriptor, and says whether to go on
 */
export function acceptWaiting(listener: number, take: (descriptor: number) => boolean): void {
  const libc = requireLibc();
  const flags = libc.fcntl(listener, F_GETFL, 0);
  if (flags < 0) return;
  libc.fcntl(listener, F_SETFL, flags | O_NONBLOCK);
  try {
    for (;;) {
      const descriptor = libc.accept4(listener, 0, 0, SOCK_CLOEXEC);
      if (descriptor < 0 || !take(descriptor)) return;
    }
  } finally {
    libc.fcntl(listener, F_SETFL, flags);
  }
}
