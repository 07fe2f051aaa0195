/**
 * A handler for the transports' test suite: a server of lines, each a command that makes the transport
 * do one thing. Written for tests: it allocates freely.
 *
 *   echo TEXT    replies TEXT                       names       peer, local name and descriptor
 *   big N        replies N bytes of the pattern     stats       counters, as JSON
 *   into N       takes the next N bytes by receiveInto, replies N and their checksum
 *   bye          replies 'bye', closes at once      drop        closes
 *   regret       asks for the connection's detachment, then closes it
 *   now N        closes while a reply of N bytes is under way
 *   later TEXT   postpones the connection, replies TEXT
 */
import { type Region, toBinary } from '../../base/region.js';
import { attachRegion, createRegion } from '../ffi/region.js';
import type { Transport, TransportHandler } from '../transport.js';

const PATTERN_BYTES = 32 * 1024 * 1024;
const ARENA_BYTES = 16 * 1024 * 1024;
/** A prime, so that a shift in the stream shows. */
export const PATTERN_PERIOD = 251;

export function patternByte(index: number): number {
  return index % PATTERN_PERIOD;
}

/** Of bytes that start at a multiple of 4 in their buffer. */
export function checksum(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  let sum = bytes.length;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + words[i]!) | 0;
  for (let i = words.length * 4; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]!) | 0;
  return sum;
}

interface Reply {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

/** A connection's state on its way to another thread. */
export interface Detached {
  readonly descriptor: number;
  readonly text: string;
  readonly into: SharedArrayBuffer | undefined;
  readonly intoDone: number;
  readonly intoWanted: number;
}

class Connection {
  text = '';
  replies: Reply[] = [];
  sendingLater = false;
  closing = false;
  into: Region | undefined;
  intoDone = 0;
  intoWanted = 0;
  /** The turn before which nothing more is to come. */
  postponedTurn = 0;
}

export interface Counters {
  accepted: number;
  live: number;
  turns: number;
  woken: number;
  unsent: number;
  drained: number;
  detached: number;
  reasons: number[];
  troubles: number[];
}

export class LineServer implements TransportHandler {
  readonly counters: Counters = {
    accepted: 0,
    live: 0,
    turns: 0,
    woken: 0,
    unsent: 0,
    drained: 0,
    detached: 0,
    reasons: [],
    troubles: [],
  };
  /** Takes descriptors over when set. */
  onOffered: ((descriptor: number) => boolean) | undefined;
  onWoken: (() => void) | undefined;
  onDetached: (state: Detached) => void = () => {};
  /** What comes with descriptors to be adopted. */
  private readonly arriving = new Map<number, Detached>();
  waitMs = -1;
  private readonly connections = new Map<number, Connection>();
  private readonly writable = new Set<number>();
  private readonly arenas = [createRegion(ARENA_BYTES), createRegion(ARENA_BYTES)];
  private arena = 0;
  private arenaUsed = 0;
  private pattern: Region | undefined;

  constructor(private readonly transport: Transport) {}

  offered(descriptor: number): boolean {
    return this.onOffered === undefined || this.onOffered(descriptor);
  }

  accepted(connection: number): void {
    if (this.connections.has(connection)) throw new Error(`slot ${connection} is in use`);
    const state = new Connection();
    this.connections.set(connection, state);
    this.counters.accepted++;
    this.counters.live++;
    const descriptor = this.transport.descriptor(connection);
    const arrived = this.arriving.get(descriptor);
    if (arrived === undefined) return;
    this.arriving.delete(descriptor);
    state.text = arrived.text;
    if (arrived.into === undefined) return;
    state.into = attachRegion(arrived.into);
    state.intoDone = arrived.intoDone;
    state.intoWanted = arrived.intoWanted;
    const missing = state.intoWanted - state.intoDone;
    this.transport.receiveInto(connection, state.into, state.intoDone, missing);
  }

