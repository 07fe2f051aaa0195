/**
 * The groups of flow threads: those that serve replicas, write files and load them at the start, and those
 * that follow a primary. Apart, as those that follow yield to others, for good (a process may not take
 * that back).
 */
import type { Log } from '../../../base/log.js';
import type { ControlBlock } from '../../../memory/control.js';
import { FLOW_THREADS_MAX, type FlowThreadData } from '../../channel/main-flow.js';
import type { Config } from '../../config/config.js';
import { FlowThreads } from './flow-threads.js';

/**
 * A replica's clients go before its full sync: with an equal share of the cores installing frames
 * takes whole time slices from them (median latency 4 ms instead of 1.3 on two full cores).
 */
const FOLLOWING_NICE = 5;
/** For so long the same reason is not told again. */
const REPEAT_MS = 60_000;

export interface FlowThreadGroupsParts
  extends Omit<FlowThreadData, 'thread' | 'controlBuffer' | 'configBuffer' | 'follows' | 'nice'> {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly died: (error: Error) => void;
}

export class FlowThreadGroups {
  readonly serving: FlowThreads;
  readonly following: FlowThreads;
  private lastReason = '';
  private quietUntilMs = 0;

  /** @param first number of the first thread */
  constructor(
    private readonly parts: FlowThreadGroupsParts,
    first: number,
  ) {
    this.serving = this.create(first, false, 0);
    this.following = this.create(first + this.count, true, FOLLOWING_NICE);
  }

  private get count(): number {
    return Math.min(this.parts.ioThreads, FLOW_THREADS_MAX);
  }

  private create(firstThread: number, follows: boolean, nice: number): FlowThreads {
    const { parts, count } = this;
    const { shardBuffers, ringBuffers, cutsBuffer, durableBuffer } = parts;
    const { librariesBuffer, recordsBuffer, prefixesBuffer } = parts;
    const {
      ioThreads,
      mailboxes,
      subscriptionsBuffer,
      databases,
      commands,
      elements,
      laterCommands,
    } = parts;
    return new FlowThreads({
      count,
      firstThread,
      data: {
        ...{ shardBuffers, ringBuffers, cutsBuffer, durableBuffer },
        ...{ librariesBuffer, recordsBuffer, prefixesBuffer },
        configBuffer: parts.config.buffer,
        ...{ ioThreads, mailboxes, subscriptionsBuffer, databases, commands, elements },
        laterCommands,
        ...{ follows, nice, controlBuffer: parts.control.buffer },
      },
      notStarted: (reason) => this.notStarted(reason),
      died: parts.died,
    });
  }

  /** Who wanted the thread tries again, and tells the reason as well: it is told now and then only. */
  private notStarted(reason: string): void {
    const nowMs = performance.now();
    const isRepeated = reason === this.lastReason && nowMs < this.quietUntilMs;
    this.lastReason = reason;
    if (isRepeated) return;
    this.quietUntilMs = nowMs + REPEAT_MS;
    this.parts.log.warning(reason);
  }
}
