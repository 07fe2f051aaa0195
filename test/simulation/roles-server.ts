/**
 * A server of the simulation of roles: the real machine (`Roles`) over a model of all that it asks
 * of its host. The data is a log of numbered writes; the only LSN is its length.
 *
 * The machine stands where its actions lead; the threads, which take writes, follow action by
 * action with delays.
 */
import assert from 'node:assert/strict';
import type {
  Address,
  Asker,
  LinkedReplica,
  Peer,
  RoleAction,
  RoleHost,
} from '../../src/replication/roles/contract.js';
import { Roles } from '../../src/replication/roles/roles.js';
import type { HeirReply } from '../../src/replication/roles/take-over.js';
import type { Random } from '../support/random.js';
import type { Process, SimulatedNetwork } from './roles-network.js';

const TICK_MS = 10;
const RETRY_MS = 100;
const ACTION_MS_MAX = 10;
const FULL_SYNC_MS = 50;

/** What a server needs of the world. */
export interface Surroundings {
  readonly network: SimulatedNetwork;
  readonly random: Random;
  /** The process that has this name now. */
  at(address: Address): RolesServer | null;
  newId(): string;
  tell(line: string): void;
  /** An order was answered. */
  answered(order: string, server: RolesServer, text: string): void;
  /** A server has become primary. @param isByOrder by REPLICAOF NO ONE */
  promoted(server: RolesServer, isByOrder: boolean): void;
}

/** A link as its two ends see it; each learns of its end in its own time. */
interface Link {
  readonly key: string;
  readonly primary: RolesServer;
  readonly replica: RolesServer;
  acknowledged: number;
  isCut: boolean;
  /** Blocks come in order. */
  arrivesMs: number;
}

export class RolesServer implements Process, Address, RoleHost {
  isAlive = true;
  /** The process that the last message of a takeover went to. */
  lastAsked = '';
  stoppedUntilMs = 0;
  readonly roles: Roles;
  readonly runId: string;
  readonly port = 1;
  /** The data, and to which history it belongs. */
  log: number[] = [];
  history: string;
  isWhole = true;

  /** What the threads know. */
  acceptsWrites = true;
  heldUntilMs = 0;
  heldSinceMs = 0;
  readonly replicas = new Map<string, Link>();
  up: Link | null = null;
  /** The run ids of the primary, its primary and so on, as it told them last. */
  private chain: readonly string[] = [];
  private isJoining = false;
  private readonly askers = new Map<Asker, (text: string | readonly number[]) => void>();
  private lastAsker = 0;
  private readonly actions: RoleAction[] = [];
  private isActing = false;
  private orderedPrimary = false;

  constructor(
    readonly name: string,
    private readonly world: Surroundings,
  ) {
    this.runId = world.newId();
    this.history = world.newId();
    this.roles = new Roles(this);
    this.every(TICK_MS, () => this.roles.tick());
    this.every(RETRY_MS, () => this.join());
    this.every(TICK_MS, () => this.stream());
  }

  get host(): string {
    return this.name;
  }

  private get network(): SimulatedNetwork {
    return this.world.network;
  }

  private every(periodMs: number, run: () => void): void {
    const again = () => {
      run();
      this.network.at(periodMs, this, again);
    };
    this.network.at(this.world.random.between(0, periodMs), this, again);
  }

  // --- RoleHost

  nowMs(): number {
    return this.network.nowMs;
  }

  newId(): string {
    return this.world.newId();
  }

  primary(): Peer | null {
    const { up } = this;
    if (up === null || !this.isWhole) return null;
    const { name: host, port, runId } = up.primary;
    return { host, port, runId };
  }

  hasApplied(heads: readonly number[]): boolean {
    return this.isWhole && heads.every((head) => this.log.length >= head);
  }

  replicasAt(heads: readonly number[]): readonly LinkedReplica[] {
    return [...this.replicas.values()]
      .filter(({ acknowledged }) => acknowledged >= 0)
      .filter(({ acknowledged }) => heads.every((head) => acknowledged >= head))
      .map((link) => linked(link));
  }

  notice(text: string): void {
    this.world.tell(`${this.name}: ${text}`);
  }

  warning(text: string): void {
    this.notice(text);
  }

  perform(action: RoleAction): void {
    this.actions.push(action);
    if (!this.isActing) this.actNext();
  }

  private actNext(): void {
    this.isActing = this.actions.length > 0;
    if (!this.isActing) return;
    this.network.at(this.world.random.between(0, ACTION_MS_MAX), this, () => {
      this.act(this.actions.shift()!);
    });
  }

