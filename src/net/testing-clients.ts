/** For tests of the network layer with several clients: a transport in memory with a slot for each. */
import { Region, toBinary } from '../base/region.js';
import type { Transport, TransportHandler } from '../platform/transport.js';

/** Bytes of a receive buffer. */
const RECEIVE_BYTES = 16384;

interface Bytes {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

class Peer {
  sent = '';
  closed = false;
  /** Bytes of each send that it takes at once. */
  takes = Number.POSITIVE_INFINITY;
  into: Bytes | null = null;
  later: Bytes | null = null;
  postponed = false;
  /** What has come for it since it was postponed. */
  kept = '';
}

/** Sends are taken as their peers take them; what a transport does by itself is done by `turn`. */
export class ClientsTransport {
  readonly peers: Peer[] = [];
  handler!: TransportHandler;
  private refused: { slot: number; bytes: Bytes }[] = [];

  get asTransport(): Transport {
    return this as unknown as Transport;
  }

  connect(): number {
    const slot = this.peers.push(new Peer()) - 1;
    this.handler.accepted(slot);
    return slot;
  }

  send(slot: number, region: Region, offset: number, length: number): void {
    const peer = this.peers[slot]!;
    if (peer.later !== null) throw new Error('a send while a sendLater is under way');
    const taken = Math.min(length, peer.takes);
    peer.sent += toBinary(region, offset, taken);
    if (taken === length) return;
    const bytes = { region, offset: offset + taken, length: length - taken };
    this.refused.push({ slot, bytes });
  }

  sendLater(slot: number, region: Region, offset: number, length: number): void {
    const peer = this.peers[slot]!;
    if (peer.later !== null) throw new Error('one sendLater at a time');
    peer.later = { region, offset, length };
  }

  receiveInto(slot: number, region: Region, offset: number, length: number): void {
    this.peers[slot]!.into = { region, offset, length };
  }

  postpone(slot: number): void {
    this.peers[slot]!.postponed = true;
  }

  close(slot: number): void {
    this.peers[slot]!.closed = true;
  }

  /** Lets a client's bytes arrive; the receive buffer is used again afterwards. */
  receive(slot: number, text: string): void {
    const peer = this.peers[slot]!;
    if (peer.postponed || peer.kept !== '') peer.kept += text;
    else this.deliver(slot, text);
  }

  /** The same for more than fits a receive buffer. */
  receiveLong(slot: number, text: string): void {
    for (let at = 0; at < text.length; at += RECEIVE_BYTES) {
      this.receive(slot, text.slice(at, at + RECEIVE_BYTES));
    }
  }

  private deliver(slot: number, text: string): void {
    const peer = this.peers[slot]!;
    const region = new Region(new SharedArrayBuffer((text.length + 15) & ~7), 0);
    region.bytes.set(Buffer.from(text, 'latin1'));
    let offset = 0;
    while (offset < text.length && peer.into !== null && !peer.closed) {
      const { region: target, offset: at, length } = peer.into;
      const part = Math.min(length, text.length - offset);
      target.bytes.set(region.bytes.subarray(offset, offset + part), at);
      peer.into =
        part < length ? { region: target, offset: at + part, length: length - part } : null;
      this.handler.receivedInto(slot, part);
      offset += part;
    }
    if (offset < text.length && !peer.closed) {
      this.handler.received(slot, region, offset, text.length - offset);
    }
    region.bytes.fill(0x7e);
  }

  /** A turn, and what its sends left over. @returns how long the handler would wait */
  turn(): number {
    for (const peer of this.peers) peer.postponed = false;
    const waitMs = this.handler.turn();
    const refused = this.refused;
    this.refused = [];
    for (const { slot, bytes } of refused) {
      if (this.peers[slot]!.closed) continue;
      this.handler.unsent(slot, bytes.region, bytes.offset, bytes.length);
    }
    return this.deliverKept() ? 0 : waitMs;
  }

  /** @returns whether there is more for the next turn */
  private deliverKept(): boolean {
    let hasMore = false;
    for (const [slot, peer] of this.peers.entries()) {
      while (peer.kept !== '' && !peer.postponed && !peer.closed) {
        const text = peer.kept.slice(0, RECEIVE_BYTES);
        peer.kept = peer.kept.slice(RECEIVE_BYTES);
        this.deliver(slot, text);
      }
      if (peer.kept !== '' && !peer.closed) hasMore = true;
    }
    return hasMore;
  }

  /** Takes the piece that a client's queue is sending. */
  drain(slot: number): boolean {
    const peer = this.peers[slot]!;
    const bytes = peer.later;
    if (bytes === null || peer.closed) return false;
    peer.later = null;
    peer.sent += toBinary(bytes.region, bytes.offset, bytes.length);
    this.handler.drained(slot);
    return true;
  }

  /** Turns until nobody has anything to do, everybody reading what there is. */
  settle(): void {
    for (let turns = 0; turns < 1000; turns++) {
      const waitMs = this.turn();
      let drained = false;
      for (const slot of this.peers.keys()) drained = this.drain(slot) || drained;
      if (!drained && waitMs >= 1) return;
    }
    throw new Error('it never gets quiet');
  }
}