  adopt(state: Detached): void {
    this.arriving.set(state.descriptor, state);
    this.transport.adopt(state.descriptor);
  }

  /** Detaches every connection, also those that are busy. */
  detachAll(): void {
    for (const connection of this.connections.keys()) this.transport.detach(connection);
  }

  detached(connection: number, descriptor: number): void {
    const state = this.connections.get(connection);
    if (state === undefined) throw new Error(`slot ${connection} detached after its end`);
    if (state.replies.length > 0 || state.sendingLater) throw new Error('detached while sending');
    this.forget(connection);
    this.counters.detached++;
    const { text, into, intoDone, intoWanted } = state;
    this.onDetached({ descriptor, text, into: into?.buffer, intoDone, intoWanted });
  }

  received(connection: number, region: Region, offset: number, length: number): void {
    const state = this.connections.get(connection);
    if (state === undefined) throw new Error(`bytes for closed slot ${connection}`);
    if (state.into !== undefined) throw new Error('bytes bypassed receiveInto');
    if (this.counters.turns < state.postponedTurn) throw new Error('bytes came too early');
    state.text += toBinary(region, offset, length);
    this.parse(connection, state);
  }

  private parse(connection: number, state: Connection): void {
    for (;;) {
      const end = state.text.indexOf('\n');
      if (end < 0 || state.into !== undefined || state.closing) return;
      const [command = '', argument = ''] = state.text.slice(0, end).split(/ (.*)/s);
      state.text = state.text.slice(end + 1);
      this.command(connection, state, command, argument);
      if (!this.connections.has(connection)) return;
    }
  }

  private command(connection: number, state: Connection, command: string, argument: string) {
    const { transport } = this;
    if (command === 'echo') this.reply(connection, state, argument);
    else if (command === 'big') this.replyPattern(connection, state, Number(argument));
    else if (command === 'into') this.startInto(connection, state, Number(argument));
    else if (command === 'stats') this.reply(connection, state, JSON.stringify(this.counters));
    else if (command === 'later') {
      state.postponedTurn = this.counters.turns + 1;
      transport.postpone(connection);
      this.reply(connection, state, argument);
    } else if (command === 'drop') this.drop(connection);
    else if (command === 'regret') {
      transport.detach(connection);
      this.drop(connection);
    } else if (command === 'names') {
      const names = [transport.peerName(connection), transport.localName(connection)];
      this.reply(connection, state, `${names.join(' ')} ${transport.descriptor(connection)}`);
    } else if (command === 'bye') {
      this.reply(connection, state, 'bye');
      state.closing = true;
    } else if (command === 'now') {
      transport.sendLater(connection, this.patternRegion(), 0, Number(argument));
      this.drop(connection);
    } else throw new Error(`unknown command ${command}`);
  }

  private drop(connection: number): void {
    this.transport.close(connection);
    this.forget(connection);
  }

  private forget(connection: number): void {
    this.connections.delete(connection);
    this.writable.delete(connection);
    this.counters.live--;
  }

  private patternRegion(): Region {
    if (this.pattern === undefined) {
      this.pattern = createRegion(PATTERN_BYTES);
      const { bytes } = this.pattern;
      for (let i = 0; i < PATTERN_PERIOD; i++) bytes[i] = i;
      for (let done = PATTERN_PERIOD; done < bytes.length; done *= 2) {
        bytes.copyWithin(done, 0, Math.min(done, bytes.length - done));
      }
    }
    return this.pattern;
  }

  private reply(connection: number, state: Connection, text: string): void {
    const bytes = Buffer.from(`${text}\n`, 'latin1');
    let region = this.arenas[this.arena]!;
    let offset = this.arenaUsed;
    if (offset + bytes.length > ARENA_BYTES || state.sendingLater) {
      region = createRegion(bytes.length);
      offset = 0;
    } else {
      this.arenaUsed += bytes.length;
    }
    region.bytes.set(bytes, offset);
    const last = state.replies.at(-1);
    if (last !== undefined && last.region === region && last.offset + last.length === offset) {
      state.replies[state.replies.length - 1] = { ...last, length: last.length + bytes.length };
    } else {
      state.replies.push({ region, offset, length: bytes.length });
    }
    this.writable.add(connection);
  }

