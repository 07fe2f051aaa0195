/**
 * How an I/O thread serves: what happens at the beginning of a turn and in the background of it.
 */
import type { FailureLog } from '../../base/failure-log.js';
import { ClientPause, PAUSE_EVERYTHING, PAUSE_NOTHING } from '../../engine/client-pause.js';
import { BLOCKED_CLIENTS, COMMANDS } from '../../engine/counters.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import {
  DISK_ERROR_SHIFT,
  GATE_JOURNAL_FAILED,
  GATE_LOADING,
  GATE_MONITOR,
  GATE_PAUSE_ALL,
  GATE_PAUSE_WRITES,
  GATE_SAVE_FAILED,
} from '../../engine/gates.js';
import { MONITORED } from '../../engine/pubsub/counters.js';
import type { SubscriptionDirectory } from '../../engine/pubsub/directory.js';
import type { PubSub } from '../../engine/pubsub/pubsub.js';
import type { ClientSession } from '../../engine/session.js';
import type { BackPressure } from '../../journal/back-pressure.js';
import { WRITES_DELAYED, WRITES_OVERRULED } from '../../journal/counters.js';
import {
  CHANGES,
  EVICTED,
  EXPIRED,
  EXPIRED_ELEMENTS,
  EXPIRY_CYCLE_MS,
  EXPIRY_CYCLE_OFF,
  EXPIRY_TIMEOUTS,
  HITS,
  MISSES,
  RECLAIMED,
} from '../../keyspace/counters.js';
import type { ExpiryCycle } from '../../keyspace/expiry-cycle.js';
import type { ControlBlock, SharedWord } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import { notePeakPages } from '../../memory/used-pages.js';
import { INPUT_BYTES, OUTPUT_BYTES, READS, WRITES } from '../../net/counters.js';
import type { Frontend } from '../../net/frontend.js';
import type { ReplyGate } from '../../net/held-replies.js';
import type { FrontendPolicy, OutputLimit } from '../../net/policy.js';
import { ThreadHeap } from '../../platform/thread-heap.js';
import { LOADING, SAVE_FAILED } from '../channel/process-figures.js';
import type { ThreadDurability } from './durability.js';
import type { ThreadSettings } from './settings.js';
import type { ThreadClients } from './thread-clients.js';
import { ThreadMemory } from './thread-memory.js';
import type { ThreadPersistence } from './thread-persistence.js';
import type { ThreadPlacement } from './thread-placement.js';
import type { ThreadReplication } from './thread-replication.js';

export interface ThreadPolicyParts {
  readonly thread: number;
  readonly control: ControlBlock;
  readonly dispatcher: Dispatcher;
  readonly clients: ThreadClients;
  readonly settings: ThreadSettings;
  readonly expiry: ExpiryCycle;
  readonly replication: ThreadReplication;
  readonly pressure: BackPressure;
  readonly durability: ThreadDurability;
  readonly persistence: ThreadPersistence;
  /** Takes over changes of users. */
  readonly refreshUsers: () => void;
  /** Reads the configuration anew if it has changed. */
  readonly refreshSettings: () => void;
  /** Hands an accepted descriptor to another thread. @returns false: it stays here */
  readonly handOver: (thread: number, descriptor: number) => boolean;
  /** Where exceptions are logged. */
  readonly failures: FailureLog;
  /** Serves messages of other threads. */
  readonly serveMessages: () => void;
  /** Ends the thread's serving with this turn. */
  readonly stop: () => void;
  readonly mailbox: Mailbox;
  readonly log: (level: 'verbose' | 'warning', text: string) => void;
}

/** Turns until the last: what was answered while a send of the client's was under way is sent in the next. */
const TURNS_TO_SEND = 2;
/** Share of a background period that expiry may take, as Redis: a quarter. */
const EXPIRY_SHARE = 0.25;

export class ThreadPolicy implements FrontendPolicy<ClientSession> {
  readonly traffic = { receivedBytes: 0, sentBytes: 0, heldBytes: 0, outputLimitClosed: 0 };
  frontend!: Frontend<ClientSession>;
  placement!: ThreadPlacement;
  pubsub!: PubSub;
  directory!: SubscriptionDirectory;
  private nextBackgroundMs = 0;
  private nextSecondMs = 0;
  private nextExpiryMs = 0;
  private turnHasInput = 0;
  private countedPaused = 0;
  /** Turns until the thread's last; -1 while it serves. */
  private turnsLeft = -1;
  /** The gates of CLIENT PAUSE in the turn before. */
  private pause = 0;

  readonly memory: ThreadMemory;
  private readonly loading: SharedWord;
  private readonly saveFailed: SharedWord;
  private readonly monitored: SharedWord;
  private readonly clientPause: ClientPause;
  private readonly heap = new ThreadHeap();

