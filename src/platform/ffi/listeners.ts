/**
 * The listeners of a native transport, and what to do when accepting fails for want of descriptors:
 * rest for a moment (the client waits in the backlog) instead of trying in a loop, and say so once.
 */
import type { ListenAddress } from '../transport.js';
import { closeListener, type Listener, openListener, setKeepAlive } from './socket.js';

const REST_MS = 100;
/** A shortage without a pause this long is one shortage, reported once. */
const QUIET_MS = 10_000;
const EINTR = 4;
const EAGAIN = 11;
const ENOMEM = 12;
const ENFILE = 23;
const EMFILE = 24;
const ENOBUFS = 105;

export interface ListenerEntry {
  readonly listener: Listener;
  /** See ListenAddress. */
  readonly singly: boolean;
  open: boolean;
  /** Time (performance.now) until which accepting rests; 0: it does not. */
  restsUntilMs: number;
}

/** Called once per period in which clients cannot be accepted. */
export type AcceptTrouble = (errorNumber: number) => void;

export class Listeners {
  /** A listener keeps its index for ever. */
  readonly entries: ListenerEntry[] = [];
  private resting = 0;
  private quietUntilMs = 0;

  constructor(private readonly onTrouble: AcceptTrouble) {}

  open(address: ListenAddress, keepAliveSeconds: number): number | Promise<number> {
    const opened = openListener(address, keepAliveSeconds);
    const singly = address.singly === true;
    return opened instanceof Promise
      ? opened.then((listener) => this.add(listener, singly))
      : this.add(opened, singly);
  }

  private add(listener: Listener, singly: boolean): number {
    return this.entries.push({ listener, singly, open: true, restsUntilMs: 0 }) - 1;
  }

  setKeepAlive(seconds: number): void {
    for (const entry of this.entries) {
      if (entry.open && entry.listener.path === '') {
        setKeepAlive(entry.listener.descriptor, seconds);
      }
    }
  }

  /** Closes entry `index`. */
  close(index: number): void {
    const entry = this.entries[index]!;
    if (!entry.open) return;
    entry.open = false;
    if (entry.restsUntilMs > 0) this.resting--;
    closeListener(entry.listener);
  }

  /** After a failed accept. @returns whether to try again at once */
  failed(index: number, errorNumber: number): boolean {
    if (errorNumber === EAGAIN || errorNumber === EINTR) return true;
    const short =
      errorNumber === EMFILE ||
      errorNumber === ENFILE ||
      errorNumber === ENOMEM ||
      errorNumber === ENOBUFS;
    if (!short) return true;
    const now = performance.now();
    if (now >= this.quietUntilMs) this.onTrouble(errorNumber);
    this.quietUntilMs = now + QUIET_MS;
    const entry = this.entries[index]!;
    if (entry.restsUntilMs === 0) this.resting++;
    entry.restsUntilMs = now + REST_MS;
    return false;
  }

  /** The wait of a turn, cut short when a listener's rest ends before. */
  boundWait(waitMs: number): number {
    if (this.resting === 0 || waitMs === 0) return waitMs;
    return waitMs < 0 ? REST_MS : Math.min(waitMs, REST_MS);
  }

  /** Calls `resume` with each listener whose rest is over. */
  resume(resume: (index: number) => void): void {
    if (this.resting === 0) return;
    const now = performance.now();
    this.entries.forEach((entry, index) => {
      if (!entry.open || entry.restsUntilMs === 0 || entry.restsUntilMs > now) return;
      entry.restsUntilMs = 0;
      this.resting--;
      resume(index);
    });
  }
}
