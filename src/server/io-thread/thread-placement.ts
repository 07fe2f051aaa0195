/**
 * A thread's part in placing connections: measures how busy it is, asks `placement.ts` what follows,
 * and moves clients. A client moves with a copy of its session's state; its connection's descriptor and
 * what it had sent go along.
 */
import type { ClientSession } from '../../engine/session.js';
import type { Connection } from '../../net/connection.js';
import type { Frontend } from '../../net/frontend.js';
import type { ThreadClock } from '../../platform/ffi/thread-clock.js';
import { IdleCores } from '../../platform/idle-cores.js';
import type { IoGatherer, MovingClient } from '../channel/io-io.js';
import type { ThreadFigures } from '../channel/main-io.js';
import { SpreadVerdicts } from '../channel/spread-verdicts.js';
import { CLAIM, GATHER, HotShards, NOTHING, OBSERVE } from './hot-shards.js';
import {
  chooseConnections,
  evenOut,
  leastOf,
  MOVES_MAX,
  type Move,
  PERIOD_MS,
  Placement,
  SPARE_CORES_BOUND,
  threadWithRoom,
} from './placement.js';
import type { ThreadSettings } from './settings.js';
import { SpreadTrial } from './spread-trial.js';
import type { ThreadClients } from './thread-clients.js';

/** A recall ends after so many periods, should there always be somebody to move who cannot be. */
const RECALL_PERIODS = 50;

export interface ThreadPlacementParts {
  readonly thread: number;
  readonly threads: number;
  readonly figures: ThreadFigures;
  readonly settings: ThreadSettings;
  readonly clients: ThreadClients;
  readonly frontend: Frontend<ClientSession>;
  readonly gatherer: IoGatherer;
  readonly clock: ThreadClock;
  /** Commands that all threads have run since the start, or CONFIG RESETSTAT. */
  readonly commandsRun: () => number;
  /** How long it has run scripts that no other thread runs beside, since its start. */
  readonly inOrderMs: () => number;
  /** Whether a thread is in a script or command for too long: it serves nobody meanwhile. */
  readonly isStuck: (thread: number) => boolean;
  /** Tells threads of what was sent to them. @returns whether some of it waits for room still */
  readonly flushMail: () => boolean;
  /** Every period: looks after the connections of threads that are stuck. */
  readonly look: () => void;
}

export class ThreadPlacement {
  /** When `period` wants to be called next. */
  nextMs = 0;
  private readonly placement: Placement;
  private readonly hotShards: HotShards;
  private readonly idleCores = new IdleCores();
  private readonly verdicts: SpreadVerdicts;
  private readonly trial: SpreadTrial;
  private readonly trialCores = new IdleCores();
  private recallPeriods = 0;
  private lastWallMs = 0;
  private lastWorkedMs = 0;
  private lastQueuedMs = 0;
  private lastInOrderMs = 0;

  constructor(private readonly parts: ThreadPlacementParts) {
    this.placement = new Placement(parts.thread);
    this.hotShards = new HotShards(parts.thread, parts.figures.homes);
    this.verdicts = new SpreadVerdicts(parts.figures.recalls, parts.figures.holds);
    this.trial = new SpreadTrial(parts.thread, this.verdicts);
    parts.gatherer.takes('move', (client) => this.take(client));
  }

  /** The thread that should serve the next connection. */
  threadForNext(): number {
    const { thread, figures, settings, isStuck } = this.parts;
    const chosen = settings.adaptivePlacement
      ? threadWithRoom(figures.inUse)
      : leastOf(figures.connections, thread);
    return isStuck(chosen) ? thread : chosen;
  }

  /** Every PERIOD_MS. */
  period(nowMs: number): void {
    const { threads, figures, settings } = this.parts;
    if (threads === 1) {
      this.nextMs = Number.POSITIVE_INFINITY;
      return;
    }
    this.nextMs = nowMs + PERIOD_MS;
    this.parts.look();
    if (!settings.adaptivePlacement) {
      this.trial.end();
      this.endRecall();
      this.evenOut();
      return;
    }
    this.measure();
    const { placement } = this;
    const { contention } = this.parts.frontend;
    // Of interest to a thread at its limit only, and to one that fights for a shard.
    const spareCores = placement.isBusy || contention.bound > 0 ? this.idleCores.measure() : 0;
    this.tryOn(nowMs);
    if (this.followsRecall(spareCores) || this.gathersContended(nowMs, spareCores)) return;
    const mayTry = !this.trial.isRunning && this.verdicts.mayTry(nowMs);
    const move = placement.decide(figures, spareCores, mayTry);
    if (move !== null) this.move(move, spareCores);
    else if (placement.startsCounting) {
      this.forgetActivity();
      if (spareCores === 0) this.idleCores.measure();
    }
  }

  private tryOn(nowMs: number): void {
    const { placement, trial, trialCores, parts } = this;
    if (!placement.isBusy && !trial.isRunning) trial.rest();
    else trial.period(nowMs, parts.commandsRun(), () => trialCores.measure());
  }

  /** @returns whether a trial here was of no use, so that all clients go back to where they came from */
  private followsRecall(spareCores: number): boolean {
    const { verdicts, parts } = this;
    const to = verdicts.recalledTo(parts.thread);
    // A thread that is stuck takes nobody: they go when it is back.
    if (to < 0 || parts.isStuck(to)) return false;
    this.recallPeriods++;
    this.move({ to, part: 1 }, spareCores);
    if (this.movable().length === 0 || this.recallPeriods >= RECALL_PERIODS) this.endRecall();
    return true;
  }

