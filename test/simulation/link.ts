/**
 * A replica's link to its primary in the simulation: the session on both sides and the flows
 * between, each a queue of bytes with a limit (a slow network) that arrives in pieces of any size.
 */
import { Region } from '../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_BYTES_MAX } from '../../src/replication/wire.js';
import type { Random } from '../support/random.js';
import { elements, type SimulatedServer } from './server.js';

const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);
const ARENA_BYTES = 1 << 20;
/** Receive buffers of links that are gone. */
const buffers: Region[] = [];

class Flow {
  readonly queue: Uint8Array[] = [];
  queued = 0;

  constructor(
    readonly primaryFlow: PrimaryFlow,
    readonly replicaFlow: ReplicaFlow,
    readonly buffer: Region,
  ) {}
}

export class Link {
  readonly progress: SyncProgress;
  private readonly session: SyncSession;
  private readonly flows: Flow[] = [];
  /** Bytes in flight above which the primary's sockets are full. */
  window: number;
  failed: string | null = null;
  /** Why the primary has ended it, which the replica has yet to notice. */
  ended: string | null = null;

  constructor(
    readonly from: SimulatedServer,
    readonly to: SimulatedServer,
    lsns: readonly number[] | null,
    flows: number,
    private readonly random: Random,
  ) {
    const shards = from.shards.count;
    this.window = random.pick([200, 20_000, 1 << 22]);
    this.session = new SyncSession(SyncSession.create(shards, lsns === null), shards, 1);
    const arena = new Region(new SharedArrayBuffer(ARENA_BYTES), 0);
    SyncProgress.formatArena(arena);
    this.progress = new SyncProgress(SyncProgress.create(shards, lsns), arena, shards, 1);
    const same = shards === to.shards.count;
    const partBytes = random.pick([200, 2000, 20_000, 65_536]);
    for (let flow = 0; flow < flows; flow++) {
      const mine = from.rings.map((_, shard) => shard).filter((shard) => shard % flows === flow);
      const primaryFlow = new PrimaryFlow({
        shards: from.shards,
        rings: from.rings,
        mine,
        session: this.session,
        // The way of other numbers of shards has to work with the same number, too.
        raw: same && random.chance(0.9),
        from: lsns,
        elements,
        partBytes,
      });
      const buffer = buffers.pop() ?? new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX + 4096), 0);
      const replicaFlow = new ReplicaFlow({
        buffer,
        shards: to.shards,
        rings: same ? to.rings : null,
        primaryShards: shards,
        mine,
        progress: this.progress,
        target: to.applier,
      });
      this.flows.push(new Flow(primaryFlow, replicaFlow, buffer));
    }
  }

  /** One thing happens on one flow. */
  step(): void {
    const { random } = this;
    const flow = random.pick(this.flows);
    const what = random.below(10);
    if (what < 4) this.send(flow);
    else if (what < 8) this.arrive(flow);
    else if (what === 8) flow.replicaFlow.poll();
    else this.beat(flow);
    this.failed ??= flow.primaryFlow.failed ?? flow.replicaFlow.failed;
  }

  /** Everything that can happen happens, until nothing is left to do. */
  settle(): void {
    for (let quiet = 0, i = 0; quiet < 2 && this.failed === null; i++) {
      let moved = false;
      const { changes } = this.progress;
      for (const flow of this.flows) {
        moved = this.send(flow) || moved;
        while (flow.queue.length > 0 && flow.replicaFlow.failed === null) {
          this.arrive(flow);
          moved = true;
        }
        flow.replicaFlow.poll();
        this.failed ??= flow.primaryFlow.failed ?? flow.replicaFlow.failed;
      }
      quiet = moved || this.progress.changes !== changes ? 0 : quiet + 1;
      if (i > 100_000) throw new Error('the link never comes to rest');
    }
  }

  private send(flow: Flow): boolean {
    if (flow.queued >= this.window) return false;
    const end = flow.primaryFlow.produce(out, 0, out.length);
    return this.enqueue(flow, end);
  }

  private beat(flow: Flow): void {
    if (flow.queued < this.window)
      this.enqueue(flow, flow.primaryFlow.heartbeat(out, 0, out.length));
  }

  private enqueue(flow: Flow, length: number): boolean {
    if (length === 0) return false;
    flow.queue.push(out.bytes.slice(0, length));
    flow.queued += length;
    return true;
  }

  private arrive(flow: Flow): void {
    const first = flow.queue[0];
    if (first === undefined) return;
    const { random } = this;
    const length = random.chance(0.5) ? first.length : random.between(1, first.length);
    flow.replicaFlow.feed(first, length);
    flow.queued -= length;
    if (length === first.length) flow.queue.shift();
    else flow.queue[0] = first.subarray(length);
  }

  /** The primary's main thread ends it; flows and what is under way live on for a moment. */
  end(why: string): void {
    this.ended ??= why;
    this.session.end();
  }

  /** The connection is gone; what was in flight is lost. */
  cut(): void {
    for (const { primaryFlow, replicaFlow, buffer } of this.flows) {
      buffers.push(buffer);
      primaryFlow.close();
      if (!replicaFlow.close()) throw new Error('a transaction is applied for ever');
    }
    this.session.end();
  }

  get applied(): number[] {
    return [...this.progress.applied];
  }

  /** Bytes of damage: one bit of what is under way changes. */
  damage(): boolean {
    const flow = this.flows.find((other) => other.queue.length > 0);
    if (flow === undefined) return false;
    const bytes = flow.queue[0]!;
    bytes[this.random.below(bytes.length)]! ^= 1 << this.random.below(8);
    return true;
  }

  /** What came undamaged and still could not be applied, or null. */
  get nonsense(): string | null {
    if (!this.progress.failed) return null;
    const reasons = this.flows.flatMap(({ replicaFlow }) => replicaFlow.failed ?? []);
    // The one thing that this replica says it cannot do.
    if (reasons.some((why) => /^SWAPDB cannot be followed/.test(why))) return null;
    const harmless = /^another flow failed|^the bytes of a block are damaged/;
    return reasons.find((why) => !harmless.test(why)) ?? 'nobody says why';
  }

  /** Whether the primary has shipped every shard. */
  get shipped(): boolean {
    return this.session.allDone;
  }

  get restartedShards(): number {
    return this.session.sums[3]!;
  }
}
