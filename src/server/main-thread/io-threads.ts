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
import type { Offers } from '../../memory/offers.js';
import { wakeTransport } from '../../platform/wake.js';
import { HandOvers } from '../channel/hand-overs.js';
import type { IoThreadData, IoToMain, MainToIo } from '../channel/main-io.js';
import { ThreadBeats } from '../channel/thread-beats.js';
import { createIoWorker } from './workers.js';

/** What the threads say once they serve. */
export type IoRequest = Exclude<IoToMain, { kind: 'listening' | 'failed' | 'information' }>;

interface IoThreadHandle {
  readonly port: MessagePort;
  readonly exited: Promise<void>;
  state: 'starting' | 'serving' | 'stopping';
}

export interface IoThreadsParts {
  /** By thread: the number that wakes its transport, 0 before it has one. */
  readonly wakers: Int32Array;
  /** By thread: see ThreadBeats. */
  readonly beats: Int32Array;
  /** The main thread's tickets are behind those of the I/O threads. */
  readonly offers: Offers;
  readonly take: (message: IoRequest) => void;
  readonly died: (what: string, error: Error) => void;
}

export class IoThreads {
  /** The transport that they use, once one of them serves. */
  transport = '';
  private readonly handles: IoThreadHandle[] = [];
  /** Questions under way. */
  private readonly asked = new Map<number, (text: string) => void>();
  private lastQuestion = 0;

  private readonly beats: ThreadBeats;
  private readonly handOvers: HandOvers;
  /** Connections that found too many on their way. */
  private waiting: number[] = [];
  private nextThread = 0;
  private readonly isAway = (thread: number) => this.beats.isAway(thread, performance.now());

  constructor(private readonly parts: IoThreadsParts) {
    this.beats = new ThreadBeats(parts.beats);
    this.handOvers = new HandOvers(parts.offers, parts.beats.length);
  }

  /** Resolves to its TCP port (0: none) when the thread listens. @throws Error when it cannot */
  start(data: Omit<IoThreadData, 'main'>): Promise<number> {
    const { port1: port, port2 } = new MessageChannel();
    const worker = createIoWorker({ ...data, main: port2 } satisfies IoThreadData, [
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
          if (handle.state === 'starting') handle.state = 'serving';
          resolve(message.port);
        } else if (message.kind === 'information') {
          this.asked.get(message.id)?.(message.text);
          this.asked.delete(message.id);
        } else if (message.kind === 'failed') {
          const { error, code } = message;
          failed(code === '' ? error : Object.assign(error, { code }));
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

  /** INFO's text for these sections. Of all threads, the first answers. */
  information(sections: readonly string[]): Promise<string> {
    const id = ++this.lastQuestion;
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.tell(0, { kind: 'information', id, sections });
    });
  }

  tell(thread: number, message: MainToIo): void {
    this.handles[thread]?.port.postMessage(message);
    const waker = this.parts.wakers[thread]!;
    if (waker !== 0) wakeTransport(waker);
  }

  /** Gives a connection to the threads in turn, but to none that is away. */
  offer(descriptor: number): void {
    const thread = this.threadInTurn();
    const given = this.handOvers.offer(thread, descriptor);
    if (given === null) this.waiting.push(descriptor);
    else this.tell(thread, { kind: 'offer', ...given });
  }

  /** About ten times a second: connections that a thread did not take before it went away. */
  look(): void {
    this.beats.look(performance.now());
    const { isAway } = this;
    // Where all are, nobody else would take it.
    if (this.handles.every((_, thread) => isAway(thread))) return;
    const back = this.handOvers.takeBack(isAway);
    for (const descriptor of [...this.waiting.splice(0), ...back]) this.offer(descriptor);
  }

  private threadInTurn(): number {
    const { length } = this.handles;
    const first = this.nextThread;
    this.nextThread = (first + 1) % length;
    for (let i = 0; i < length; i++) {
      const thread = (first + i) % length;
      if (!this.isAway(thread)) return thread;
    }
    return first;
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
