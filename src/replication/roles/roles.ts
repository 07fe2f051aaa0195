/**
 * The role of a server, and all that changes it: a machine without sockets, timers and threads.
 *
 *               REPLICAOF host port, a role given away
 *   primary ─────────────────────────────────────────────▶ replica
 *      ▲                                                     │
 *      └─────────────────────────────────────────────────────┘
 *          REPLICAOF NO ONE, a role taken over, a role that comes back
 *
 * `HandOver` is the primary's part of a takeover, `TakeOver` the heir's. What is promised:
 *
 * - Never two primaries by a takeover, whatever is lost, late, doubled or stopped. The heir becomes
 *   primary only on its primary's word, and that gives its word only once it accepts no writes.
 * - Writes are held no longer than the deadline if the takeover is not committed then. (Between
 *   COMMIT and the decision lies the time in which all threads confirm.)
 * - A takeover that was committed has its primary as soon as the link is whole again, if both
 *   processes live. If the heir dies in between, no server is primary until REPLICAOF NO ONE: only
 *   a person can know that the heir is dead, and that it served nobody.
 */
import type { Address, Asker, FailoverState, LinkedReplica, Peer, RoleHost } from './contract.js';
import { type FailoverOrder, type Given, HandOver, nameOf } from './hand-over.js';
import { TakeOver } from './take-over.js';

const ALREADY = '+OK Already connected to specified master';
const FAILING_OVER = '-ERR REPLICAOF not allowed while failing over.';

export class Roles {
  /** Whom this server follows; null: it is a primary. */
  following: Address | null = null;
  readonly handOver: HandOver;
  readonly takeOver: TakeOver;
  /** The process that has the role by our word, until the link to it is up. */
  private heir: Peer | null = null;
  /** Another process was seen at the heir's address. */
  private isHeirReplaced = false;
  /** An order to follow that address came before. */
  private isOrdered = false;

  constructor(private readonly host: RoleHost) {
    this.handOver = new HandOver(host, (given, askers) => this.giveAway(given, askers));
    this.takeOver = new TakeOver(host, (asker) => this.take(asker));
  }

  get isPrimary(): boolean {
    return this.following === null;
  }

  /** Something depends on time: `tick` should be called every few milliseconds, else now and then. */
  get isUrgent(): boolean {
    return this.handOver.isActive || this.takeOver.isUrgent;
  }

  get failoverState(): FailoverState {
    return this.handOver.failoverState;
  }

  /** What INFO and the threads are told of a FAILOVER. */
  get failoverStatus() {
    const { failoverState, failoverTarget, isForced } = this.handOver;
    return { failoverState, failoverTarget, isForced };
  }

  tick(): void {
    this.handOver.tick();
    this.takeOver.tick();
  }

  // --- orders of clients

  replicaOf(primary: Address | null, asker: Asker): void {
    if (this.handOver.isActive) {
      this.answer(asker, FAILING_OVER);
      return;
    }
    if (primary !== null && this.awaitsHeirAt(primary)) {
      // The heir may live, and be primary in a moment: its role does not come back by this order, which
      // counts when another process is seen in its place.
      this.isOrdered = true;
      this.answer(asker, ALREADY);
      return;
    }
    this.takeOver.callOff(primary !== null);
    this.handOver.forget();
    if (primary !== null) this.follow(primary, null);
    else if (!this.isPrimary) this.promote('REPLICAOF NO ONE');
    this.answer(asker, '+OK');
  }

  private awaitsHeirAt({ host, port }: Address): boolean {
    if (this.heir === null || this.isHeirReplaced) return false;
    return this.following?.host === host && this.following.port === port;
  }

  replTakeOver(timeoutMs: number, asker: Asker): void {
    if (this.isPrimary) {
      this.answer(asker, '-ERR REPLTAKEOVER is for replicas: this server is a primary');
    } else {
      this.takeOver.begin(timeoutMs, asker);
    }
  }

  failover(order: FailoverOrder, asker: Asker): void {
    if (this.handOver.isActive) this.answer(asker, '-ERR FAILOVER already in progress.');
    else if (!this.isPrimary) {
      this.answer(asker, '-ERR FAILOVER is not valid when server is a replica.');
    } else {
      this.handOver.failover(order);
      this.answer(asker, '+OK');
    }
  }

  failoverAbort(asker: Asker): void {
    this.answer(asker, this.handOver.failoverAbort() ? '+OK' : '-ERR No failover in progress.');
  }

  // --- messages of other servers

  /** @param heir the replica in stable sync that asks; null when it is none */
  handOverAsked(
    takeover: string,
    heir: LinkedReplica | null,
    timeoutMs: number,
    asker: Asker,
  ): void {
    this.handOver.handOver(takeover, heir, timeoutMs, this.isPrimary, asker);
  }

  abortAsked(takeover: string, asker: Asker): void {
    if (this.handOver.abort(takeover, asker)) {
      this.host.notice('The replica that took over gives the role back');
      this.promote('the role comes back');
    }
  }

  /**
   * The primary begins to serve this server, whose data becomes the primary's. So a role that was
   * given away cannot come back any more: what the heir sent before it was primary may come late.
   * @returns false when this server is to be a primary itself by now
   */
  joining(): boolean {
    if (this.isPrimary) return false;
    this.handOver.forget();
    return true;
  }

  /** The link to the primary has come up: that is one, also if it is the heir of this server. */
  linked(): void {
    this.heir = null;
    this.takeOver.rejoined();
  }

  /**
   * Somebody answers at the heir's address. Another process may have lost the data, so that it is followed on
   * an order only: one that came before counts now.
   */
  heirSought(isFound: boolean): void {
    if (this.heir === null) return;
    this.isHeirReplaced = !isFound;
    if (this.isHeirReplaced && this.isOrdered) this.follow(this.following!, null);
  }

  /** The only process that may be followed, while it has not been seen as a primary. */
  get expectedHeir(): Peer | null {
    return this.heir;
  }

  // --- changes

  private giveAway({ heir }: Given, askers: readonly Asker[]): void {
    this.host.notice(`Replica ${nameOf(heir)} has taken over: this server follows it`);
    const { heads } = this.handOver.given!;
    this.follow(heir, heir);
    for (const asker of askers) this.host.perform({ kind: 'answer', to: asker, text: heads });
  }

  private take(asker: Asker | null): void {
    this.handOver.forget();
    this.promote('it has taken over');
    if (asker !== null) this.answer(asker, '+OK');
  }

  private follow(primary: Address, heir: Peer | null): void {
    this.following = { host: primary.host, port: primary.port };
    this.heir = heir;
    this.isHeirReplaced = false;
    this.isOrdered = false;
    this.host.perform({ kind: 'follow', primary: this.following, heir });
  }

  private promote(why: string): void {
    this.following = null;
    this.heir = null;
    this.host.notice(`This server becomes a primary: ${why}`);
    this.host.perform({ kind: 'promote' });
  }

  private answer(to: Asker, text: string): void {
    this.host.perform({ kind: 'answer', to, text });
  }
}
