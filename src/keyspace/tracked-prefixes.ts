/**
 * The beginnings of keys of which clients want to hear (CLIENT TRACKING BCAST), known to all threads: a
 * shared text with the number of clients that each thread has for each prefix. A thread reads it anew
 * when its version is another; a writer looks at the version for every key that it changes, under the
 * lock of the key's shard. So who changes a key after a client has its answer knows the client's prefix.
 */
import type { Region } from '../base/region.js';
import type { SharedText } from '../memory/shared-text.js';

/** Memory for all of them, as JSON. */
export const PREFIXES_BYTES_MAX = 1 << 20;

/** By prefix, one char a byte: the number of clients by thread. */
type Clients = Record<string, Record<string, number>>;

interface Prefix {
  readonly text: string;
  readonly threads: readonly number[];
}

export class TrackedPrefixes {
  private version = -1;
  private list: readonly Prefix[] = [];
  private readonly marks: Uint8Array;

  /** @param threads that may have such clients */
  constructor(
    private readonly shared: SharedText,
    threads: number,
  ) {
    this.marks = new Uint8Array(threads);
  }

  /** Whether any client has a prefix. */
  get areUsed(): boolean {
    if (this.shared.version !== this.version) this.renew();
    return this.list.length > 0;
  }

  /** How many there are. */
  get count(): number {
    return this.areUsed ? this.list.length : 0;
  }

  private renew(): void {
    const { text, version } = this.shared.read();
    this.version = version;
    this.list = Object.entries(parse(text)).map(([prefix, clients]) => ({
      text: prefix,
      threads: Object.keys(clients).map(Number),
    }));
  }

  /** @returns by thread: 1 when it has a client for this key. Valid until the next call */
  threadsOf(region: Region, offset: number, length: number): Uint8Array {
    const { marks, list } = this;
    marks.fill(0);
    for (let i = 0; i < list.length; i++) {
      const { text, threads } = list[i]!;
      if (!beginsWith(region, offset, length, text)) continue;
      for (let j = 0; j < threads.length; j++) marks[threads[j]!] = 1;
    }
    return marks;
  }

  /**
   * Adds clients of a thread to some prefixes, all of them or none.
   * @param delta 1, or -1 to take them away
   * @throws SharedTextFullError
   */
  change(thread: number, prefixes: Iterable<string>, delta: 1 | -1): void {
    this.shared.update((text) => {
      const all = parse(text);
      for (const prefix of prefixes) {
        const clients = Object.hasOwn(all, prefix) ? all[prefix]! : {};
        clients[thread] = (clients[thread] ?? 0) + delta;
        if (clients[thread] === 0) delete clients[thread];
        all[prefix] = clients;
        if (Object.keys(clients).length === 0) delete all[prefix];
      }
      return JSON.stringify(all);
    });
  }
}

function parse(text: string): Clients {
  const all: Clients = Object.create(null) as Clients;
  return Object.assign(all, JSON.parse(text === '' ? '{}' : text));
}

function beginsWith(region: Region, offset: number, length: number, prefix: string): boolean {
  if (length < prefix.length) return false;
  const { bytes } = region;
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[offset + i] !== prefix.charCodeAt(i)) return false;
  }
  return true;
}