  private endRecall(): void {
    this.verdicts.recalled(this.parts.thread);
    this.recallPeriods = 0;
  }

  /** @returns whether clients were moved */
  private gathersContended(nowMs: number, spareCores: number): boolean {
    const { frontend, thread } = this.parts;
    const { hotShards } = this;
    if (hotShards.givesUp(nowMs)) {
      for (const { session } of frontend.connections.values()) session.isAtHome = false;
    }
    const { contention } = frontend;
    const { tries, contended, bound } = contention;
    const todo = hotShards.period(tries, contended, bound, spareCores >= SPARE_CORES_BOUND);
    contention.tries = 0;
    contention.contended = 0;
    contention.bound = 0;
    if (todo === NOTHING) return false;
    let moves = 0;
    for (const connection of frontend.connections.values()) {
      if (todo === OBSERVE) connection.contended = 0;
      const shard = this.shardOf(connection);
      if (shard < 0) continue;
      if (todo === CLAIM && connection.contended > 0) hotShards.claim(shard);
      if (todo !== GATHER) continue;
      const home = hotShards.home(shard);
      if (home === thread) {
        connection.session.isAtHome = true;
        hotShards.hold();
      } else if (moves < MOVES_MAX && this.give(connection, home, true)) moves++;
    }
    return moves > 0;
  }

  /** The shard whose home should serve a client, -1 for none. */
  private shardOf(connection: Connection<ClientSession>): number {
    const { boundShard, contended, takenShard } = connection;
    if (boundShard >= 0)
      return contended > 0 || this.hotShards.hasHome(boundShard) ? boundShard : -1;
    return contended > 0 && this.hotShards.isContended ? takenShard : -1;
  }

  /** The configuration has changed. */
  reload(): void {
    this.nextMs = 0;
  }

  /** Publishes how the thread spent the time since the last call. */
  private measure(): void {
    const { clock, figures, thread, inOrderMs } = this.parts;
    const wallMs = performance.now();
    const workedMs = clock.workedMs();
    const queuedMs = clock.queuedMs();
    const passedMs = Math.max(wallMs - this.lastWallMs, 1);
    const share = (ms: number) => Math.round(Math.min(ms / passedMs, 1) * 1000);
    const worked = workedMs - this.lastWorkedMs;
    figures.inUse[thread] = share(worked + queuedMs - this.lastQueuedMs);
    figures.atWork[thread] = share(worked);
    const orderedMs = inOrderMs();
    figures.inOrder[thread] = share(orderedMs - this.lastInOrderMs);
    this.lastInOrderMs = orderedMs;
    this.lastWallMs = wallMs;
    this.lastWorkedMs = workedMs;
    this.lastQueuedMs = queuedMs;
  }

  /** Without regard to what they do: as many connections here as on the other threads. */
  private evenOut(): void {
    const { thread, figures } = this.parts;
    const { to, count } = evenOut(figures.connections, thread);
    const surplus = Math.min(count, MOVES_MAX);
    if (surplus <= 0) return;
    for (const connection of this.movable().slice(0, surplus)) this.give(connection, to);
  }

  private movable(): Connection<ClientSession>[] {
    return [...this.parts.frontend.connections.values()].filter(({ session }) => session.isMovable);
  }

  private forgetActivity(): void {
    for (const connection of this.parts.frontend.connections.values()) connection.activity = 0;
  }

  /** @returns how many were moved */
  private move({ to, part, isTrial }: Move, spareCores: number): number {
    const { thread, figures } = this.parts;
    const movable = this.movable().filter(({ session }) => part >= 1 || !session.isAtHome);
    const activity = movable.map((connection) => connection.activity);
    const mayPart = spareCores >= SPARE_CORES_BOUND;
    const shards = mayPart ? [] : movable.map((connection) => connection.boundShard);
    const chosen = chooseConnections(activity, part, shards);
    const total = activity.reduce((sum, value) => sum + value, 0);
    let given = 0;
    let moved = 0;
    for (const index of chosen) {
      if (!this.give(movable[index]!, to)) continue;
      given += activity[index]!;
      moved++;
    }
    if (isTrial && moved > 0) this.trial.begin(to);
    // So that others do not choose the same target before it has measured the load.
    for (const shares of [figures.inUse, figures.atWork]) {
      if (total > 0) shares[to]! += Math.round((shares[thread]! * given) / total);
    }
    this.forgetActivity();
    return moved;
  }

  private give({ session }: Connection<ClientSession>, to: number, isAtHome = false): boolean {
    const { clients, frontend, gatherer, isStuck, flushMail } = this.parts;
    if (isStuck(to)) return false;
    return frontend.giveAway(session, (descriptor, input) => {
      if (!session.isMovable || isStuck(to)) return false;
      // What it has published comes before what it publishes there.
      if (flushMail()) return false;
      const client: MovingClient = { descriptor, input, state: session.state, isAtHome };
      if (!gatherer.carry(to, 'move', client)) return false;
      clients.left(session);
      return true;
    });
  }

  private take({ descriptor, input, state, isAtHome }: MovingClient): void {
    const { clients, frontend } = this.parts;
    const session = clients.arrived(state);
    session.isAtHome = isAtHome;
    if (isAtHome) this.hotShards.hold();
    frontend.adopt(descriptor, session, input);
  }
}