  constructor(private readonly parts: ThreadPolicyParts) {
    const { control } = parts;
    this.memory = new ThreadMemory(parts, this.traffic, {
      ...{ thread: parts.thread, control, log: parts.log, sessions: parts.clients.sessions },
      connectionOf: (session) => this.frontend.connections.get(session.connection),
      describe: (session) => parts.dispatcher.server.clients.describe(session),
      close: (session) => this.frontend.endSession(session),
    });
    this.loading = control.word(LOADING);
    this.saveFailed = control.word(SAVE_FAILED);
    this.monitored = control.word(MONITORED);
    this.clientPause = new ClientPause(control);
  }

  get replyGate(): ReplyGate {
    return this.parts.durability;
  }

  get outputLimits(): readonly OutputLimit[] {
    return this.parts.settings.outputLimits;
  }

  get bulkBytesMax(): number {
    return this.parts.settings.bulkBytesMax;
  }

  get queryBytesMax(): number {
    return this.parts.settings.queryBytesMax;
  }

  queryLimitReached(session: ClientSession, begin: string, bound: string): void {
    const description = this.parts.dispatcher.server.clients.describe(session);
    this.parts.log(
      'warning',
      `Closing client that reached ${bound}: ${description} ` +
        `(qbuf initial bytes: ${JSON.stringify(begin)})`,
    );
  }

  failed(doing: string, error: unknown): void {
    this.parts.failures.note(`Exception while ${doing}`, error);
  }

  offered(descriptor: number): boolean {
    const { thread, clients, handOver } = this.parts;
    // Who will be refused is refused here, before the next is accepted.
    if (clients.isFull) return true;
    const target = this.placement.threadForNext();
    return target === thread || !handOver(target, descriptor);
  }

  admit(slot: number): ClientSession | string {
    return this.parts.clients.admit(slot, this.parts.dispatcher.now);
  }

  released(session: ClientSession): void {
    this.parts.dispatcher.server.transactions.discard(session);
    this.pubsub.release(session);
    this.parts.dispatcher.tracker?.disable(session);
    this.parts.replication.released(session);
    this.parts.clients.released(session);
  }

  woken(): void {
    this.parts.serveMessages();
  }

  beginTurn(): void {
    this.parts.mailbox.awake();
    this.parts.refreshSettings();
    this.parts.refreshUsers();
    this.loadGates();
    this.turnHasInput++;
    // What another thread has sent before a client could send its command comes before that command.
    this.parts.mailbox.receive();
  }

  continueTurn(): void {
    // What is looked at now may have come after a change that the turn has begun before.
    this.parts.refreshUsers();
    this.parts.mailbox.receive();
    if (this.monitored.load() !== 0) this.parts.dispatcher.gates |= GATE_MONITOR;
  }

  /** What the server's state forbids now. */
  loadGates(): void {
    const { dispatcher, settings, replication, pressure } = this.parts;
    pressure.enabled = settings.backPressure;
    pressure.delayMsMax = settings.backPressureMsMax;
    const nowMs = Date.now();
    let gates = 0;
    const isLoading = this.loading.load() !== 0;
    if (isLoading) gates |= GATE_LOADING;
    if (settings.stopsWritesOnSaveError && this.saveFailed.load() !== 0) gates |= GATE_SAVE_FAILED;
    const { refusal } = this.parts.durability;
    if (refusal !== 0) gates |= GATE_JOURNAL_FAILED | (refusal << DISK_ERROR_SHIFT);
    if (this.monitored.load() !== 0) gates |= GATE_MONITOR;
    const pause = this.clientPause.modeAt(nowMs);
    if (pause !== PAUSE_NOTHING) {
      gates |= pause === PAUSE_EVERYTHING ? GATE_PAUSE_ALL : GATE_PAUSE_WRITES;
    }
    const isStill = isLoading || pause !== PAUSE_NOTHING;
    gates |= this.memory.gates(!replication.expiresKeys, isStill);
    // Expired keys are hidden during a pause, and removed after it, as in Redis. While data is loaded
    // an effect that is still to come may give them another time.
    dispatcher.keys.expiresKeys = replication.expiresKeys && !isStill;
    dispatcher.beginTurn(nowMs, gates | replication.gates(nowMs));
  }

  /** The thread ends once what it has answered is sent. */
  end(): void {
    this.turnsLeft = TURNS_TO_SEND;
  }

  mayWait(): boolean {
    const { mailbox } = this.parts;
    mailbox.flush();
    return mailbox.maySleep() && this.turnsLeft < 0;
  }

  awaitsDurable(): void {
    this.parts.durability.awaitMore();
  }

  background(): number {
    const { mailbox, dispatcher } = this.parts;
    if (this.turnsLeft >= 0 && this.turnsLeft-- === 0) this.parts.stop();
    mailbox.receive();
    const restMs = this.work();
    dispatcher.invalidations!.endTurn();
    const { notifications } = this.parts.dispatcher;
    if (notifications.isPending) notifications.flush();
    // Before the replies go out: messages are on their way when who sent them gets an answer.
    mailbox.flush();
    return restMs;
  }

