import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BUSY, DONE, SUSPENDED } from '../base/outcome.js';
import { Region, toBinary } from '../base/region.js';
import type { Transport } from '../platform/transport.js';
import type { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { Frontend } from './frontend.js';
import type { FrontendPolicy } from './policy.js';
import type { CommandRunner, NetSession } from './runner.js';

const SLOT = 3;

class FakeSession implements NetSession {
  readonly connection = SLOT;
  readonly address = '127.0.0.1:1';
  readonly protocol = 2;
  readonly authenticated = true;
  closeAfterReply = false;
  lastInteractionMs = 0;
  suspended = false;
  cancelSuspension = null;
}

const newRegion = (bytes: number) => new Region(new SharedArrayBuffer(bytes), 0);

/** A transport whose reader takes as many bytes of each send as it is told. */
class FakeTransport {
  sent = '';
  closed = false;
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

  receiveInto(_slot: number, region: Region, offset: number, length: number): void {
    this.into = { region, offset, length };
  }

  close(): void {
    this.closed = true;
  }
}

/** Answers every command with its arguments; 'busy' once with BUSY, 'wait' with SUSPENDED. */
class EchoRunner implements CommandRunner<FakeSession> {
  readonly now = 1;
  busy = 0;
  ran: string[][] = [];

  constructor(readonly reply: Reply) {}

  dispatch(session: FakeSession, args: Arguments): number {
    const words: string[] = [];
    for (let i = 0; i < args.count; i++) {
      words.push(toBinary(args.region, args.offset[i]!, args.length[i]!));
    }
    if (this.busy > 0) {
      this.busy--;
      return BUSY;
    }
    this.ran.push(words);
    if (words[0] === 'wait') {
      session.suspended = true;
      return SUSPENDED;
    }
    this.reply.bulkBinary(words.join(','));
    if (words[0] === 'quit') session.closeAfterReply = true;
    return DONE;
  }
}

function newFrontend() {
  const reply = new Reply(newRegion(64));
  const runner = new EchoRunner(reply);
  const transport = new FakeTransport();
  const session = new FakeSession();
  const policy: FrontendPolicy<FakeSession> = {
    offered: () => true,
    admit: () => session,
    released: () => {},
    woken: () => {},
    beginTurn: () => {},
    background: () => 100,
    outputHardBytes: 0,
    outputSoftBytes: 0,
    outputSoftMs: 0,
    bulkBytesMax: 512 * 1024 * 1024,
    log: () => {},
    traffic: { receivedBytes: 0, sentBytes: 0, outputLimitClosed: 0 },
  };
  const frontend = new Frontend<FakeSession>(
    transport as unknown as Transport,
    runner,
    reply,
    policy,
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

const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

describe('the network layer', () => {
  it('answers commands cut at any points in order, whatever their size', () => {
    const word = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.integer({ min: 30_000, max: 80_000 }).map((n) => 'x'.repeat(n)),
    );
    const words = fc.array(word, { minLength: 1, maxLength: 5 });
    const ascii = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat({ max: 100_000 }), { maxLength: 12 }),
        (commands, cuts) => {
          const { frontend, transport, receive } = newFrontend();
          const vectors = commands.map((vector) => ['echo', ...vector.map(ascii)]);
          const stream = vectors.map((vector) => command(...vector)).join('');
          let at = 0;
          for (const cut of [...cuts, stream.length]) {
            const end = Math.min(stream.length, at + cut);
            if (end > at) receive(stream.slice(at, end));
            at = end;
            frontend.turn();
          }
          assert.equal(transport.sent, vectors.map((vector) => bulk(vector.join(','))).join(''));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('receives the rest of a large argument straight into its place', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    const value = 'v'.repeat(200_000);
    const stream = command('set', 'key', value) + command('after');
    receive(stream.slice(0, 16_384));
    assert.notEqual(transport.into, null);
    assert.equal(transport.into!.length, stream.indexOf('*1') - 16_384);
    receive(stream.slice(16_384));
    frontend.turn();
    assert.deepEqual(runner.ran, [['set', 'key', value], ['after']]);
  });

  it('tries a command again whose shard was taken, and keeps those behind it waiting', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    runner.busy = 2;
    receive(command('one') + command('two'));
    receive(command('three'));
    assert.deepEqual(runner.ran, []);
    for (let turn = 0; turn < 4; turn++) frontend.turn();
    assert.equal(transport.sent, bulk('one') + bulk('two') + bulk('three'));
  });

  it('keeps a whole command that was assembled from pieces until its shard is free', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    const text = command('one', 'x'.repeat(50));
    receive(text.slice(0, 20));
    runner.busy = 1;
    receive(text.slice(20) + command('two'));
    receive(command('three'));
    assert.deepEqual(runner.ran, []);
    for (let turn = 0; turn < 3; turn++) frontend.turn();
    assert.equal(transport.sent, bulk(`one,${'x'.repeat(50)}`) + bulk('two') + bulk('three'));
  });

  it('holds a suspended client back until its reply is there', () => {
    const { frontend, transport, receive, session, runner } = newFrontend();
    receive(command('wait') + command('two'));
    receive(command('three'));
    frontend.turn();
    assert.equal(transport.sent, '');
    session.suspended = false;
    frontend.resume(session, () => runner.reply.bulkBinary('waited'));
    frontend.turn();
    assert.equal(transport.sent, bulk('waited') + bulk('two') + bulk('three'));
  });

  it('gives a slow reader everything in order, however little it takes', () => {
    const { frontend, transport, receive } = newFrontend();
    let expected = '';
    for (let i = 0; i < 60; i++) {
      transport.takes = (i * 7) % 40;
      const word = `${i}`.repeat(30);
      receive(command('echo', word));
      expected += bulk(`echo,${word}`);
      frontend.turn();
      transport.completions();
      if (i % 3 === 0) transport.drain();
    }
    transport.takes = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 200; i++) {
      transport.completions();
      transport.drain();
      frontend.turn();
    }
    assert.equal(transport.sent, expected);
  });

  it('closes after the last reply has gone out, and runs nothing behind QUIT', () => {
    const { frontend, transport, receive, runner } = newFrontend();
    transport.takes = 4;
    receive(command('quit') + command('never'));
    frontend.turn();
    assert.equal(transport.closed, false);
    transport.completions();
    frontend.turn();
    frontend.turn();
    assert.equal(transport.closed, false);
    transport.drain();
    assert.equal(transport.closed, true);
    assert.equal(transport.sent, bulk('quit'));
    assert.deepEqual(runner.ran, [['quit']]);
  });

  it('answers a protocol error and closes', () => {
    const { frontend, transport, receive } = newFrontend();
    receive(`${command('one')}*1\r\n:x\r\n`);
    for (let turn = 0; turn < 3; turn++) frontend.turn();
    assert.equal(transport.sent, `${bulk('one')}-ERR Protocol error: expected '$', got ':'\r\n`);
    assert.equal(transport.closed, true);
  });

  it('makes room for replies that are larger than the arena', () => {
    const { frontend, transport, receive } = newFrontend();
    const word = 'y'.repeat(900_000);
    for (let i = 0; i < 3; i++) receive(command('echo', word));
    for (let i = 0; i < 6; i++) {
      frontend.turn();
      transport.drain();
    }
    assert.equal(transport.sent.length, 3 * bulk(`echo,${word}`).length);
  });
});
