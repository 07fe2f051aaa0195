/**
 * The I/O threads as the main thread sees them.
 *
 *   starting ──'listening'──▶ serving ──'stop'──▶ stopping ──▶ (its Worker has ended)
 *      │ fails                   │ fails
 *      └──▶ the start fails      └──▶ the process ends: the thread's clients and locks are lost
 *
 * A thread that listens serves its clients once it is told to, when all threads do.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { wakeTransport } from '../../platform/wake.js';
import type { IoThreadData, IoToMain, MainToIo } from '../channel/main-io.js';
import { createWorker } from './workers.js';

/** What the threads say once they serve. */
export type IoRequest = Exclude<IoToMain, { kind: 'listening' | 'failed' }>;

interface IoThreadHandle {
  readonly port: MessagePort;
  readonly exited: Promise<void>;
  state: 'starting' | 'serving' | 'stopping';
}

export interface IoThreadsParts {
  /** By thread: the number that wakes its transport, 0 before it has one. */
  readonly wakers: Int32Array;
  readonly take: (message: IoRequest) => void;
  readonly died: (what: string, error: Error) => void;
}

export class IoThreads {
  /** The transport that they use, once one of them serves. */
  transport = '';
  private readonly handles: IoThreadHandle[] = [];

  constructor(private readonly parts: IoThreadsParts) {}

  /** Resolves when the thread listens. @throws Error when it cannot */
  start(data: Omit<IoThreadData, 'main'>): Promise<void> {
    const { port1: port, port2 } = new MessageChannel();
    const worker = createWorker('io', { ...data, main: port2 } satisfies IoThreadData, [
      port2,
      ...data.peers.map((peer) => peer.port),
    ]);
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const handle: IoThreadHandle = { port, exited, state: 'starting' };
    this.handles.push(handle);
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        if (handle.state === 'starting') reject(error);
        else this.parts.died(`I/O thread ${data.thread}`, error);
      };
      port.on('message', (message: IoToMain) => {
        if (message.kind === 'listening') {
          this.transport = message.transport;
          handle.state = 'serving';
          resolve();
        } else if (message.kind === 'failed') {
          failed(message.error);
        } else {
          this.parts.take(message);
        }
      });
      worker.on('error', failed);
      worker.on('exit', (code) => {
        if (handle.state !== 'stopping') failed(new Error(`the thread ended with code ${code}`));
      });
    });
  }

  tell(thread: number, message: MainToIo): void {
    this.handles[thread]?.port.postMessage(message);
    const waker = this.parts.wakers[thread]!;
    if (waker !== 0) wakeTransport(waker);
  }

  /** Wakes all, so that they look at what has changed in shared memory. */
  wakeAll(): void {
    for (const waker of this.parts.wakers) if (waker !== 0) wakeTransport(waker);
  }

  tellAll(message: MainToIo): void {
    for (let thread = 0; thread < this.handles.length; thread++) this.tell(thread, message);
  }

  /** Resolves when all of them have ended; none may be starting. */
  async stop(): Promise<void> {
    for (const handle of this.handles) handle.state = 'stopping';
    this.tellAll({ kind: 'stop' });
    await Promise.all(this.handles.map(({ exited }) => exited));
  }
}
