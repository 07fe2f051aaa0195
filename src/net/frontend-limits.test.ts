/** How much may wait, going in and coming out, and in which order it goes on. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { DEFERRED, DONE, PAUSED, SUSPENDED } from '../base/outcome.js';
import { installPageRelease } from '../base/page-release.js';
import { Region, toBinary } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { Frontend } from './frontend.js';
import { type FrontendPolicy, NO_OUTPUT_LIMIT } from './policy.js';
import type { CommandRunner } from './runner.js';
import { bulk, command, FakeSession, quietPolicy } from './testing.js';
import { ClientsTransport } from './testing-clients.js';

const MEBIBYTE = 1 << 20;

const newRegion = (bytes: number) => new Region(new SharedArrayBuffer(bytes), 0);

let transport: ClientsTransport;
let frontend: Frontend<FakeSession>;
let sessions: FakeSession[];
let closings: string[];
/** What the closed clients have reached. */
let bounds: string[];
let outcome: number;
let nowMs: number;
let dispatched: number;
let policy: {
  -readonly [Key in keyof FrontendPolicy<FakeSession>]: FrontendPolicy<FakeSession>[Key];
};

beforeEach(() => {
  // As the system does it: what is given back reads as zeroes.
  installPageRelease((region, offset, length) => region.bytes.fill(0, offset, offset + length));
  transport = new ClientsTransport();
  sessions = [];
  closings = [];
  bounds = [];
  outcome = DONE;
  nowMs = 1;
  dispatched = 0;
  policy = {
    ...quietPolicy((slot) => {
      const session = new FakeSession(slot);
      sessions.push(session);
      return session;
    }),
    queryBytesMax: MEBIBYTE,
    queryLimitReached: (_, begin, bound) => {
      closings.push(begin);
      bounds.push(bound);
    },
    log: (level, text) => closings.push(`${level}: ${text}`),
  };
  const reply = new Reply(newRegion(64));
  frontend = new Frontend(transport.asTransport, runner(reply), reply, policy, newRegion);
  transport.handler = frontend;
});

/** 'big n' answers n MiB of the client's number; everything else is echoed. */
function runner(reply: Reply): CommandRunner<FakeSession> {
  return {
    get now() {
      return nowMs;
    },
    beginRun() {},
    endRun() {},
    dispatch(session: FakeSession, args: Arguments): number {
      dispatched++;
      if (outcome !== DONE) {
        session.suspended = outcome === SUSPENDED;
        return outcome;
      }
      const words = Array.from({ length: Math.min(args.count, 4) }, (_, i) =>
        toBinary(args.region, args.offset[i]!, Math.min(args.length[i]!, 64)),
      );
      if (words[0] === 'big') reply.bulkBinary(bigText(session.connection, Number(words[1])));
      else reply.bulkBinary(words.join(','));
      return DONE;
    },
  };
}

const texts = new Map<string, string>();
function bigText(slot: number, mebibytes: number): string {
  const key = `${slot} ${mebibytes}`;
  const text = texts.get(key) ?? String(slot).repeat(mebibytes * MEBIBYTE);
  texts.set(key, text);
  return text;
}

function isClosed(slot: number): boolean {
  return transport.peers[slot]!.closed;
}

test('a client that pipelines behind a command that waits is closed at its query buffer limit', () => {
  const slot = transport.connect();
  outcome = SUSPENDED;
  transport.receive(slot, command('wait'));
  outcome = DONE;
  const text = command('set', 'k', 'x'.repeat(1000));
  let sent = 0;
  while (!isClosed(slot) && sent < 2 * MEBIBYTE) {
    transport.receive(slot, text);
    sent += text.length;
  }
  assert.ok(sent > MEBIBYTE && sent <= MEBIBYTE + text.length, `closed after ${sent} bytes`);
  assert.deepEqual(closings, [text.slice(0, 64)]);
  assert.equal(frontend.connections.size, 0);
});

test('so is one whose argument is longer, whatever it has announced', () => {
  const slot = transport.connect();
  transport.receive(slot, '*3\r\n$3\r\nset\r\n$1\r\nk\r\n$100000000\r\n');
  for (let i = 0; i < 1024; i++) transport.receive(slot, 'x'.repeat(1024));
  assert.equal(isClosed(slot), false);
  transport.receive(slot, 'x');
  assert.equal(isClosed(slot), true);
  assert.deepEqual(closings, ['x'.repeat(64)]);
  assert.deepEqual(bounds, ['max query buffer length']);
});

test('whole arguments of a command do not count, nor do commands that have run', () => {
  const slot = transport.connect();
  const value = 'x'.repeat(500_000);
  const mset = command('mset', 'a', value, 'b', value, 'c', value, 'd', value);
  for (let at = 0; at < mset.length; at += 16384) {
    transport.receive(slot, mset.slice(at, at + 16384));
  }
  for (let i = 0; i < 5; i++) transport.receive(slot, command('set', 'a', value));
  assert.equal(isClosed(slot), false);
  assert.equal(dispatched, 6);
});

test('so do very many arguments, whatever they take', () => {
  const slot = transport.connect();
  transport.receive(slot, `*2000000000\r\n$1\r\na\r\n$1`);
  const { args } = frontend.connections.get(slot)!.partial!.parser;
  args.count = 1 << 26;
  transport.receive(slot, '\r');
  assert.equal(isClosed(slot), false);
  args.count++;
  transport.receive(slot, '\n');
  assert.equal(isClosed(slot), true);
  assert.deepEqual(bounds, ['67108864 arguments of a command']);
});