  private act(action: RoleAction): void {
    switch (action.kind) {
      case 'hold':
        this.hold(action.untilMs, () => this.roles.handOver.held(action.takeover, this.heads()));
        return;
      case 'close':
        this.hold(Number.POSITIVE_INFINITY, () =>
          this.roles.handOver.closed(action.takeover, this.heads()),
        );
        return;
      case 'open':
        this.heldUntilMs = 0;
        break;
      case 'answer':
        this.askers.get(action.to)?.(action.text);
        this.askers.delete(action.to);
        break;
      case 'send':
        this.send(action);
        break;
      case 'ask-target':
        this.askTarget(action);
        break;
      case 'promote':
        this.leaveAll();
        this.heldUntilMs = 0;
        this.acceptsWrites = true;
        this.world.promoted(this, this.orderedPrimary);
        this.orderedPrimary = false;
        break;
      case 'follow':
        this.leaveAll();
        this.heldUntilMs = 0;
        this.acceptsWrites = false;
        break;
    }
    this.actNext();
  }

  /** The threads confirm in their own time, then the heads are read. */
  private hold(untilMs: number, confirmed: () => void): void {
    if (this.heldUntilMs <= this.nowMs()) this.heldSinceMs = this.nowMs();
    this.heldUntilMs = untilMs;
    this.network.at(this.world.random.between(0, ACTION_MS_MAX), this, () => {
      confirmed();
      this.actNext();
    });
  }

  private heads(): readonly number[] {
    return [this.log.length];
  }

  // --- messages

  private asker(answer: (text: string | readonly number[]) => void): Asker {
    this.askers.set(++this.lastAsker, answer);
    return this.lastAsker;
  }

  /** Sends a request; `replied` is called with each reply, and with null after the time. */
  private request(
    to: RolesServer,
    timeoutMs: number,
    ask: (target: RolesServer, asker: Asker) => void,
    replied: (reply: string | readonly number[] | null) => void,
  ): void {
    this.network.send(this, to, () => {
      const asker = to.asker((text) => this.network.send(to, this, () => replied(text)));
      ask(to, asker);
    });
    this.network.at(timeoutMs, this, () => replied(null));
  }

  private send(action: Extract<RoleAction, { kind: 'send' }>): void {
    const { takeover, message, timeoutMs, to: peer } = action;
    this.lastAsked = peer.runId;
    const to = this.world.at(peer);
    const replied = (text: string | readonly number[] | null) => {
      const reply: HeirReply =
        text === null ? null : typeof text === 'string' ? { line: text } : { heads: text };
      this.roles.takeOver.replied(takeover, message, reply);
    };
    if (to === null) {
      this.network.at(1, this, () => replied(null));
      return;
    }
    const key = this.up?.key ?? '';
    const limitMs = Math.min(timeoutMs, 5000);
    this.request(
      to,
      limitMs,
      (target, asker) => {
        if (message === 'commit') target.roles.handOver.commit(takeover, asker);
        else if (message === 'abort') target.roles.abortAsked(takeover, asker);
        else {
          const link = target.replicas.get(key);
          const isOnline = link !== undefined && link.acknowledged >= 0;
          const heir = isOnline ? linked(link) : null;
          target.roles.handOverAsked(takeover, heir, timeoutMs, asker);
        }
      },
      replied,
    );
  }

  private askTarget(action: Extract<RoleAction, { kind: 'ask-target' }>): void {
    const { target, takeover, timeoutMs } = action;
    const to = this.world.at(target);
    const replied = (text: string | readonly number[] | null) => {
      const refusal = text === null ? '' : text === '+OK' ? null : String(text);
      this.roles.handOver.targetReplied(takeover, refusal);
    };
    if (to === null) {
      this.network.at(1, this, () => replied(null));
      return;
    }
    const ask = (server: RolesServer, asker: Asker) =>
      server.roles.takeOver.asked(takeover, this.runId, timeoutMs, asker);
    this.request(to, 1000, ask, replied);
  }

  // --- orders of clients

  order(what: string, give: (roles: Roles, asker: Asker) => void): void {
    this.network.at(0, this, () => {
      this.world.tell(`${this.name} is told ${what}`);
      const asker = this.asker((text) => this.world.answered(what, this, String(text)));
      if (what === 'REPLICAOF NO ONE' && !this.roles.isPrimary) this.orderedPrimary = true;
      give(this.roles, asker);
    });
  }

  /** A client writes. @returns whether it was accepted */
  write(value: number): boolean {
    if (!this.acceptsWrites || this.heldUntilMs > this.nowMs()) return false;
    this.log.push(value);
    return true;
  }

  // --- the link to the primary

  /** This end knows at once: it serves nobody, and has no primary, from here on. */
  private leaveAll(): void {
    this.chain = [];
    for (const link of [...this.replicas.values()]) {
      this.cut(link);
      this.replicas.delete(link.key);
      this.roles.handOver.replicaLost(link.key);
    }
    if (this.up !== null) this.cut(this.up);
    this.up = null;
  }