  /** @returns milliseconds until there is more */
  private work(): number {
    const { dispatcher, settings, thread } = this.parts;
    const nowMs = dispatcher.now;
    this.countPaused();
    const waitsMs = dispatcher.waits!.background(nowMs);
    const pause = dispatcher.gates & (GATE_PAUSE_ALL | GATE_PAUSE_WRITES);
    if (this.frontend.pausedCount > 0 && (pause === 0 || this.pause !== pause)) {
      this.frontend.resumePaused();
    }
    this.pause = pause;
    const periodMs = 1000 / settings.hertz;
    if (nowMs >= this.nextBackgroundMs) {
      this.nextBackgroundMs = nowMs + periodMs;
      this.publishCounters();
      dispatcher.server.transactions.unwatchLeft();
      dispatcher.tracker!.background();
      if (thread === 0) this.directory.maintain();
      if (nowMs >= this.nextSecondMs) {
        this.nextSecondMs = nowMs + 1000;
        this.everySecond(nowMs);
      }
    }
    const memoryMs = this.memory.background(nowMs);
    if (nowMs >= this.nextExpiryMs) this.expire(periodMs, pause !== 0);
    const { replication, pressure } = this.parts;
    const replicationMs = replication.background(Date.now());
    const durableMs = this.parts.persistence.background(nowMs);
    pressure.aheadShare = replication.aheadShare;
    if (nowMs >= this.placement.nextMs) this.placement.period(nowMs);
    const pausedMs =
      this.frontend.pausedCount > 0 ? this.pausedMs(nowMs) : Number.POSITIVE_INFINITY;
    const nextMs = Math.min(this.nextBackgroundMs, this.nextExpiryMs, this.placement.nextMs);
    const restMs = Math.min(nextMs - nowMs, replicationMs, waitsMs, memoryMs, durableMs, pausedMs);
    return Math.max(1, restMs);
  }

  /** Until a pause ends by itself. Who ends one earlier wakes this thread. */
  private pausedMs(nowMs: number): number {
    return Math.min(this.clientPause.restMs(nowMs), this.parts.replication.holdRestMs(nowMs));
  }

  /** Clients that CLIENT PAUSE holds count as blocked, as in Redis. */
  private countPaused(): void {
    const { pausedCount } = this.frontend;
    if (pausedCount === this.countedPaused) return;
    this.parts.control.word(BLOCKED_CLIENTS).add(pausedCount - this.countedPaused);
    this.countedPaused = pausedCount;
  }

  private expire(periodMs: number, paused: boolean): void {
    const { control, expiry, dispatcher, thread } = this.parts;
    const startMs = performance.now();
    expiry.active =
      !paused && dispatcher.keys.expiresKeys && control.word(EXPIRY_CYCLE_OFF).load() === 0;
    const restMs = expiry.step(dispatcher.now, periodMs * EXPIRY_SHARE);
    this.nextExpiryMs = dispatcher.now + (restMs > 0 ? Math.min(restMs, periodMs) : periodMs);
    const statistics = control.threads[thread]!;
    statistics.add(EXPIRY_CYCLE_MS, performance.now() - startMs);
    if (restMs > 0) statistics.add(EXPIRY_TIMEOUTS, 1);
  }

  private everySecond(nowMs: number): void {
    const { clients, control, dispatcher } = this.parts;
    notePeakPages(control);
    dispatcher.keys.trimScratch();
    this.frontend.everySecond();
    this.heap.look();
    for (const session of clients.idle(nowMs)) {
      // It is the server that does not go on.
      if (this.frontend.isHeldBack(session)) continue;
      this.parts.log('verbose', `Closing idle client ${session.address}`);
      this.frontend.endSession(session);
    }
  }

  /** Adds what was counted on the data path to this thread's section of the control block. */
  publishCounters(): void {
    const { control, dispatcher, thread } = this.parts;
    const { keys } = dispatcher;
    const statistics = control.threads[thread]!;
    statistics.add(COMMANDS, dispatcher.processed);
    dispatcher.processed = 0;
    statistics.add(INPUT_BYTES, this.traffic.receivedBytes);
    statistics.add(OUTPUT_BYTES, this.traffic.sentBytes);
    this.traffic.receivedBytes = 0;
    this.traffic.sentBytes = 0;
    statistics.add(HITS, keys.hits);
    statistics.add(MISSES, keys.misses);
    statistics.add(EXPIRED, keys.expired);
    statistics.add(EVICTED, keys.evicted);
    statistics.add(EXPIRED_ELEMENTS, keys.expiredElements);
    statistics.add(RECLAIMED, keys.types.reclaim.reclaimed);
    statistics.add(CHANGES, keys.totalChanges);
    keys.hits = 0;
    keys.misses = 0;
    keys.expired = 0;
    keys.evicted = 0;
    keys.expiredElements = 0;
    keys.types.reclaim.reclaimed = 0;
    keys.totalChanges = 0;
    statistics.add(READS, this.turnHasInput);
    statistics.add(WRITES, this.turnHasInput);
    this.turnHasInput = 0;
    const { pressure } = this.parts;
    statistics.add(WRITES_DELAYED, pressure.delayed);
    statistics.add(WRITES_OVERRULED, pressure.overruled);
    pressure.delayed = 0;
    pressure.overruled = 0;
  }

  log(level: 'verbose' | 'warning', message: string): void {
    this.parts.log(level, message);
  }
}
