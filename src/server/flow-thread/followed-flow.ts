/**
 * A flow of the replica on its thread: connects to the primary, turns the connection into a flow,
 * and feeds what comes to the ReplicaFlow, which reads straight from where the system put it.
 */
import type { Socket } from 'node:net';
import { shownFromPeer } from '../../base/peer-text.js';
import type { DurableLsns } from '../../memory/durable-lsns.js';
import type { SharedSignal } from '../../memory/signal.js';
import { connectToPeer } from '../../platform/peer-socket.js';
import { encodeCommand } from '../../protocol/encode-command.js';
import { NO_CUT, writeAcknowledgement } from '../../replication/acknowledgement.js';
import type { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import type { SyncProgress } from '../../replication/replica/sync-progress.js';
import type { FollowFlow } from '../channel/main-flow.js';
import { SUM_RECEIVED_MS } from '../channel/replication-figures.js';
import type { LinkTimes } from './link-times.js';

const HANDSHAKE_BYTES = 64 * 1024;
/** Replies of the hand-shake are lines; a longer one is none of a primary. */
export const HANDSHAKE_LINE_BYTES_MAX = 4096;
/** Between acknowledgements while something is applied, and when nothing is. */
const ACKNOWLEDGE_MS = 1;
const ACKNOWLEDGE_SYNCING_MS = 50;
const ACKNOWLEDGE_IDLE_MS = 1000;
/** While parts of a cut are missing. */
const LISTEN_MS = 100;
/**
 * While shards wait for parts of transactions, other flows may apply what they wait for: the flow
 * looks for that ever more seldom, up to this.
 */
const ACKNOWLEDGE_WAITING_MS_MAX = 16;

export interface FollowedFlowParts {
  readonly progress: SyncProgress;
  /** Of our journal. */
  readonly durable: DurableLsns;
  readonly times: Pick<LinkTimes, 'timeoutMs'>;
  /** Raised when a flow has applied something. */
  readonly appliedSignal: SharedSignal;
}

export interface FollowedFlowListener {
  readonly connected: () => void;
  /** Bytes have come, and are about to be applied. */
  readonly coming: () => void;
  /** Something was applied, and kept in our journals for replicas of ours. */
  readonly applied: () => void;
  readonly ended: (reason: string) => void;
}

export class FollowedFlow {
  private readonly socket: Socket;
  private readonly handshake = new Uint8Array(HANDSHAKE_BYTES);
  private received = '';
  /** Replies still to come before the flow begins. */
  private replies: number;
  private flow: ReplicaFlow | null = null;
  /** What came with the last reply. */
  private rest: Uint8Array | null = null;
  /** What was acknowledged last, by place in the flow's shards. */
  private readonly acknowledged: Float64Array;
  private acknowledgeMs = ACKNOWLEDGE_MS;
  private readonly hasCuts: boolean;
  private acknowledgedCut = 0;
  /** Whether what other flows apply wakes it. */
  private isListening = false;
  private acknowledgedDurable = NO_CUT.offset;
  private acknowledgeTimer: NodeJS.Timeout | null = null;
  /** When something came last, or the wait for it began, and when that was looked at. */
  private heardMs = performance.now();
  private lookedMs = this.heardMs;
  private readonly idleTimer: NodeJS.Timeout;
  private closed = false;

  constructor(
    private readonly command: FollowFlow,
    private readonly parts: FollowedFlowParts,
    private readonly createFlow: () => ReplicaFlow,
    private readonly listener: FollowedFlowListener,
  ) {
    const { user, password, syncId, index } = command;
    this.acknowledged = new Float64Array(command.mine.length);
    this.hasCuts = command.mine.includes(0);
    const authenticates = password !== '';
    this.replies = authenticates ? 2 : 1;
    this.socket = connectToPeer(command, () => {}, {
      buffer: () => this.target(),
      callback: (length, buffer) => this.read(length, buffer),
    });
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('the primary closed the connection'));
    if (authenticates) {
      const words = user === '' ? [password] : [user, password];
      this.socket.write(encodeCommand(['AUTH', ...words]));
    }
    this.socket.write(encodeCommand(['DARTER', 'FLOW', syncId, String(index)]));
    this.idleTimer = setInterval(() => {
      this.endIfSilent();
      this.acknowledge();
    }, ACKNOWLEDGE_IDLE_MS);
  }

  /** What we send ourselves, as acknowledgements, says nothing of the primary. */
  private endIfSilent(): void {
    const nowMs = performance.now();
    const hasStood = nowMs - this.lookedMs > 2 * ACKNOWLEDGE_IDLE_MS;
    this.lookedMs = nowMs;
    // Nothing is read before all flows are connected. And where the thread stood still, what came is read first.
    if (hasStood || (this.flow === null && this.replies === 0)) this.heardMs = nowMs;
    if (nowMs - this.heardMs > this.parts.times.timeoutMs) this.end('nothing came for too long');
  }

  /** All flows are connected, the old data is gone: what came is applied from now on. */
  go(): void {
    if (this.closed) return;
    this.heardMs = performance.now();
    this.flow = this.createFlow();
    const rest = this.rest;
    this.rest = null;
    if (rest !== null) this.flow.feed(rest);
    this.consumed();
    if (!this.closed) this.socket.resume();
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.idleTimer);
    if (this.acknowledgeTimer !== null) clearTimeout(this.acknowledgeTimer);
    this.flow?.close();
    // The reason is told first: the primary, seeing this connection end, ends all others, and that
    // would be taken for the cause.
    this.listener.ended(reason);
    this.socket.destroy();
  }

  private target(): Uint8Array {
    return this.flow === null ? this.handshake : this.flow.target;
  }

  /** @returns whether to go on reading */
  private read(length: number, buffer: Uint8Array): boolean {
    if (this.closed) return false;
    this.heardMs = performance.now();
    this.parts.progress.sums[SUM_RECEIVED_MS] = Date.now();
    if (this.flow === null) {
      this.readReplies(buffer.subarray(0, length));
      return false;
    }
    this.flow.nowMs = Date.now();
    this.listener.coming();
    if (buffer.buffer === this.handshake.buffer) this.flow.feed(buffer, length);
    else this.flow.received(length);
    this.consumed();
    return !this.closed;
  }

  private readReplies(bytes: Uint8Array): void {
    if (this.replies === 0) {
      this.keep(bytes);
      return;
    }
    this.received += Buffer.from(bytes).toString('latin1');
    for (; this.replies > 0; this.replies--) {
      const end = this.received.indexOf('\r\n');
      if (end < 0 && this.received.length <= HANDSHAKE_LINE_BYTES_MAX) {
        setImmediate(() => this.socket.resume());
        return;
      }
      if (end < 0 || end > HANDSHAKE_LINE_BYTES_MAX) {
        this.end("the primary's reply does not end");
        return;
      }
      const line = this.received.slice(0, end);
      this.received = this.received.slice(end + 2);
      if (line !== '+OK') {
        this.end(`the primary answers: ${shownFromPeer(line.slice(1))}`);
        return;
      }
    }
    this.keep(Buffer.from(this.received, 'latin1'));
    this.listener.connected();
  }

  private keep(bytes: Uint8Array): void {
    // The handshake's memory is used again.
    this.rest = new Uint8Array(Buffer.concat(this.rest === null ? [bytes] : [this.rest, bytes]));
  }

  private consumed(): void {
    const flow = this.flow!;
    if (flow.failed !== null) {
      this.end(flow.failed);
      return;
    }
    this.listener.applied();
    this.parts.appliedSignal.raise();
    this.acknowledgeCut();
    this.acknowledgeMs = this.isStreaming ? ACKNOWLEDGE_MS : ACKNOWLEDGE_SYNCING_MS;
    this.acknowledgeTimer ??= setTimeout(() => this.acknowledgeNews(), this.acknowledgeMs);
  }

  /**
   * A cut that is applied is told at once: somebody may wait for it (WAIT). Its parts come by all flows, so
   * while some are missing the others announce what they have applied.
   */
  private acknowledgeCut(): void {
    const { progress, appliedSignal } = this.parts;
    if (!this.hasCuts || this.closed) return;
    progress.advanceCut();
    const { offset } = progress;
    if (offset !== this.acknowledgedCut && progress.cutMadeMs !== 0) this.acknowledge();
    if (!progress.awaitsCut || this.isListening) return;
    this.isListening = true;
    const isSameStill = () => {
      progress.advanceCut();
      return !this.closed && progress.offset === offset;
    };
    void appliedSignal.sleep(isSameStill, LISTEN_MS).then(() => {
      this.isListening = false;
      this.acknowledgeCut();
    });
  }

  /** Whether the primary sends streams to this flow, which need acknowledgements to go on. */
  private get isStreaming(): boolean {
    const { mine } = this.command;
    return mine.some((shard) => this.parts.progress.isDone(shard));
  }

  /** Acknowledges what was applied meanwhile, by this flow or another one. */
  private acknowledgeNews(): void {
    this.acknowledgeTimer = null;
    if (this.closed) return;
    const { mine } = this.command;
    const { progress } = this.parts;
    const { applied, received } = progress;
    if (this.hasCuts) progress.advanceCut();
    this.advanceDurable();
    const isNews =
      mine.some((shard, i) => applied[shard] !== this.acknowledged[i]) ||
      (this.hasCuts && progress.offset !== this.acknowledgedCut) ||
      (this.hasCuts && progress.durableOffset !== this.acknowledgedDurable);
    if (isNews) this.acknowledge();
    const isWaiting =
      mine.some((shard) => progress.isDone(shard) && applied[shard]! < received[shard]!) ||
      (this.hasCuts && (progress.awaitsCut || this.awaitsDisk));
    if (!isWaiting) return;
    const slower = Math.min(this.acknowledgeMs * 2, ACKNOWLEDGE_WAITING_MS_MAX);
    this.acknowledgeMs = isNews ? ACKNOWLEDGE_MS : slower;
    this.acknowledgeTimer = setTimeout(() => this.acknowledgeNews(), this.acknowledgeMs);
  }

  private acknowledge(): void {
    if (this.closed || this.replies > 0) return;
    const { mine } = this.command;
    const { applied } = this.parts.progress;
    mine.forEach((shard, i) => {
      this.acknowledged[i] = applied[shard]!;
    });
    this.advanceDurable();
    if (this.hasCuts) this.acknowledgedDurable = this.parts.progress.durableOffset;
    const { acknowledged, acknowledgedDurable } = this;
    this.socket.write(writeAcknowledgement(acknowledged, this.cut(), acknowledgedDurable));
  }

  /** Looks which cuts are on the disk. A chain that ends meanwhile tells of none. */
  private advanceDurable(): void {
    const { durable, progress } = this.parts;
    if (!this.hasCuts || !this.hasSameStreams || !durable.isWhole) return;
    progress.advanceDurableCut(durable.lsns);
  }

  private get awaitsDisk(): boolean {
    const { durable, progress } = this.parts;
    return this.hasSameStreams && progress.awaitsDurableCut && durable.isWhole;
  }

  /** With another number of shards than the primary's there is no journal with its streams. */
  private get hasSameStreams(): boolean {
    return this.parts.progress.shards === this.parts.durable.lsns.length;
  }

  /** The last cut of this link that is applied whole. The flow of shard 0 tells it. */
  private cut(): { readonly offset: number; readonly madeMs: number } {
    const { progress } = this.parts;
    if (!this.hasCuts || progress.cutMadeMs === 0) return NO_CUT;
    this.acknowledgedCut = progress.offset;
    return { offset: progress.offset, madeMs: progress.cutMadeMs };
  }
}
