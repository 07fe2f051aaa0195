/**
 * The bounds of memory as an I/O thread keeps them: maxmemory and what the clients have.
 *
 * What counts for maxmemory are the pages of all shards and the buffers of all clients. The journals are
 * no part of it: repl-backlog-size bounds them.
 */
import { PAGE_BYTES } from '../../base/limits.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import { GATE_MEMORY_LIMIT } from '../../engine/gates.js';
import { MemoryGuard } from '../../engine/memory-guard.js';
import { EVICTION_EXCEEDED_MS, EVICTION_EXCEEDED_SINCE } from '../../keyspace/counters.js';
import { NO_EVICTION } from '../../keyspace/eviction.js';
import type { ControlBlock, SharedWord } from '../../memory/control.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { CLIENT_PAGES } from '../../net/counters.js';
import { ClientMemory, type ClientMemoryParts } from './client-memory.js';
import type { ThreadSettings } from './settings.js';

/** A slice of eviction in the background: no client notices. */
const SLICE_MS = 1;
/** How often the sizes of clients are added up: with a limit that they count for, and without one. */
const SWEEP_MS = 100;
const IDLE_SWEEP_MS = 1000;
/** They are added up sooner when so much was put aside since the last time. */
const SWEEP_MS_MIN = 10;
const HELD_BYTES_MAX = 1 << 20;
/** When to try again where there was nothing to evict. */
const RETRY_MS = 100;

export interface ThreadMemoryParts {
  readonly thread: number;
  readonly control: ControlBlock;
  readonly dispatcher: Dispatcher;
  readonly settings: ThreadSettings;
  readonly log: (level: 'verbose' | 'warning', text: string) => void;
}

export class ThreadMemory {
  readonly guard: MemoryGuard;
  private readonly usedPages: SharedWord;
  /** Whether this thread may evict now. */
  private isActive = false;
  private isExceeded = false;
  private exceededSinceMs = 0;
  /** There was nothing to evict. */
  private nextTryMs = 0;

  private readonly clients: ClientMemory;
  private nextSweepMs = 0;
  private lastSweepMs = 0;

  constructor(
    private readonly parts: ThreadMemoryParts,
    private readonly traffic: { heldBytes: number },
    clients: ClientMemoryParts,
  ) {
    const { control, dispatcher } = parts;
    this.usedPages = control.word(USED_PAGES);
    this.clients = new ClientMemory(clients);
    const clientPages = control.word(CLIENT_PAGES);
    const usedBytes = () => (this.usedPages.load() + clientPages.load()) * PAGE_BYTES;
    this.guard = new MemoryGuard(dispatcher, usedBytes);
    dispatcher.memory = this.guard;
  }

  /** The settings have changed. */
  reload(): void {
    const { guard } = this;
    const { settings, dispatcher, thread, log } = this.parts;
    const limit = settings.maxMemoryBytes;
    const isLower = limit > 0 && limit !== guard.limitBytes;
    guard.limitBytes = limit;
    guard.policy = settings.evictionPolicy;
    guard.samples = settings.evictionSamples;
    guard.tenacity = settings.evictionTenacity;
    guard.retry();
    this.nextTryMs = 0;
    dispatcher.keys.order = settings.evictionPolicy.order;
    if (!isLower || !guard.isExceeded || thread !== 0) return;
    log(
      'warning',
      `WARNING: maxmemory (${limit}) is smaller than the current memory usage (${guard.usedBytes()}). ` +
        'Keys are evicted, or commands that need memory refused, as maxmemory-policy says.',
    );
  }

  /** The gate of maxmemory. @param isIdle nothing may be evicted now: a pause, or the server loads */
  gates(isReplica: boolean, isIdle: boolean): number {
    const { settings } = this.parts;
    const { guard } = this;
    this.isActive = guard.limitBytes > 0 && !isIdle && !isReplica;
    // A replica has what its primary has, so it never evicts by itself.
    guard.policy = isReplica ? NO_EVICTION : settings.evictionPolicy;
    const isBound = this.isActive || (isReplica && !isIdle && !settings.replicaIgnoresMaxMemory);
    return guard.limitBytes > 0 && isBound ? GATE_MEMORY_LIMIT : 0;
  }

  /** Evicts on, where a command has had no time for it. @returns milliseconds until there is more */
  background(nowMs: number): number {
    const { guard } = this;
    this.sweepClients(nowMs);
    if (guard.limitBytes === 0 && !this.isExceeded) return Number.POSITIVE_INFINITY;
    const mayEvict = this.isActive && guard.isExceeded && nowMs >= this.nextTryMs;
    if (mayEvict && !guard.evictFor(SLICE_MS)) this.nextTryMs = nowMs + RETRY_MS;
    this.noteExceeded(nowMs);
    return this.isActive && guard.isExceeded
      ? Math.max(1, this.nextTryMs - nowMs)
      : Number.POSITIVE_INFINITY;
  }

  private sweepClients(nowMs: number): void {
    const { clientMemoryBytes, maxMemoryBytes } = this.parts.settings;
    const { traffic } = this;
    const isLimited = clientMemoryBytes > 0 || maxMemoryBytes > 0;
    const isMuch = isLimited && traffic.heldBytes > HELD_BYTES_MAX;
    if (nowMs < (isMuch ? this.lastSweepMs + SWEEP_MS_MIN : this.nextSweepMs)) return;
    this.lastSweepMs = nowMs;
    this.nextSweepMs = nowMs + (isLimited ? SWEEP_MS : IDLE_SWEEP_MS);
    traffic.heldBytes = 0;
    this.clients.sweep(clientMemoryBytes);
  }

  /** Keeps the time for which maxmemory is exceeded. One thread does. */
  private noteExceeded(nowMs: number): void {
    const { control, thread } = this.parts;
    const { isExceeded } = this.guard;
    if (thread !== 0 || isExceeded === this.isExceeded) return;
    this.isExceeded = isExceeded;
    if (!isExceeded) {
      control.threads[thread]!.add(EVICTION_EXCEEDED_MS, nowMs - this.exceededSinceMs);
    }
    this.exceededSinceMs = nowMs;
    control.set(EVICTION_EXCEEDED_SINCE, isExceeded ? nowMs : 0);
  }
}
