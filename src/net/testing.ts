/** For tests of the network layer: a transport in memory, an engine that echoes, a frontend on both. */
import assert from 'node:assert/strict';
import { BUSY, DONE, SUSPENDED } from '../base/outcome.js';
import { Region, toBinary } from '../base/region.js';
import type { Transport } from '../platform/transport.js';
import type { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { Frontend } from './frontend.js';
import type { ReplyGate } from './held-replies.js';
import { type FrontendPolicy, NO_OUTPUT_LIMIT } from './policy.js';
import type { CommandRunner, NetSession } from './runner.js';

export const SLOT = 3;

export const DESCRIPTOR = 40;

export class FakeSession implements NetSession {
  readonly address = '127.0.0.1:1';
  readonly protocol = 2;
  authenticated = true;
  closeAfterReply = false;
  outputClass = 0;
  lastInteractionMs = 0;
  suspended = false;
  takenShard = -1;
  queuedBytes = 0;
  cancelSuspension = null;

  constructor(public connection = SLOT) {}
}

const newRegion = (bytes: number) => new Region(new SharedArrayBuffer(bytes), 0);

/** A transport whose reader takes as many bytes of each send as it is told. */
export class FakeTransport {
  sent = '';
  closed = false;
  detaching = false;
  readonly adopted: number[] = [];
  takes = Number.POSITIVE_INFINITY;
  into: { region: Region; offset: number; length: number } | null = null;
  private later: { region: Region; offset: number; length: number } | null = null;
  private readonly refused: { region: Region; offset: number; length: number }[] = [];
  frontend!: Frontend<FakeSession>;

  send(_slot: number, region: Region, offset: number, length: number): void {
    assert.equal(this.later, null, 'no send while a sendLater is under way');
    const taken = Math.min(length, this.takes);
    this.sent += toBinary(region, offset, taken);
    if (taken < length)
      this.refused.push({ region, offset: offset + taken, length: length - taken });
  }

  sendLater(_slot: number, region: Region, offset: number, length: number): void {
    assert.equal(this.later, null, 'one sendLater at a time');
    this.later = { region, offset, length };
  }

  /** What a turn of the transport does with sends that did not go out whole. */
  completions(): void {
    for (const { region, offset, length } of this.refused.splice(0)) {
      this.frontend.unsent(SLOT, region, offset, length);
    }
  }

  drain(): boolean {
    const chunk = this.later;
    if (chunk === null) return false;
    this.later = null;
    this.sent += toBinary(chunk.region, chunk.offset, chunk.length);
    this.frontend.drained(SLOT);
    return true;
  }

  postpone(): void {}

  receiveInto(_slot: number, region: Region, offset: number, length: number): void {
    this.into = { region, offset, length };
  }

  close(): void {
    this.closed = true;
    this.detaching = false;
  }

  detach(): void {
    this.detaching = true;
  }

  adopt(descriptor: number): void {
    this.adopted.push(descriptor);
  }

  descriptor(): number {
    return DESCRIPTOR;
  }
}

/** What runners of tests have besides `dispatch`. */
export const QUIET_RUNNER = {
  now: 1,
  processed: 0,
  workedMicros: 0,
  lastShard: -1,
  beginRun() {},
  endRun() {},
};

/** Answers every command with its arguments; 'busy' once with BUSY, 'wait' with SUSPENDED. */
export class EchoRunner implements CommandRunner<FakeSession> {
  readonly now = 1;
  workedMicros = 0;
  lastShard = -1;
  busy = 0;
  ran: string[][] = [];
  /** For each of them the shard of the run that it was part of; null: of none. */
  runs: (number | null)[] = [];
  /** Which calls of `dispatch`, counted from 1, also answer BUSY. */
  busyCalls: ReadonlySet<number> = new Set();
  private calls = 0;

  constructor(readonly reply: Reply) {}

  get processed(): number {
    return this.ran.length;
  }

  /** Shards for which runs were begun, while they are under way. */
  run: number | null = null;

  beginRun(shard: number): void {
    this.run = shard;
  }

  endRun(): void {
    this.run = null;
  }

  dispatch(session: FakeSession, args: Arguments): number {
    const words: string[] = [];
    for (let i = 0; i < args.count; i++) {
      words.push(toBinary(args.region, args.offset[i]!, args.length[i]!));
    }
    if (this.busyCalls.has(++this.calls)) return BUSY;
    if (this.busy > 0) {
      this.busy--;
      return BUSY;
    }
    this.ran.push(words);
    this.runs.push(this.run);
    if (words[0] === 'wait') {
      session.suspended = true;
      return SUSPENDED;
    }
    this.reply.bulkBinary(words.join(','));
    if (words[0] === 'quit') session.closeAfterReply = true;
    return DONE;
  }
}

/** The gate that is always open. */
const OPEN_GATE: ReplyGate = {
  isOn: false,
  writes: 0,
  mark: () => 0,
  reached: () => Number.POSITIVE_INFINITY,
};

/** A policy that lets everything happen, and fails the test when told of an exception. */
export function quietPolicy<S extends NetSession>(admit: (slot: number) => S): FrontendPolicy<S> {
  return {
    offered: () => true,
    admit,
    released: () => {},
    woken: () => {},
    beginTurn: () => {},
    continueTurn: () => {},
    background: () => 100,
    outputLimits: [NO_OUTPUT_LIMIT, NO_OUTPUT_LIMIT],
    mayWait: () => true,
    awaitsDurable: () => {},
    replyGate: OPEN_GATE,
    bulkBytesMax: 512 * 1024 * 1024,
    queryBytesMax: 1024 * 1024 * 1024,
    queryLimitReached: () => {},
    log: () => {},
    failed: (doing, error) => assert.fail(`${doing}: ${String(error)}`),
    traffic: { receivedBytes: 0, sentBytes: 0, heldBytes: 0, outputLimitClosed: 0 },
  };
}

export function newFrontend(replyGate: ReplyGate = OPEN_GATE) {
  const reply = new Reply(newRegion(64));
  const runner = new EchoRunner(reply);
  const transport = new FakeTransport();
  const session = new FakeSession();
  const frontend = new Frontend<FakeSession>(
    transport as unknown as Transport,
    runner,
    reply,
    { ...quietPolicy(() => session), replyGate },
    newRegion,
  );
  transport.frontend = frontend;
  frontend.accepted(SLOT);
  const receive = (text: string) => {
    const region = newRegion((text.length + 8) & ~7);
    region.bytes.set(Buffer.from(text, 'latin1'));
    let offset = 0;
    while (offset < text.length && transport.into !== null) {
      const { region: target, offset: at, length } = transport.into;
      const part = Math.min(length, text.length - offset);
      target.bytes.set(region.bytes.subarray(offset, offset + part), at);
      transport.into =
        part < length ? { region: target, offset: at + part, length: length - part } : null;
      frontend.receivedInto(SLOT, part);
      offset += part;
    }
    if (offset < text.length) frontend.received(SLOT, region, offset, text.length - offset);
    // The transport reuses its buffers as soon as the callback has returned.
    region.bytes.fill(0x7e);
  };
  return { frontend, transport, runner, session, receive };
}

export const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
export const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
