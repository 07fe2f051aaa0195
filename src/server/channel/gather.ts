/**
 * Questions to all threads: CLIENT LIST, SLOWLOG GET and the like concern what every thread keeps
 * for itself. `gather` asks them all and waits, without leaving the running command:
 *
 *     thread A  gather ── ask ──▶ B: woken, serves, answers ──▶ A goes on
 *               └─ while waiting, A serves what B, C ... ask it
 *
 * so that two threads asking at once serve each other instead of waiting for ever. Messages go
 * through MessagePorts (one channel for each pair of threads), read by polling, as an I/O thread
 * never returns to its event loop.
 *
 * What passes from one thread's state to another's (a client that moves, `carry`) does so between
 * questions only, so that every answer counts it exactly once.
 *
 * Inside EXEC, who gathers holds shards' locks, and the thread asked may want one of them. So no I/O
 * thread waits for a lock for long: its command gives up for this turn (engine/dispatch.ts), or
 * answers questions while it waits (`waiting` there).
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { UnansweredError } from '../../commands/contract/server-port.js';
import type { Mail } from '../../memory/mail.js';

export const GATHER_TIMEOUT_MS = 5000;
/** Arrivals at other threads are not announced here. */
const CARRIED_POLL_MS = 1;

/** By name: what a question carries, and what it is answered with. */
export type QuestionTable = {
  readonly [name: string]: { readonly payload: unknown; readonly answer: unknown };
};

/** By name: what is told. */
export type TellTable = { readonly [name: string]: unknown };

type Handler = (payload: unknown) => unknown;

export interface Peer {
  readonly thread: number;
  readonly port: MessagePort;
}

type Message =
  | { readonly kind: 'ask'; readonly id: number; readonly name: string; readonly payload: unknown }
  | { readonly kind: 'tell'; readonly name: string; readonly payload: unknown }
  | { readonly kind: 'carry'; readonly name: string; readonly payload: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly text: string };

export class GatherError extends Error {
  override readonly name = 'GatherError';
}

/** A full mesh: for every thread its peers. The ports of a Worker's peers are to be transferred. */
export function createMesh(threads: number): Peer[][] {
  const mesh: Peer[][] = Array.from({ length: threads }, () => []);
  for (let one = 0; one < threads; one++) {
    for (let other = one + 1; other < threads; other++) {
      const channel = new MessageChannel();
      mesh[one]!.push({ thread: other, port: channel.port1 });
      mesh[other]!.push({ thread: one, port: channel.port2 });
    }
  }
  return mesh;
}

export class Gatherer<Questions extends QuestionTable, Tells extends TellTable> {
  private readonly handlers = new Map<string, Handler>();
  private lastId = 0;
  /** The question under way: its id, and the answers by position in `peers`. */
  private askedId = 0;
  private readonly received = new Map<number, Message>();

  /**
   * @param wake makes the given thread call `serve` soon (it may be asleep in the kernel)
   */
  constructor(
    private readonly thread: number,
    private readonly peers: readonly Peer[],
    private readonly mail: Mail,
    private readonly wake: (thread: number) => void,
  ) {}

  /** A command of this thread is waiting for answers. */
  get isGathering(): boolean {
    return this.askedId !== 0;
  }

  /** Answers a question from this thread's state. The handler must not gather itself. */
  answers<Name extends keyof Questions & string>(
    name: Name,
    handler: (payload: Questions[Name]['payload']) => Questions[Name]['answer'],
  ): void {
    this.register(name, handler as Handler);
  }

  /** Takes what other threads tell. The handler must not gather itself. */
  takes<Name extends keyof Tells & string>(
    name: Name,
    handler: (payload: Tells[Name]) => void,
  ): void {
    this.register(name, handler as Handler);
  }

  private register(name: string, handler: Handler): void {
    if (this.handlers.has(name)) throw new Error(`two handlers for ${name}`);
    this.handlers.set(name, handler);
  }

