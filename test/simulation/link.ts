/**
 * A replica's link to its primary in the simulation: the session on both sides and the flows
 * between, each a queue of bytes with a limit (a slow network) that arrives in pieces of any size.
 */
import { Region } from '../../src/base/region.js';
import { NO_CUT, writeAcknowledgement } from '../../src/replication/acknowledgement.js';
import type { HalfStream } from '../../src/replication/half-sync.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SUM_CUT, SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_BYTES_MAX } from '../../src/replication/wire.js';
import type { Random } from '../support/random.js';
import type { SimulatedServer } from './server.js';

const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);
const LARGE_BYTES = 2 << 20;
/** Receive buffers of links that are gone. */
const buffers: Region[] = [];

/** Now and then another thread seems to have the lock of a stream, or to wait for it. */
class ContendedStreams extends PendingStreams {
  private asked = 0;

  override tryLockStream(shard: number): boolean {
    return ++this.asked % 3 !== 0 && super.tryLockStream(shard);
  }

  override isStreamAwaited(): boolean {
    return ++this.asked % 4 === 0;
  }
}

class Flow {
  readonly queue: Uint8Array[] = [];
  queued = 0;

  constructor(
    readonly primaryFlow: PrimaryFlow,
    readonly replicaFlow: ReplicaFlow,
    readonly buffer: Region,
    readonly mine: readonly number[],
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
    half: { readonly progress: SharedArrayBuffer; readonly streams: readonly HalfStream[] } | null,
    flows: number,
    private readonly random: Random,
  ) {
    const shards = from.shards.count;
    const streams = from.rings.length;
    this.window = random.pick([200, 20_000, 1 << 22]);
    this.session = new SyncSession(SyncSession.create(streams, lsns === null), streams, 1);
    if (lsns !== null) this.session.acknowledged.set(lsns);
    const buffer = half?.progress ?? SyncProgress.create(streams, lsns, to.lastOffset);
    this.progress = new SyncProgress(buffer, streams, 1);
    if (half !== null) this.progress.reopen();
    const windowBytes = random.pick([256, 2048, 65_536]);
    const memory = PendingStreams.create(streams, windowBytes, LARGE_BYTES);
    const pending = new ContendedStreams(memory, 1);
    const same = shards === to.shards.count;
    const partBytes = random.pick([200, 2000, 20_000, 65_536]);
    for (let flow = 0; flow < flows; flow++) {
      const mine = from.rings.map((_, shard) => shard).filter((shard) => shard % flows === flow);
      const primaryFlow = new PrimaryFlow({
        ...from.primaryParts,
        mine,
        session: this.session,
        // The way of other numbers of shards has to work with the same number, too.
        raw: same && random.chance(0.9),
        from: lsns,
        half: half?.streams ?? null,
        partBytes,
        windowBytes,
      });
      const buffer = buffers.pop() ?? new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX + 4096), 0);
      const replicaFlow = new ReplicaFlow({
        ...to.replicaParts(same),
        buffer,
        primaryShards: shards,
        mine,
        progress: this.progress,
        pending,
      });
      this.flows.push(new Flow(primaryFlow, replicaFlow, buffer, mine));
    }
  }

  /** One thing happens on one flow. */
  step(): void {
    const { random } = this;
    const flow = random.pick(this.flows);
    const what = random.below(10);
    if (what < 4) this.send(flow);
    else if (what < 8) this.arrive(flow);
    else if (what === 8) this.acknowledge(flow);
    else this.beat(flow);
    this.failed ??= flow.primaryFlow.failed ?? flow.replicaFlow.failed;
  }

  /** Everything that can happen happens, until nothing is left to do. */
  settle(): void {
    for (let quiet = 0, i = 0; quiet < 2 && this.failed === null; i++) {
      let moved = false;
      for (const flow of this.flows) {
        moved = this.send(flow) || moved;
        while (flow.queue.length > 0 && flow.replicaFlow.failed === null) {
          this.arrive(flow);
          moved = true;
        }
        if (this.acknowledge(flow)) moved = true;
        this.failed ??= flow.primaryFlow.failed ?? flow.replicaFlow.failed;
      }
      quiet = moved ? 0 : quiet + 1;
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

  /** What the replica has applied reaches the primary. @returns whether that is news */
  private acknowledge({ primaryFlow, mine }: Flow): boolean {
    const applied = Float64Array.from(mine, (shard) => this.progress.applied[shard]!);
    const isNews = mine.some((shard, i) => applied[i]! > this.session.acknowledged[shard]!);
    // Data of the walk may have been applied up to where the primary has not come to yet.
    const { progress } = this;
    const isFirst = mine.includes(0);
    if (isFirst) progress.advanceCut();
    const { offset, cutMadeMs: madeMs } = progress;
    const cut = isFirst && madeMs > 0 ? { offset, madeMs } : NO_CUT;
    const isNewCut = cut.offset > this.confirmedOffset;
    const wrong = primaryFlow.acknowledge(writeAcknowledgement(applied, cut));
    if (wrong !== null) throw new Error(wrong);
    return isNews || isNewCut;
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
      replicaFlow.close();
    }
    this.session.end();
  }

  /** The last cut that the replica is known to have applied. */
  get confirmedOffset(): number {
    return this.session.sums[SUM_CUT]!;
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