test('what a transaction has queued counts', () => {
  const slot = transport.connect();
  sessions[0]!.queuedBytes = MEBIBYTE;
  transport.receive(slot, command('a'));
  assert.equal(isClosed(slot), false, 'a whole command is run');
  transport.receive(slot, '*1\r\n$3\r\nab');
  assert.equal(isClosed(slot), true);
});

test('before it has authenticated, a client may let less wait', () => {
  const slot = transport.connect();
  policy.queryBytesMax = 1024 * MEBIBYTE;
  sessions[0]!.authenticated = false;
  outcome = PAUSED;
  for (let i = 0; i < 110; i++) {
    if (!isClosed(slot)) transport.receive(slot, command('set', 'k', 'x'.repeat(10_000)));
  }
  assert.equal(isClosed(slot), true);
});

test('deferred clients are tried at their own times, paused ones are left alone', () => {
  const [paused, deferred] = [transport.connect(), transport.connect()];
  outcome = PAUSED;
  transport.receive(paused, command('paused'));
  outcome = DEFERRED;
  transport.receive(deferred, command('deferred'));
  assert.equal(frontend.pausedCount, 1);
  const tries: number[] = [];
  for (; nowMs < 60; nowMs++) {
    dispatched = 0;
    const waitMs = transport.turn();
    assert.ok(waitMs > 0 && waitMs <= 8, `waits ${waitMs} ms`);
    if (dispatched > 0) tries.push(nowMs);
  }
  assert.deepEqual(tries, [2, 4, 8, 16, 24, 32, 40, 48, 56]);
  assert.equal(frontend.pausedCount, 1);
  outcome = DONE;
  nowMs = 64;
  transport.settle();
  assert.equal(transport.peers[deferred]!.sent, bulk('deferred'));
  assert.equal(transport.peers[paused]!.sent, '');
  frontend.resumePaused();
  transport.settle();
  assert.equal(transport.peers[paused]!.sent, bulk('paused'));
});

test('a deferred client gets its other commands answered behind the one that waits', () => {
  const slot = transport.connect();
  outcome = DEFERRED;
  const text = command('one', 'x'.repeat(50_000));
  transport.receive(slot, text.slice(0, 20_000));
  transport.receive(slot, text.slice(20_000) + command('two'));
  transport.receive(slot, command('three'));
  outcome = DONE;
  for (; nowMs < 10; nowMs++) transport.turn();
  assert.match(transport.peers[slot]!.sent, /^\$\d+\r\none,x+\r\n\$3\r\ntwo\r\n\$5\r\nthree\r\n$/);
});

test('a pipeline with far more replies than fit in one place gets all of them in order', () => {
  const slot = transport.connect();
  const sizes = [3, 1, 7, 20, 1, 17, 5, 9, 2, 33, 1, 1];
  const texts = sizes.map((size) => command('big', String(size)) + command('then', String(size)));
  transport.receive(slot, texts.join(''));
  transport.settle();
  transport.receive(slot, command('end'));
  transport.settle();
  const expected = sizes.map((size) => bulk(bigText(slot, size)) + bulk(`then,${size}`));
  assert.ok(transport.peers[slot]!.sent === expected.join('') + bulk('end'));
});

test('a client over its output limit is closed in the middle of its pipeline', () => {
  const slot = transport.connect();
  policy.outputLimits = [{ ...NO_OUTPUT_LIMIT, hardBytes: 40 * MEBIBYTE }];
  transport.receive(slot, command('big', '20').repeat(40));
  assert.equal(isClosed(slot), true);
  assert.ok(dispatched < 10, `${dispatched} commands were run`);
  assert.equal(policy.traffic.outputLimitClosed, 1);
});

test('large replies to slow readers in one turn do not touch each other', () => {
  const slots = [transport.connect(), transport.connect(), transport.connect()];
  for (const slot of slots) {
    transport.peers[slot]!.takes = 1000;
    transport.receive(slot, command('big', '1') + command('a'));
  }
  for (const slot of slots) transport.receive(slot, command('big', '2') + command('b'));
  for (let i = 0; i < 3; i++) transport.turn();
  // One after the other reads all it can get.
  for (const slot of slots) {
    while (transport.drain(slot)) transport.turn();
  }
  transport.settle();
  for (const slot of slots) {
    const expected = bulk(bigText(slot, 1)) + bulk('a') + bulk(bigText(slot, 2)) + bulk('b');
    assert.ok(transport.peers[slot]!.sent === expected, `client ${slot}`);
  }
});

test('nor do short replies that are written behind a large one', () => {
  const slots = [transport.connect(), transport.connect(), transport.connect()];
  const requests = [command('big', '1'), command('short'), command('word')];
  for (const slot of slots) {
    transport.peers[slot]!.takes = 3;
    transport.receive(slot, requests[slot]!);
  }
  for (let i = 0; i < 3; i++) transport.turn();
  for (const slot of slots) while (transport.drain(slot)) transport.turn();
  assert.ok(transport.peers[0]!.sent === bulk(bigText(0, 1)));
  assert.equal(transport.peers[1]!.sent, bulk('short'));
  assert.equal(transport.peers[2]!.sent, bulk('word'));
});