  /**
   * Asks every thread, this one included.
   *
   * @returns the answers, this thread's first: that one is no copy, so that it must not be changed
   * @throws UnansweredError when a thread does not answer in time
   * @throws GatherError when its handler failed
   */
  gather<Name extends keyof Questions & string>(
    name: Name,
    payload: Questions[Name]['payload'],
    timeoutMs = GATHER_TIMEOUT_MS,
  ): Questions[Name]['answer'][] {
    if (this.askedId !== 0) throw new Error('a request handler must not gather');
    const id = ++this.lastId;
    this.askedId = id;
    this.received.clear();
    const deadlineMs = Date.now() + timeoutMs;
    this.mail.beginQuestion();
    try {
      this.awaitCarried(name, deadlineMs);
      for (const peer of this.peers) this.send(peer, { kind: 'ask', id, name, payload });
      for (const peer of this.peers) this.wake(peer.thread);
      const own = this.handle(name, payload);
      this.awaitAnswers(name, deadlineMs);
      return [own, ...this.peers.map((peer) => this.answerOf(peer, name))];
    } finally {
      this.mail.endQuestion();
      this.askedId = 0;
    }
  }

  /** Sends one thread a message that its handler takes without answering. */
  tell<Name extends keyof Tells & string>(thread: number, name: Name, payload: Tells[Name]): void {
    this.sendTo(thread, { kind: 'tell', name, payload });
  }

  /**
   * Like `tell`, for what this thread's answers count until now and the other's from its arrival on.
   *
   * @returns false when a question is under way: nothing was sent
   */
  carry<Name extends keyof Tells & string>(
    thread: number,
    name: Name,
    payload: Tells[Name],
  ): boolean {
    if (!this.mail.carry()) return false;
    this.sendTo(thread, { kind: 'carry', name, payload });
    return true;
  }

  /** Serves what other threads have asked. @returns how many messages there were */
  serve(): number {
    let count = 0;
    for (const peer of this.peers) {
      for (;;) {
        const received = receiveMessageOnPort(peer.port);
        if (received === undefined) break;
        this.take(peer, received.message as Message);
        count++;
      }
    }
    return count;
  }

  close(): void {
    for (const peer of this.peers) peer.port.close();
  }

  private sendTo(thread: number, message: Message): void {
    const peer = this.peers.find((candidate) => candidate.thread === thread);
    if (peer === undefined) throw new Error(`no thread ${thread}`);
    this.send(peer, message);
    this.wake(thread);
  }

  private send(peer: Peer, message: Message): void {
    peer.port.postMessage(message);
    this.mail.announce(peer.thread);
  }

  /** Until what other threads carried to each other before the question has arrived. */
  private awaitCarried(name: string, deadlineMs: number): void {
    const arrived = () => this.mail.carried === 0;
    if (!arrived())
      this.serveUntil(arrived, `a thread is stuck (${name})`, deadlineMs, CARRIED_POLL_MS);
  }

  private awaitAnswers(name: string, deadlineMs: number): void {
    const answered = () => this.received.size === this.peers.length;
    this.serveUntil(answered, `a thread did not answer in time (${name})`, deadlineMs);
  }

  /**
   * Serves others until something is done.
   * @param pollMs how often to look, for what is not announced to this thread
   * @throws UnansweredError with this text when the time is up
   */
  private serveUntil(
    done: () => boolean,
    failure: string,
    deadlineMs: number,
    pollMs = Number.POSITIVE_INFINITY,
  ): void {
    for (;;) {
      const seen = this.mail.announced(this.thread);
      this.serve();
      if (done()) return;
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new UnansweredError(failure);
      this.mail.wait(this.thread, seen, Math.min(leftMs, pollMs));
    }
  }

  private answerOf(peer: Peer, name: string): unknown {
    const message = this.received.get(peer.thread);
    if (message?.kind === 'answer') return message.answer;
    throw new GatherError(`thread ${peer.thread} failed (${name}): ${failureText(message)}`);
  }

  private take(peer: Peer, message: Message): void {
    if (message.kind === 'tell' || message.kind === 'carry') {
      try {
        this.handle(message.name, message.payload);
      } finally {
        if (message.kind === 'carry') this.mail.arrived();
      }
      return;
    }
    if (message.kind !== 'ask') {
      // An answer to a question given up earlier is of no use any more.
      if (message.id === this.askedId) this.received.set(peer.thread, message);
      return;
    }
    const { id } = message;
    let answer: Message;
    try {
      answer = { kind: 'answer', id, answer: this.handle(message.name, message.payload) };
    } catch (error) {
      answer = { kind: 'failure', id, text: error instanceof Error ? error.message : 'unknown' };
    }
    this.send(peer, answer);
  }

  private handle(name: string, payload: unknown): unknown {
    const handler = this.handlers.get(name);
    if (handler === undefined) throw new Error(`no handler for ${name}`);
    return handler(payload);
  }
}

function failureText(message: Message | undefined): string {
  return message?.kind === 'failure' ? message.text : 'no answer';
}
