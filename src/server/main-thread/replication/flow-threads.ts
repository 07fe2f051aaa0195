/**
 * The flow threads as the main thread sees them: started when first needed, told apart by number.
 *
 *   (none) ──create──▶ starting ──'ready'──▶ ready
 *     ▲                   │ fails                │ fails
 *     └── its flows end ──┘                      └──▶ the process ends
 *
 * A thread that cannot start (no descriptor, no memory) has touched nothing yet: it costs the flows it
 * was started for, and the next flow tries again. One that dies later may hold shards' locks.
 */
import type { Worker } from 'node:worker_threads';
import type {
  FlowThreadData,
  FlowToMain,
  MainToFlow,
  MeetRole,
  RdbShare,
  RedisEvent,
  RedisReplicaEvent,
  SegmentReport,
  WrittenFile,
} from '../../channel/main-flow.js';
import { createWorker } from '../workers.js';

/** What a flow is told while it runs. */
export type FlowCommand = Extract<
  MainToFlow,
  {
    kind:
      | 'next-segment'
      | 'segment-whole'
      | 'sync-policy'
      | 'base-whole'
      | 'scan-segment'
      | 'load-segment'
      | 'output-limit';
  }
>;

/** What becomes of one flow. */
export interface FlowListener {
  readonly connected?: () => void;
  /** A file was written whole, or loaded whole. */
  readonly written?: (file: WrittenFile) => void;
  readonly loaded?: () => void;
  /** Nothing of an RDB file is left. */
  readonly rdbLoaded?: (share: RdbShare) => void;
  /** Of the journal: see FlowToMain. */
  readonly begun?: () => void;
  readonly opened?: () => void;
  readonly trouble?: (code: string) => void;
  readonly segment?: (report: SegmentReport) => void;
  readonly ended: (reason: string) => void;
  /** For a connection to a Redis. */
  readonly redis?: (event: RedisEvent) => void;
  /** For the connection of a Redis that follows this server. */
  readonly redisReplica?: (event: RedisReplicaEvent) => void;
  /** Its thread did not start, and so never took what the flow was given. `ended` follows. */
  readonly abandoned?: () => void;
}

interface FlowThreadHandle {
  readonly worker: Worker;
  isReady: boolean;
}

export interface FlowThreadsParts {
  /** How many there are at most. */
  readonly count: number;
  /** Owner number of the first. */
  readonly firstThread: number;
  readonly data: Omit<FlowThreadData, 'thread'>;
  readonly notStarted: (reason: string) => void;
  readonly died: (error: Error) => void;
}

export class FlowThreads {
  private readonly handles: (FlowThreadHandle | null)[] = [];
  private readonly listeners = new Map<number, FlowListener>();
  private readonly threadOf = new Map<number, number>();
  private lastFlow = 0;
  private stopping = false;

  constructor(private readonly parts: FlowThreadsParts) {}

  get count(): number {
    return this.parts.count;
  }

  /** Starts the threads of so many flows, so that they are there when the flows come. */
  prepare(flows = this.count): void {
    for (let thread = 0; thread < Math.min(flows, this.count); thread++) this.handle(thread);
  }

  /** Starts flow `index` of a sync on the thread for that index. @returns the flow's number */
  start(index: number, listener: FlowListener, command: (flow: number) => MainToFlow): number {
    const thread = index % this.count;
    const flow = ++this.lastFlow;
    this.listeners.set(flow, listener);
    this.threadOf.set(flow, thread);
    const handle = this.handle(thread);
    if (handle !== null) handle.worker.postMessage(command(flow));
    return flow;
  }

  /** What else a flow is told. */
  command(command: FlowCommand): void {
    this.tell(command.flow, command);
  }

  /** Tells a thread what is about none of its flows. It is started if it is `needed`. */
  tellThread(thread: number, command: MeetRole, needed: boolean): void {
    const handle = needed ? this.handle(thread) : this.handles[thread];
    handle?.worker.postMessage(command);
  }

  go(flow: number): void {
    this.tell(flow, { kind: 'go', flow });
  }

  /** Its listener hears when it has ended. */
  end(flow: number): void {
    this.tell(flow, { kind: 'end', flow });
  }

  /** Resolves when all of them have ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    const workers = this.handles.flatMap((handle) => (handle === null ? [] : [handle.worker]));
    await Promise.all(
      workers.map((worker) => {
        worker.postMessage({ kind: 'stop' } satisfies MainToFlow);
        return new Promise((resolve) => worker.once('exit', resolve));
      }),
    );
  }

  private tell(flow: number, command: MainToFlow): void {
    const thread = this.threadOf.get(flow);
    if (thread !== undefined) this.handles[thread]?.worker.postMessage(command);
  }

  /** The thread's handle, which is made if need be; null when the system has no thread for it. */
  private handle(thread: number): FlowThreadHandle | null {
    const known = this.handles[thread] ?? null;
    if (known !== null || this.stopping) return known;
    const { data, firstThread } = this.parts;
    try {
      const worker = createWorker('flow', {
        ...data,
        thread: firstThread + thread,
      } satisfies FlowThreadData);
      const handle = { worker, isReady: false };
      this.handles[thread] = handle;
      worker.on('message', (report: FlowToMain) => this.take(handle, report));
      worker.on('error', (error: Error) => this.failed(thread, handle, error));
      worker.on('exit', (code) => {
        const isExpected = this.stopping || this.handles[thread] !== handle;
        if (!isExpected) this.failed(thread, handle, new Error(`it ended with code ${code}`));
      });
      return handle;
    } catch (error) {
      // Who asked for it gets its flow's number first.
      setImmediate(() => this.notStarted(thread, (error as Error).message));
      return null;
    }
  }

  private failed(thread: number, handle: FlowThreadHandle, error: Error): void {
    if (handle.isReady) {
      this.parts.died(error);
      return;
    }
    this.handles[thread] = null;
    this.notStarted(thread, error.message);
  }

  private notStarted(thread: number, why: string): void {
    const reason = `a flow thread does not start: ${why}`;
    this.parts.notStarted(reason);
    const flows = [...this.threadOf].filter(([, other]) => other === thread);
    const listeners = flows.map(([flow]) => this.forget(flow));
    for (const listener of listeners) {
      listener?.abandoned?.();
      listener?.ended(reason);
    }
  }

  private forget(flow: number): FlowListener | undefined {
    const listener = this.listeners.get(flow);
    this.listeners.delete(flow);
    this.threadOf.delete(flow);
    return listener;
  }

  private take(handle: FlowThreadHandle, report: FlowToMain): void {
    if (report.kind === 'ready') {
      handle.isReady = true;
      return;
    }
    const listener = this.listeners.get(report.flow);
    if (report.kind === 'connected') listener?.connected?.();
    else if (report.kind === 'file-written') listener?.written?.(report.file);
    else if (report.kind === 'file-loaded') listener?.loaded?.();
    else if (report.kind === 'rdb-loaded') listener?.rdbLoaded?.(report.share);
    else if (report.kind === 'segment-begun') listener?.begun?.();
    else if (report.kind === 'segment-opened') listener?.opened?.();
    else if (report.kind === 'segment-trouble') listener?.trouble?.(report.code);
    else if (report.kind === 'segment-scanned' || report.kind === 'segment-read') {
      listener?.segment?.(report);
    } else if (report.kind === 'redis') listener?.redis?.(report.event);
    else if (report.kind === 'redis-replica') listener?.redisReplica?.(report.event);
    else this.forget(report.flow)?.ended(report.reason);
  }
}
