/**
 * A server's history: the id under which the LSNs of its journal count, and the LSNs up to which
 * they also count under the id of the primary it followed before. Decides whether a replica can
 * continue.
 */
import { type HalfStream, isHalfStream } from '../half-sync.js';
import { AWAITS_CLEAR } from '../shard-states.js';

/** A replica's request for a sync. */
export interface SyncRequest {
  readonly version: number;
  /** '?' when it has no data. */
  readonly replicationId: string;
  /** LSN applied, of each stream of the primary it had. */
  readonly lsns: readonly number[];
  /** Of each stream how far a full sync was whose link was cut; null when there is none. */
  readonly half: readonly HalfStream[] | null;
  /** Its own number of shards, and of databases. */
  readonly shards: number;
  readonly databases: number;
}

/** One of our rings: a JournalRing is one, under its lock. */
export interface Held {
  readonly start: number;
  readonly head: number;
}

export type SyncDecision =
  | { readonly kind: 'continue' }
  /** A full sync that goes on. */
  | { readonly kind: 'resume'; readonly raw: boolean }
  | { readonly kind: 'full'; readonly why: string; readonly raw: boolean; readonly first: boolean }
  | { readonly kind: 'refuse'; readonly why: string };

/**
 * 2: the argument count of an effect has 32 bits. 3: shards come from the hash, and the reply to a
 * request tells the spread of hash tags. 4: the reply tells the window, and the primary keeps to it;
 * blocks carry the cursor of the walk; cuts of all shards are sent and acknowledged; run ids are told
 * before a request (DARTER CHAIN), and takeovers have ids; large collections come in parts. 5: there
 * is a stream without keys: all LSNs, cuts and flows have one stream more than there are shards; a
 * full sync goes on after a cut link (half-sync.ts). 7: parts of large values come in their own form
 * (DARTER PART); the stream without keys may have marks of the stream of commands that Redises get
 * (redis/merge-mark.ts). 8: those of sorted sets too.
 */
export const PROTOCOL_VERSION = 8;
export const NO_ID = '0'.repeat(40);

/** How many streams a server has: one for each shard, and the one without keys. */
export function streamsOf(shards: number): number {
  return shards + 1;
}

export class PrimaryState {
  replicationId: string;
  /** The id before the last promotion, NO_ID when there was none. */
  secondId = NO_ID;
  /** The second id counts up to these LSNs. */
  secondLsns: readonly number[] = [];

  constructor(
    private readonly shards: number,
    private readonly databases: number,
    /** 40 hexadecimal digits. */
    private readonly newId: () => string,
  ) {
    this.replicationId = newId();
  }

  /** Decides how to serve a replica. @param rings null while there is no journal */
  decide(request: SyncRequest, rings: readonly Held[] | null): SyncDecision {
    if (request.version !== PROTOCOL_VERSION) {
      return {
        kind: 'refuse',
        why:
          `protocol version ${request.version} is not supported, only ${PROTOCOL_VERSION}: ` +
          `install a newer Darter on the ${request.version < PROTOCOL_VERSION ? 'replica' : 'primary'}`,
      };
    }
    if (request.databases < this.databases) {
      const why = `the replica has ${request.databases} databases, ${this.databases} are needed`;
      return { kind: 'refuse', why };
    }
    if (!(request.shards > 0 && Number.isInteger(Math.log2(request.shards)))) {
      return { kind: 'refuse', why: `a replica with ${request.shards} shards` };
    }
    const raw = request.shards === this.shards;
    if (request.half !== null && this.mayResume(request, request.half, rings)) {
      return { kind: 'resume', raw };
    }
    const first = request.replicationId === '?' || request.half !== null;
    const why = first ? 'it has no data yet' : this.whyNot(request, rings);
    if (why === null) return { kind: 'continue' };
    return { kind: 'full', why, raw, first };
  }

  /** Whether a full sync that was cut can go on: it is of our history, and some of it is of use. */
  private mayResume(
    { replicationId }: SyncRequest,
    half: readonly HalfStream[],
    rings: readonly Held[] | null,
  ): boolean {
    if (replicationId !== this.replicationId || rings === null) return false;
    if (half.length !== rings.length) return false;
    let isOfUse = false;
    for (let stream = 0; stream < half.length; stream++) {
      const { state, lsn } = half[stream]!;
      const { start, head } = rings[stream]!;
      if (!isHalfStream(half[stream]!, this.databases) || lsn > head) return false;
      if (state !== AWAITS_CLEAR && lsn >= start) isOfUse = true;
    }
    return isOfUse;
  }

  /** Why the replica cannot continue, or null. */
  private whyNot(request: SyncRequest, rings: readonly Held[] | null): string | null {
    const { lsns, replicationId: id } = request;
    const second = id === this.secondId && id !== NO_ID;
    if (id !== this.replicationId && !second) return `its data has another history, ${id}`;
    if (rings === null) return 'the journal was not kept';
    const streams = streamsOf(this.shards);
    if (lsns.length !== streams) return `it counts ${lsns.length} streams, not ${streams}`;
    for (let shard = 0; shard < streams; shard++) {
      const lsn = lsns[shard]!;
      const { start, head } = rings[shard]!;
      const limit = second ? Math.min(head, this.secondLsns[shard]!) : head;
      if (!Number.isSafeInteger(lsn) || lsn % 4 !== 0 || lsn > limit) {
        return `shard ${shard} is at LSN ${lsn}, ahead of ${limit}`;
      }
      if (lsn < start) return `shard ${shard} is at LSN ${lsn}, the journal begins at ${start}`;
    }
    return null;
  }

  /** Becomes a primary with the data, the id and the LSNs of the primary it followed. */
  promote(followedId: string, lsns: readonly number[]): void {
    this.secondId = followedId;
    this.secondLsns = [...lsns];
    this.replicationId = this.newId();
  }

  /**
   * Adopts the id of the primary: after a full sync (`lsns` is null), or when the primary lets this
   * server continue, possibly under a new id.
   * @param lsns where the old id ends
   * @returns whether the id changed: then sub-replicas must reconnect to learn it
   */
  adopt(id: string, lsns: readonly number[] | null): boolean {
    if (id === this.replicationId) return false;
    if (lsns === null) {
      this.secondId = NO_ID;
      this.secondLsns = [];
    } else {
      this.secondId = this.replicationId;
      this.secondLsns = [...lsns];
    }
    this.replicationId = id;
    return true;
  }

  /** The data now has a history that it shares with no other server. */
  startAnew(): void {
    this.replicationId = this.newId();
    this.secondId = NO_ID;
    this.secondLsns = [];
  }
}
