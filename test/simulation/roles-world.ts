/**
 * One schedule of roles: three or four servers in a star or a chain, clients that write, orders to
 * change roles, and a network and processes that fail. What must hold at every moment:
 *
 * - Who accepts a write has all that were accepted before in its history. Two primaries at once,
 *   and a takeover that lost a write, both break this with the next write.
 * - Writes are not held for longer than the deadline, if the process runs.
 *
 * and at the end, on a whole network: no takeover is under way, no writes are held, and there is
 * one primary, unless the process died that had the role, or orders have said otherwise.
 */
import assert from 'node:assert/strict';
import type { Address } from '../../src/replication/roles/contract.js';
import { Random } from '../support/random.js';
import { SimulatedNetwork } from './roles-network.js';
import { RolesServer, type Surroundings } from './roles-server.js';

const CHAOS_MS = 6000;
const SETTLE_MS = 60_000;
const STEP_MS = 20;
const TIMEOUT_MS_MAX = 2000;
/** How long the threads and the actions before it may delay the end of a hold. */
const SLACK_MS = 200;

export interface RolesOutcome {
  takeovers: number;
  refused: number;
  unknown: number;
  failovers: number;
  promotions: number;
  crashes: number;
  stops: number;
  without: number;
}

export class RolesWorld implements Surroundings {
  readonly story: string[] = [];
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly outcome: RolesOutcome = {
    takeovers: 0,
    refused: 0,
    unknown: 0,
    failovers: 0,
    promotions: 0,
    crashes: 0,
    stops: 0,
    without: 0,
  };
  private readonly servers: RolesServer[] = [];
  /** All writes accepted, by history. */
  private readonly accepted = new Map<string, number[]>();
  private readonly firstHistory: string;
  private lastId = 0;
  private lastWrite = 0;
  private readonly lastStopMs = new Map<RolesServer, number>();

  /** What this schedule does. */
  private readonly crashes: boolean;
  private readonly reorders: boolean;
  private readonly promotes: boolean;
  private readonly forces: boolean;
  /** Whether a FAILOVER may hold writes without an end. */
  private holdsForEver = false;
  private hasHolderDied = false;
  private hasBeenReordered = false;

  constructor(readonly seed: number) {
    const random = new Random(seed);
    this.random = random;
    this.network = new SimulatedNetwork(random);
    this.crashes = random.chance(0.3);
    this.reorders = random.chance(0.25);
    this.promotes = random.chance(0.1);
    this.forces = random.chance(0.15);
    const isChain = random.chance(0.3);
    for (const name of ['A', 'B', 'C', 'D'].slice(0, random.between(3, 4))) this.start(name);
    const [first, ...others] = this.servers;
    this.firstHistory = first!.history;
    this.accepted.set(this.firstHistory, []);
    others.forEach((server, i) => {
      const primary = isChain ? this.servers[i]! : first!;
      server.acceptsWrites = false;
      server.order(`REPLICAOF ${primary.name}`, (roles, asker) => roles.replicaOf(primary, asker));
    });
  }

  // --- what servers ask of it

  at(address: Address): RolesServer | null {
    return this.servers.find(({ name, isAlive }) => isAlive && name === address.host) ?? null;
  }

  newId(): string {
    return String(++this.lastId);
  }

  tell(line: string): void {
    this.story.push(`${this.network.nowMs} ${line}`);
  }

  answered(order: string, server: RolesServer, text: string): void {
    this.tell(`${server.name} answers ${order}: ${text}`);
    if (order === 'FAILOVER' && text === '+OK') this.outcome.failovers++;
    if (order !== 'REPLTAKEOVER') return;
    if (text === '+OK') {
      this.outcome.takeovers++;
      assert.ok(server.acceptsWrites, 'OK is said by a primary');
    } else if (text.includes('has not answered whether')) this.outcome.unknown++;
    else this.outcome.refused++;
  }

  promoted(server: RolesServer, isByOrder: boolean): void {
    this.tell(`${server.name} is a primary${isByOrder ? ' by order' : ''}: ${server.log.length}`);
    this.outcome.promotions++;
    if (isByOrder) {
      server.history = this.newId();
      // Half a data set is none, and is what it has from here on.
      server.isWhole = true;
    }
    const known = this.accepted.get(server.history);
    if (known === undefined || this.forces) this.accepted.set(server.history, [...server.log]);
    else assert.deepEqual(server.log, known, `${server.name} has every accepted write`);
    assert.ok(server.isWhole, `${server.name} has a whole data set`);
  }