  private replyPattern(connection: number, state: Connection, length: number): void {
    state.replies.push({ region: this.patternRegion(), offset: 0, length });
    this.writable.add(connection);
  }

  private startInto(connection: number, state: Connection, length: number): void {
    const target = createRegion(length);
    // What came with the command is ours to copy.
    const here = Buffer.from(state.text.slice(0, length), 'latin1');
    target.bytes.set(here);
    state.text = state.text.slice(length);
    state.into = target;
    state.intoDone = here.length;
    state.intoWanted = length;
    if (here.length === length) this.endInto(connection, state);
    else this.transport.receiveInto(connection, target, here.length, length - here.length);
  }

  private endInto(connection: number, state: Connection): void {
    const sum = checksum(state.into!.bytes.subarray(0, state.intoWanted));
    state.into = undefined;
    this.reply(connection, state, `${state.intoWanted} ${sum}`);
  }

  receivedInto(connection: number, length: number): void {
    const state = this.connections.get(connection)!;
    state.intoDone += length;
    if (state.intoDone > state.intoWanted) throw new Error('receiveInto brought too much');
    if (state.intoDone === state.intoWanted) this.endInto(connection, state);
  }

  unsent(connection: number, region: Region, offset: number, length: number): void {
    this.counters.unsent++;
    const state = this.connections.get(connection);
    if (state === undefined) throw new Error(`unsent for closed slot ${connection}`);
    let [from, at] = [region, offset];
    if (this.arenas.includes(region)) {
      [from, at] = [createRegion(length), 0];
      from.bytes.set(region.bytes.subarray(offset, offset + length));
    }
    state.sendingLater = true;
    this.transport.sendLater(connection, from, at, length);
  }

  drained(connection: number): void {
    this.counters.drained++;
    const state = this.connections.get(connection);
    if (state === undefined) throw new Error(`drained for closed slot ${connection}`);
    state.sendingLater = false;
    this.writable.add(connection);
  }

  closed(connection: number, reason: number): void {
    if (!this.connections.has(connection)) throw new Error(`closed twice: ${connection}`);
    this.counters.reasons.push(reason);
    this.forget(connection);
  }

  owes(): boolean {
    return false;
  }

  woken(): void {
    this.counters.woken++;
    this.onWoken?.();
  }

  turn(): number {
    this.counters.turns++;
    let busy = false;
    for (const connection of [...this.writable]) {
      if (this.write(connection)) busy = true;
    }
    this.arena ^= 1;
    this.arenaUsed = 0;
    return busy ? 0 : this.waitMs;
  }

  /** @returns whether there is more to send in the next turn */
  private write(connection: number): boolean {
    const state = this.connections.get(connection)!;
    this.writable.delete(connection);
    if (state.sendingLater) {
      // Replies that came before the news of what was not sent: the arena does not wait for them.
      state.replies = state.replies.map((reply) => this.moved(reply));
      return false;
    }
    const next = state.replies.shift();
    if (next !== undefined) {
      this.transport.send(connection, next.region, next.offset, next.length);
    }
    if (state.replies.length === 0) {
      if (state.closing) this.drop(connection);
      return false;
    }
    this.writable.add(connection);
    state.replies = state.replies.map((reply) => this.moved(reply));
    return true;
  }

  /** One send a turn: a reply that must wait moves out of an arena that will be written again. */
  private moved(reply: Reply): Reply {
    if (!this.arenas.includes(reply.region)) return reply;
    const { offset, length } = reply;
    const region = createRegion(length);
    region.bytes.set(reply.region.bytes.subarray(offset, offset + length));
    return { region, offset: 0, length };
  }
}
