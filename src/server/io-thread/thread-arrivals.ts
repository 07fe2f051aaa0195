/**
 * How new connections come to this thread: handed over by another one that has accepted them, offered by
 * the main thread (TLS, the console), or out of the queue of a thread that is away in a long command.
 *
 *   listener of a thread with turns ──accept──▶ that thread ──▶ the one that should serve it
 *   listener of a thread away       ──accept──▶ any other, at its next look, every 100 ms
 *
 * A connection that was handed to a thread which then went away is taken back.
 */
import type { ClientSession } from '../../engine/session.js';
import type { ControlBlock } from '../../memory/control.js';
import { Offers } from '../../memory/offers.js';
import { SharedListeners } from '../../memory/shared-listeners.js';
import { HANDED_OVER } from '../../net/counters.js';
import type { FrontendPolicy } from '../../net/policy.js';
import { acceptWaiting } from '../../platform/ffi/accept-waiting.js';
import type { Transport } from '../../platform/transport.js';
import { type HandedOver, HandOvers } from '../channel/hand-overs.js';
import type { IoGatherer } from '../channel/io-io.js';
import { ThreadBeats } from '../channel/thread-beats.js';
import type { ThreadClients } from './thread-clients.js';

/** Accepted from one listener of a thread that is away, at each look. */
const ACCEPTS_MAX = 128;

export interface ThreadArrivalsParts {
  readonly thread: number;
  readonly threads: number;
  readonly control: ControlBlock;
  readonly transport: Transport;
  readonly gatherer: IoGatherer;
  readonly clients: ThreadClients;
  readonly policy: Pick<FrontendPolicy<ClientSession>, 'offered'>;
  readonly beats: Int32Array;
  /** Of Offers. */
  readonly offersBuffer: SharedArrayBuffer;
  /** Of SharedListeners. */
  readonly listenersBuffer: SharedArrayBuffer;
}

export class ThreadArrivals {
  private readonly beats: ThreadBeats;
  private readonly offers: Offers;
  private readonly handOvers: HandOvers;
  private readonly listeners: SharedListeners;
  private readonly isAwayNow = (thread: number) => this.isAway(thread);

  constructor(private readonly parts: ThreadArrivalsParts) {
    const { thread, transport, gatherer } = parts;
    this.beats = new ThreadBeats(parts.beats);
    this.offers = new Offers(new Int32Array(parts.offersBuffer));
    this.handOvers = new HandOvers(this.offers, thread);
    this.listeners = new SharedListeners(new Int32Array(parts.listenersBuffer), thread + 1);
    transport.listenerWatch = {
      opened: (descriptor) => this.listeners.add(thread, descriptor),
      closing: (descriptor) => this.listeners.remove(thread, descriptor),
    };
    gatherer.takes('adopt', ({ descriptor, ticket }) => {
      if (this.offers.take(ticket)) this.adopt(descriptor);
    });
  }

  /** Whether a thread has taken no turn for long. Never true of this one. */
  isAway(thread: number): boolean {
    return thread !== this.parts.thread && this.beats.isAway(thread, performance.now());
  }

  /** @returns whether the other thread gets the connection */
  handOver(thread: number, descriptor: number): boolean {
    const given = this.handOvers.offer(thread, descriptor);
    if (given === null) return false;
    this.parts.control.word(HANDED_OVER).add(1);
    this.parts.gatherer.tell(thread, 'adopt', given);
    return true;
  }

  /** A connection from the main thread. */
  takeOffer({ descriptor, ticket }: HandedOver): void {
    if (this.offers.take(ticket)) this.place(descriptor);
  }

  /** Every 100 ms: shows that this thread takes turns, and helps out where others do not. */
  look(): void {
    const { thread, threads } = this.parts;
    this.beats.beat(thread);
    this.beats.look(performance.now());
    for (let other = 0; other < threads; other++) {
      if (this.isAway(other)) this.acceptFor(other);
    }
    for (const descriptor of this.handOvers.takeBack(this.isAwayNow)) this.adopt(descriptor);
  }

  private acceptFor(thread: number): void {
    const { clients } = this.parts;
    this.listeners.visit(thread, (listener) => {
      let count = 0;
      acceptWaiting(listener, (descriptor) => {
        this.place(descriptor);
        return ++count < ACCEPTS_MAX && !clients.isFull;
      });
    });
  }

  private place(descriptor: number): void {
    if (!this.parts.policy.offered(descriptor)) return;
    // It counts as one that is handed over until it is admitted.
    this.parts.control.word(HANDED_OVER).add(1);
    this.adopt(descriptor);
  }

  private adopt(descriptor: number): void {
    this.parts.clients.expectAdopted();
    this.parts.transport.adopt(descriptor);
  }
}