  // --- the schedule

  run(): RolesOutcome {
    this.network.runUntil(1000);
    for (const server of this.servers.slice(1)) assert.ok(server.up !== null, 'all have joined');
    this.disturb();
    const endMs = this.network.nowMs + CHAOS_MS;
    while (this.network.nowMs < endMs) {
      this.network.runUntil(this.network.nowMs + STEP_MS);
      this.step();
      this.writes();
      this.checkHolds();
    }
    this.settle();
    return this.outcome;
  }

  private start(name: string): RolesServer {
    const server = new RolesServer(name, this);
    this.servers.push(server);
    return server;
  }

  private disturb(): void {
    const { network, random } = this;
    network.loss = random.pick([0, 0.02, 0.3]);
    network.doubling = random.pick([0, 0.3]);
    network.lateness = random.pick([0, 0.05, 0.3]);
  }

  private get living(): RolesServer[] {
    return this.servers.filter(({ isAlive }) => isAlive);
  }

  private step(): void {
    const { random, network } = this;
    if (random.chance(0.03)) this.takeOvers();
    if (random.chance(0.015)) this.failover();
    if (random.chance(0.01)) this.abort();
    if (random.chance(0.015)) this.stop(random.pick(this.living));
    if (random.chance(0.01)) this.part();
    if (random.chance(0.02)) network.parted.clear();
    if (random.chance(0.01)) this.cutSome();
    if (this.crashes && this.living.length > 2 && random.chance(0.004))
      this.crash(random.pick(this.living));
    if (this.reorders && random.chance(0.01)) this.reorder();
    if (this.promotes && random.chance(0.005)) this.promote(random.pick(this.living));
  }

  /** One or two, at once or shortly after each other, some with too short a time. */
  private takeOvers(): void {
    const { random } = this;
    for (let i = random.between(1, 2); i > 0; i--) {
      const server = random.pick(this.living);
      const timeoutMs = random.pick([1, 20, random.between(50, TIMEOUT_MS_MAX)]);
      this.network.at(random.pick([0, 0, 50]), null, () => {
        server.order('REPLTAKEOVER', (roles, asker) => roles.replTakeOver(timeoutMs, asker));
      });
    }
  }

  private failover(): void {
    const { random } = this;
    const server = random.pick(this.living);
    const other = random.pick(this.living);
    const isForced = this.forces && random.chance(0.5);
    const timeoutMs = isForced || random.chance(0.7) ? random.between(1, TIMEOUT_MS_MAX) : 0;
    if (isForced || timeoutMs === 0) this.holdsForEver = true;
    const target = isForced || random.chance(0.5) ? other : null;
    const order = { target, timeoutMs, isForced };
    server.order('FAILOVER', (roles, asker) => roles.failover(order, asker));
  }

  private abort(): void {
    for (const server of this.living) {
      server.order('FAILOVER ABORT', (roles, asker) => roles.failoverAbort(asker));
    }
  }

  private reorder(): void {
    const server = this.random.pick(this.living);
    const primary = this.random.pick(this.living);
    if (server === primary) return;
    this.hasBeenReordered = true;
    server.order(`REPLICAOF ${primary.name}`, (roles, asker) => roles.replicaOf(primary, asker));
  }

  private promote(server: RolesServer): void {
    this.hasBeenReordered = true;
    server.order('REPLICAOF NO ONE', (roles, asker) => roles.replicaOf(null, asker));
  }

  private stop(server: RolesServer): void {
    const forMs = this.random.pick([20, 200, this.random.between(200, 3000)]);
    this.tell(`${server.name} stops for ${forMs} ms`);
    server.stoppedUntilMs = this.network.nowMs + forMs;
    this.lastStopMs.set(server, server.stoppedUntilMs);
    this.outcome.stops++;
  }

  private part(): void {
    const names = this.random.shuffle(this.living.map(({ name }) => name)).slice(0, 2);
    if (names.length === 2) this.network.parted.add(names.sort().join());
  }

  private cutSome(): void {
    for (const { up } of this.living)
      if (up !== null && this.random.chance(0.5)) up.primary.cut(up);
  }

