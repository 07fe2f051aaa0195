/**
 * A flow of the primary on its thread: moves what the PrimaryFlow makes into the socket.
 *
 * Two outputs take turns: while the system takes one, the next is made. While shipping the flow runs
 * as fast as the socket takes it; in stable sync it rests a moment between short outputs, so that
 * many writes travel together.
 */
import type { Socket } from 'node:net';
import type { SharedSignal } from '../../memory/signal.js';
import { createRegion } from '../../platform/ffi/region.js';
import { LagControl } from '../../replication/primary/lag-control.js';
import { PrimaryFlow } from '../../replication/primary/primary-flow.js';
import type { PrimaryFlowOptions } from '../../replication/primary/primary-flow-options.js';
import {
  SUM_AHEAD_SHARE,
  SUM_CUT,
  SUM_CUT_MS,
  SUM_DURABLE_CUT,
} from '../../replication/primary/sync-session.js';
import { SUM_ACKNOWLEDGED_MS } from '../channel/replication-figures.js';
import type { LinkTimes } from './link-times.js';
import { Rest } from './rest.js';

const OUTPUT_BYTES = 2 * 1024 * 1024;
/** An output shorter than this is followed by a rest in stable sync. */
const SHORT_BYTES = 64 * 1024;
const REST_MS = 1;
/** How often it tells the heads of the shards while it sends streams. */
const HEADS_MS = 100;
/** Between cuts while there are writes. */
const CUT_MS = 5;
/** With nothing to send it sleeps until something is written, and looks around this often. */
const SLEEP_MS = 100;

export interface ServedFlowParts {
  /** Raised when the rings have news. */
  readonly written: SharedSignal;
  /** Raised when somebody begins to wait for replicas. */
  readonly awaited: SharedSignal;
  readonly times: LinkTimes;
  /** The replica has a newer cut. */
  readonly reached: () => void;
  readonly ended: (reason: string) => void;
}

export class ServedFlow {
  private readonly source: PrimaryFlow;
  private readonly outputs = [createRegion(OUTPUT_BYTES), createRegion(OUTPUT_BYTES)];
  private readonly writing = [false, false];
  private readonly rest: Rest;
  private sleeping = false;
  private readonly isIdle = (): boolean =>
    this.source.idle && !this.closed && !(this.makesCuts && this.isCutOld);
  /** The flow of shard 0 makes cuts, for all replicas: on a replica none is made. */
  private readonly makesCuts: boolean;
  private readonly lag = new LagControl();
  private lastSentMs = Date.now();
  private lastHeadsMs = 0;
  private closed = false;

  constructor(
    private readonly socket: Socket,
    private readonly options: PrimaryFlowOptions,
    private readonly parts: ServedFlowParts,
  ) {
    this.rest = new Rest(parts.awaited, () => this.pump());
    this.source = new PrimaryFlow(options);
    this.makesCuts = options.mine.includes(0);
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.acknowledged(bytes));
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('the replica closed the connection'));
    socket.write('+OK\r\n');
    this.pump();
  }

  private acknowledged(bytes: Buffer): void {
    const { sums } = this.options.session;
    const { [SUM_CUT]: cut, [SUM_DURABLE_CUT]: durableCut } = sums;
    sums[SUM_ACKNOWLEDGED_MS] = Date.now();
    const wrong = this.source.acknowledge(bytes);
    if (wrong !== null) {
      this.end(wrong);
      return;
    }
    if (sums[SUM_CUT] !== cut || sums[SUM_DURABLE_CUT] !== durableCut) this.parts.reached();
    // It may open windows.
    if (!this.rest.isUnderWay) this.pump();
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.rest.close();
    this.source.close();
    // In this order, so that the end of the replica's other connections is not taken for the cause.
    this.parts.ended(reason);
    this.socket.destroy();
  }

  private pump(): void {
    while (!this.closed) {
      if (this.options.session.ended) {
        this.end('the sync was ended');
        return;
      }
      const free = this.writing.indexOf(false);
      if (free < 0) return;
      const bytes = this.fill(free);
      if (this.source.failed !== null) {
        this.end(this.source.failed);
        return;
      }
      if (bytes > 0) this.write(free, bytes);
      if (bytes === 0 && this.isIdle()) {
        this.sleep();
        return;
      }
      if (bytes === 0 || (bytes < SHORT_BYTES && this.source.streaming)) {
        this.rest.begin(REST_MS);
        return;
      }
    }
  }

  private sleep(): void {
    if (this.sleeping) return;
    this.sleeping = true;
    void this.parts.written.sleep(this.isIdle, SLEEP_MS).then(() => {
      this.sleeping = false;
      if (!this.rest.isUnderWay) this.pump();
    });
  }

  private get isCutOld(): boolean {
    const { cuts, rings } = this.options;
    return cuts.isOld(rings);
  }

  private makeCut(nowMs: number): void {
    const { cuts, rings, session } = this.options;
    const { sums } = session;
    if (nowMs - cuts.madeMs >= CUT_MS && cuts.isOld(rings)) cuts.make(rings, nowMs);
    this.lag.update(sums[SUM_CUT]!, sums[SUM_CUT_MS]!, cuts.offset, nowMs);
    sums[SUM_AHEAD_SHARE] = this.lag.share;
  }

  private fill(index: number): number {
    if (this.makesCuts) this.makeCut(Date.now());
    const out = this.outputs[index]!;
    const bytes = this.source.idle ? 0 : this.source.produce(out, 0, out.length);
    const nowMs = Date.now();
    const isDue =
      bytes === 0
        ? nowMs - this.lastSentMs >= this.parts.times.heartbeatMs
        : this.source.streaming && nowMs - this.lastHeadsMs >= HEADS_MS;
    if (!isDue || this.source.failed !== null) return bytes;
    this.lastHeadsMs = nowMs;
    return this.source.heartbeat(out, bytes, out.length);
  }

  private write(index: number, bytes: number): void {
    this.writing[index] = true;
    this.lastSentMs = Date.now();
    this.socket.write(this.outputs[index]!.bytes.subarray(0, bytes), () => {
      this.writing[index] = false;
      if (!this.rest.isUnderWay && !this.closed) this.pump();
    });
  }
}
