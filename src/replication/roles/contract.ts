/**
 * What the roles of a server ask of their host, and tell it. The host has sockets, threads and
 * timers; `server/main-thread/replication` is one, the simulator another.
 *
 * The host performs actions one after the other, in the order in which they were given. The machine
 * does not wait for them: it stands where they lead.
 */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A process that serves at an address. A process that starts again has another run id. */
export interface Peer extends Address {
  readonly runId: string;
}

/** A replica of this server, in stable sync. `key` names this link, not the process. */
export interface LinkedReplica extends Peer {
  readonly key: string;
}

/** Who waits for an answer: a client, or another server. The host knows what it stands for. */
export type Asker = number;

/** The messages of an heir to its primary. Each can be sent again, and be answered again. */
export type HeirMessage = 'hand-over' | 'commit' | 'abort';

export type RoleAction =
  /** Writes wait until then, on all threads. The host reports `held`. */
  | { readonly kind: 'hold'; readonly takeover: string; readonly untilMs: number }
  /** Writes wait without an end, on all threads. The host reports `closed`. */
  | { readonly kind: 'close'; readonly takeover: string }
  /** Writes go on. */
  | { readonly kind: 'open' }
  /** A line with its sign, or LSNs. */
  | { readonly kind: 'answer'; readonly to: Asker; readonly text: string | readonly number[] }
  /** To the primary. The host reports `replied`. */
  | {
      readonly kind: 'send';
      readonly to: Peer;
      readonly takeover: string;
      readonly message: HeirMessage;
      readonly timeoutMs: number;
    }
  /** FAILOVER: asks a replica to take over. The host reports `target-replied`. */
  | {
      readonly kind: 'ask-target';
      readonly target: Peer;
      readonly takeover: string;
      /** 0: without an end. */
      readonly timeoutMs: number;
    }
  /** Becomes a primary with the data that there is. */
  | { readonly kind: 'promote' }
  /** Becomes a replica. `heir`: of the server that took over, and of no other process there. */
  | { readonly kind: 'follow'; readonly primary: Address; readonly heir: Peer | null };

export interface RoleHost {
  /** A clock that never goes back, in milliseconds. */
  nowMs(): number;
  /** 40 hexadecimal digits that nobody else has. */
  newId(): string;
  /** The primary that this server is in stable sync with. */
  primary(): Peer | null;
  /** Whether all up to these LSNs is applied, and nothing is missing in between. */
  hasApplied(heads: readonly number[]): boolean;
  /** The replicas in stable sync that have acknowledged all up to these LSNs. */
  replicasAt(heads: readonly number[]): readonly LinkedReplica[];
  perform(action: RoleAction): void;
  notice(text: string): void;
  warning(text: string): void;
}

/** Redis's words for `master_failover_state`. */
export type FailoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress';

/** The word that begins a refusal which says: this takeover is over, and will never be committed. */
export const OVER = 'NOTAKEOVER';

/** The word of a replica that is asked to take over while another takeover is not over there: ask again. */
export const NOT_YET = 'TAKEOVERBUSY';

/** How long after a message without an answer it is sent again. */
export const RESEND_MS = 250;

/** How many takeovers that are over a server remembers, so that a late message begins none anew. */
const ENDED_MAX = 256;

export class EndedTakeovers {
  private readonly ids = new Set<string>();

  add(takeover: string): void {
    this.ids.delete(takeover);
    this.ids.add(takeover);
    if (this.ids.size <= ENDED_MAX) return;
    for (const oldest of this.ids) {
      this.ids.delete(oldest);
      return;
    }
  }

  has(takeover: string): boolean {
    return this.ids.has(takeover);
  }
}