  private crash(server: RolesServer): void {
    this.outcome.crashes++;
    // The role is on its way from one to the other: it needs both.
    const isHanding = this.servers.some(({ roles, runId }) => {
      const { given } = roles.handOver;
      const isPart = runId === server.runId || given?.heir.runId === server.runId;
      return given !== null && isPart && !roles.isPrimary;
    });
    if (isHanding || server.roles.isPrimary || server.acceptsWrites) this.hasHolderDied = true;
    this.tell(`${server.name} dies`);
    server.isAlive = false;
    if (!this.random.chance(0.7)) return;
    this.network.at(this.random.between(50, 1000), null, () => {
      const next = this.start(server.name);
      this.tell(`${next.name} starts again`);
      this.accepted.set(next.history, []);
      // As it is configured: a replica of the first, or a primary without data.
      if (next.name === 'A') return;
      next.acceptsWrites = false;
      const primary = { host: 'A', port: 1 };
      next.order('REPLICAOF A', (roles, asker) => roles.replicaOf(primary, asker));
    });
  }

  private writes(): void {
    for (const server of this.living) {
      if (server.stoppedUntilMs > this.network.nowMs || !this.random.chance(0.7)) continue;
      const value = ++this.lastWrite;
      const before = server.log.length;
      if (!server.write(value)) continue;
      const known = this.accepted.get(server.history);
      assert.ok(known !== undefined);
      assert.equal(known.length, before, `${server.name} writes after all others`);
      assert.equal(known.at(-1), server.log[before - 1]);
      known.push(value);
    }
  }

  private checkHolds(): void {
    if (this.holdsForEver) return;
    const { nowMs } = this.network;
    for (const server of this.living) {
      if (!server.acceptsWrites || server.heldUntilMs <= nowMs) continue;
      if ((this.lastStopMs.get(server) ?? 0) > nowMs - SLACK_MS - TIMEOUT_MS_MAX) continue;
      const heldMs = nowMs - server.heldSinceMs;
      assert.ok(
        heldMs <= TIMEOUT_MS_MAX + SLACK_MS,
        `${server.name} holds writes for ${heldMs} ms`,
      );
    }
  }

  // --- the end

  private settle(): void {
    const { network } = this;
    this.tell('the network is whole');
    network.loss = network.doubling = network.lateness = 0;
    network.parted.clear();
    for (const server of this.servers) {
      server.stoppedUntilMs = Math.min(server.stoppedUntilMs, network.nowMs);
    }
    const endMs = network.nowMs + SETTLE_MS;
    this.network.runUntil(network.nowMs + 4000);
    this.abort();
    let unsettled: string | null = '';
    while (network.nowMs < endMs && unsettled !== null) {
      network.runUntil(network.nowMs + 500);
      this.writes();
      unsettled = this.unsettled();
    }
    if (unsettled !== null) assert.fail(unsettled);
  }

  /** What is not yet as it has to be, or null. */
  private unsettled(): string | null {
    const primaries = this.living.filter(({ acceptsWrites }) => acceptsWrites);
    const histories = new Set(primaries.map(({ history }) => history));
    assert.equal(histories.size, primaries.length, 'one primary of a history at most');
    for (const { name, roles, heldUntilMs, lastAsked } of this.living) {
      if (roles.handOver.isActive) return `${name} still hands over`;
      if (heldUntilMs > this.network.nowMs) return `${name} holds writes`;
      // Who is dead never says that a takeover is over.
      const mayAnswer = this.living.some(({ runId }) => runId === lastAsked);
      if (roles.takeOver.isActive && mayAnswer && !this.hasHolderDied) {
        return `${name} still takes over`;
      }
    }
    // An heir may have died while its COMMIT was on its way.
    const waitsForDead = this.living.some(({ roles: { expectedHeir } }) => {
      return (
        expectedHeir !== null && !this.living.some(({ runId }) => runId === expectedHeir.runId)
      );
    });
    if (this.hasHolderDied || this.hasBeenReordered || waitsForDead) {
      if (primaries.length === 0) this.outcome.without = 1;
      return null;
    }
    // One that starts again as a primary without data has a history of its own.
    const left = primaries.filter(({ history }) => history === this.firstHistory);
    if (left.length !== 1) return `there are ${left.length} primaries`;
    // Some follow one that has died.
    if (this.outcome.crashes > 0) return null;
    const { log } = left[0]!;
    for (const server of this.living) {
      if (!server.acceptsWrites && server.up === null) return `${server.name} has no link`;
      if (server.log.length < log.length - 2) return `${server.name} lags`;
    }
    return null;
  }
}
