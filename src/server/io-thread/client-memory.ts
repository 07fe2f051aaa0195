/**
 * What the clients of a thread take: their input that waits, their output that is not sent, what they
 * have queued, and what is kept for each of them anyway. maxmemory-clients bounds the sum over all
 * threads: the largest clients are closed, but for replicas and for those with CLIENT NO-EVICT.
 *
 * Sizes are not counted on the data path. A sweep adds them up ten times a second, and sooner when much
 * was put aside meanwhile. Each thread closes its own clients, and only while no other thread has more to
 * close. Clients that may not be closed do not count in this comparison: a thread that has nothing to
 * close would keep all others from it.
 */
import { PAGE_BYTES } from '../../base/limits.js';
import type { ClientSession } from '../../engine/session.js';
import type { ControlBlock, SharedWord } from '../../memory/control.js';
import type { Connection } from '../../net/connection.js';
import {
  CLIENT_BYTES,
  CLIENT_PAGES,
  EVICTABLE_CLIENT_BYTES,
  EVICTED_CLIENTS,
} from '../../net/counters.js';

/** About what the objects of a session and a connection take in the heap of their thread. */
export const SESSION_BYTES = 2048;

/** Smaller regions count as a whole: they come from others who have used all of them. */
const COUNTED_WHOLE_BYTES_MAX = 262_144;

/** Sizes in bytes. */
export interface ClientSizes {
  /** Commands that wait, as they were received. */
  readonly query: number;
  /** Room for more of the command under assembly. */
  readonly queryFree: number;
  /** The command under assembly. */
  readonly arguments: number;
  readonly output: number;
  /** Commands since MULTI. */
  readonly queued: number;
  readonly total: number;
}

export function sizesOf(
  session: ClientSession,
  connection: Connection<ClientSession> | undefined,
): ClientSizes {
  const partial = connection?.partial ?? null;
  const assembled = partial?.used ?? 0;
  const room = partial === null ? 0 : partial.region.length;
  const query = connection?.backlog?.length ?? 0;
  const output = connection?.outputBytes ?? 0;
  const queued = session.queue?.bytes ?? 0;
  return {
    ...{ query, output, queued },
    queryFree: room - assembled,
    arguments: assembled,
    // Room for what was announced and has not come is an address range: nobody evicts keys with it.
    total: SESSION_BYTES + query + residentBytes(assembled, room) + output + queued,
  };
}

function residentBytes(assembled: number, room: number): number {
  return Math.min(room, Math.max(assembled, COUNTED_WHOLE_BYTES_MAX));
}

export interface ClientMemoryParts {
  readonly thread: number;
  readonly control: ControlBlock;
  readonly sessions: ReadonlyMap<number, ClientSession>;
  connectionOf(session: ClientSession): Connection<ClientSession> | undefined;
  describe(session: ClientSession): string;
  close(session: ClientSession): void;
  log(level: 'warning', text: string): void;
}

interface Sized {
  readonly session: ClientSession;
  readonly bytes: number;
}

export class ClientMemory {
  private bytes = 0;
  private pages = 0;
  /** Of clients that may be closed. */
  private evictable = 0;
  private readonly allPages: SharedWord;

  constructor(private readonly parts: ClientMemoryParts) {
    this.allPages = parts.control.word(CLIENT_PAGES);
  }

  /** Adds up what the clients have. @param limitBytes for all threads together, 0: none */
  sweep(limitBytes: number): void {
    const { sessions, connectionOf } = this.parts;
    let bytes = 0;
    let evictable = 0;
    for (const session of sessions.values()) {
      if (session.isReplicaClient) continue;
      const { total } = sizesOf(session, connectionOf(session));
      bytes += total;
      if (!session.noEvict) evictable += total;
    }
    this.publish(bytes, evictable);
    if (limitBytes > 0 && this.mustEvict(limitBytes)) this.evict(limitBytes);
  }

  private publish(bytes: number, evictable: number): void {
    const { control, thread } = this.parts;
    control.threads[thread]!.add(CLIENT_BYTES, bytes - this.bytes);
    control.threads[thread]!.add(EVICTABLE_CLIENT_BYTES, evictable - this.evictable);
    const pages = Math.ceil(bytes / PAGE_BYTES);
    if (pages !== this.pages) this.allPages.add(pages - this.pages);
    this.bytes = bytes;
    this.evictable = evictable;
    this.pages = pages;
  }

  private mustEvict(limitBytes: number): boolean {
    const { control } = this.parts;
    if (control.sum(CLIENT_BYTES) <= limitBytes) return false;
    return control.threads.every((other) => other.get(EVICTABLE_CLIENT_BYTES) <= this.evictable);
  }

  private evict(limitBytes: number): void {
    const { control, thread, describe, close, log } = this.parts;
    for (const { session, bytes } of this.largestFirst()) {
      log('warning', `Evicting client: ${describe(session)}`);
      close(session);
      control.threads[thread]!.add(EVICTED_CLIENTS, 1);
      this.publish(this.bytes - bytes, this.evictable - bytes);
      if (!this.mustEvict(limitBytes)) return;
    }
  }

  private largestFirst(): Sized[] {
    const { sessions, connectionOf } = this.parts;
    const sized: Sized[] = [];
    for (const session of sessions.values()) {
      if (session.noEvict || session.isReplicaClient) continue;
      sized.push({ session, bytes: sizesOf(session, connectionOf(session)).total });
    }
    return sized.sort((one, other) => other.bytes - one.bytes);
  }
}
