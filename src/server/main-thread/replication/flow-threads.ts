/** The flow threads as the main thread sees them: started when first needed, told apart by number. */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { FlowThreadData, FlowToMain, MainToFlow } from '../../channel/main-flow.js';
import { THREAD_LIMITS } from '../thread-limits.js';

/** What becomes of one flow. */
export interface FlowListener {
  readonly connected: () => void;
  readonly ended: (reason: string) => void;
}

export class FlowThreads {
  private readonly workers: Worker[] = [];
  private readonly listeners = new Map<number, FlowListener>();
  private readonly threadOf = new Map<number, number>();
  private lastFlow = 0;

  /**
   * @param count how many there are at most
   * @param firstThread owner number of the first
   */
  constructor(
    readonly count: number,
    private readonly data: Omit<FlowThreadData, 'thread'>,
    private readonly firstThread: number,
    private readonly died: (error: Error) => void,
  ) {}

  /** Starts all threads, so that they are there when a flow comes. */
  prepare(): void {
    for (let thread = 0; thread < this.count; thread++) this.worker(thread);
  }

  /** Starts flow `index` of a sync on the thread for that index. @returns the flow's number */
  start(index: number, listener: FlowListener, command: (flow: number) => MainToFlow): number {
    const thread = index % this.count;
    const flow = ++this.lastFlow;
    this.listeners.set(flow, listener);
    this.threadOf.set(flow, thread);
    this.worker(thread).postMessage(command(flow));
    return flow;
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
    const workers = this.workers.filter((worker) => worker !== undefined);
    await Promise.all(
      workers.map((worker) => {
        worker.postMessage({ kind: 'stop' } satisfies MainToFlow);
        return new Promise((resolve) => worker.once('exit', resolve));
      }),
    );
  }

  private tell(flow: number, command: MainToFlow): void {
    const thread = this.threadOf.get(flow);
    if (thread !== undefined) this.worker(thread).postMessage(command);
  }

  private worker(thread: number): Worker {
    const known = this.workers[thread];
    if (known !== undefined) return known;
    const worker = new Worker(new URL('../../flow-thread/flow-thread.js', import.meta.url), {
      env: SHARE_ENV,
      resourceLimits: THREAD_LIMITS,
      workerData: { ...this.data, thread: this.firstThread + thread } satisfies FlowThreadData,
    });
    worker.on('message', (report: FlowToMain) => this.take(report));
    worker.on('error', this.died);
    this.workers[thread] = worker;
    return worker;
  }

  private take(report: FlowToMain): void {
    const listener = this.listeners.get(report.flow);
    if (report.kind === 'connected') {
      listener?.connected();
      return;
    }
    this.listeners.delete(report.flow);
    this.threadOf.delete(report.flow);
    listener?.ended(report.reason);
  }
}