  /** Both ends learn it, each in its own time. */
  cut(link: Link): void {
    if (link.isCut) return;
    link.isCut = true;
    const { primary, replica, key } = link;
    const learns = (server: RolesServer, run: () => void) =>
      this.network.at(this.network.delayMs(), server, run);
    learns(primary, () => {
      if (primary.replicas.delete(key)) primary.roles.handOver.replicaLost(key);
    });
    learns(replica, () => {
      if (replica.up === link) replica.up = null;
    });
  }

  private join(): void {
    const { following } = this.roles;
    if (following === null || this.acceptsWrites || this.up !== null || this.isJoining) return;
    const primary = this.world.at(following);
    if (primary === null || primary === this || this.network.isParted(this, primary)) return;
    const { expectedHeir } = this.roles;
    if (expectedHeir !== null) {
      const isFound = primary.runId === expectedHeir.runId;
      this.roles.heirSought(isFound);
      if (!isFound) return;
    }
    this.isJoining = true;
    this.network.at(this.network.delayMs(), primary, () => primary.serve(this));
    // Whatever becomes of the request.
    this.network.at(RETRY_MS, this, () => {
      this.isJoining = false;
    });
  }

  private serve(replica: RolesServer): void {
    const chain = [this.runId, ...this.chain.filter((runId) => runId !== this.runId)];
    const isServing = this.acceptsWrites ? this.roles.isPrimary : this.up !== null && this.isWhole;
    // The replica asks no more of one that follows it.
    if (!isServing || chain.includes(replica.runId)) {
      this.network.at(this.network.delayMs(), replica, () => replica.learn(this, chain));
      return;
    }
    for (const link of this.replicas.values()) {
      if (link.replica !== replica) continue;
      // It comes anew: what the old link began is over.
      this.cut(link);
      this.replicas.delete(link.key);
      this.roles.handOver.replicaLost(link.key);
    }
    const key = this.world.newId();
    const link: Link = {
      key,
      primary: this,
      replica,
      acknowledged: -1,
      isCut: false,
      arrivesMs: this.nowMs(),
    };
    this.replicas.set(key, link);
    this.network.at(this.network.delayMs(), replica, () => replica.joined(link, chain));
  }

  private learn(primary: RolesServer, chain: readonly string[]): void {
    const { following } = this.roles;
    if (this.up === null && following?.host === primary.name) this.chain = chain;
  }

  private joined(link: Link, chain: readonly string[]): void {
    const { primary } = link;
    const { following } = this.roles;
    if (this.up !== null || following === null || this.world.at(following) !== primary) return;
    if (this.acceptsWrites || link.isCut || !primary.isAlive || !this.roles.joining()) return;
    const continues = this.isWhole && this.log.every((value, at) => primary.log[at] === value);
    this.isWhole = continues;
    this.chain = chain;
    this.up = link;
    const wholeMs = continues ? 0 : this.world.random.between(1, FULL_SYNC_MS);
    this.network.at(wholeMs, this, () => {
      if (link.isCut || this.up !== link) return;
      if (!continues) this.log = [...primary.log];
      this.history = primary.history;
      this.isWhole = true;
      this.roles.linked();
      this.acknowledge(link);
    });
  }

  /** What is new goes to the replicas, in order. */
  private stream(): void {
    for (const link of this.replicas.values()) {
      const { replica } = link;
      if (link.isCut || link.acknowledged < 0) continue;
      if (this.network.isParted(this, replica) || !replica.isAlive) {
        this.cut(link);
        continue;
      }
      const upTo = this.log.length;
      link.arrivesMs = Math.max(link.arrivesMs, this.nowMs() + this.network.delayMs());
      this.network.at(link.arrivesMs - this.nowMs(), replica, () => {
        if (link.isCut || replica.up !== link || !replica.isWhole) return;
        replica.log.push(...this.log.slice(replica.log.length, upTo));
        replica.acknowledge(link);
      });
    }
    if (this.up !== null && !this.up.primary.isAlive) this.cut(this.up);
  }

  private acknowledge(link: Link): void {
    const applied = this.log.length;
    const { primary } = link;
    this.network.at(this.network.delayMs(), primary, () => {
      if (link.isCut) return;
      // From the first one on the primary knows it as a replica in stable sync.
      link.acknowledged = Math.max(link.acknowledged, applied);
    });
  }
}

function linked({ key, replica, acknowledged }: Link): LinkedReplica {
  assert.ok(acknowledged >= 0);
  return { key, host: replica.name, port: replica.port, runId: replica.runId };
}
