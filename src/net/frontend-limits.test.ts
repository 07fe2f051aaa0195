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
import { bulk, command, FakeSession, QUIET_RUNNER, quietPolicy } from './testing.js';
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
/** Large regions made since the frontend was. */
let made: number;
/** All regions made since. */
let regions: Region[] = [];
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
  const counting = (bytes: number) => {
    if (bytes >= MEBIBYTE) made++;
    const region = newRegion(bytes);
    regions.push(region);
    return region;
  };
  frontend = new Frontend(transport.asTransport, runner(reply), reply, policy, counting);
  made = 0;
  regions = [];
  transport.handler = frontend;
});

/** 'big n' answers n MiB of the client's number, 'some n' n KiB; everything else is echoed. */
function runner(reply: Reply): CommandRunner<FakeSession> {
  return {
    ...QUIET_RUNNER,
    get now() {
      return nowMs;
    },
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
      else if (words[0] === 'some') reply.bulkBinary('s'.repeat(Number(words[1]) * 1024));
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
  transport.settle();
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

test('paused clients that go are forgotten, and the others go on in the order in which they came', () => {
  const slots = Array.from({ length: 4 }, () => transport.connect());
  outcome = PAUSED;
  for (const slot of slots) transport.receive(slot, command(`of ${slot}`));
  assert.equal(frontend.pausedCount, 4);
  assert.ok(sessions.every((session) => frontend.isHeldBack(session)));
  frontend.closed(slots[1]!, 0);
  assert.equal(frontend.pausedCount, 3);
  assert.equal(frontend.isHeldBack(sessions[1]!), false);
  outcome = DONE;
  const order: string[] = [];
  for (const slot of slots) {
    const peer = transport.peers[slot]!;
    let sent = '';
    Object.defineProperty(peer, 'sent', {
      get: () => sent,
      set: (text: string) => {
        sent = text;
        order.push(text);
      },
    });
  }
  frontend.resumePaused();
  transport.settle();
  assert.deepEqual(
    order,
    [0, 2, 3].map((slot) => bulk(`of ${slot}`)),
  );
  assert.equal(frontend.pausedCount, 0);
});

test('a client is not silent while it waits, nor in the turn of its answer, nor from there on', () => {
  const slot = transport.connect();
  outcome = PAUSED;
  transport.receive(slot, command('paused'));
  const [session] = sessions as [FakeSession];
  nowMs = 5000;
  transport.turn();
  assert.equal(frontend.isHeldBack(session), true);
  outcome = DONE;
  frontend.resumePaused();
  const seen: boolean[] = [];
  policy.background = () => {
    seen.push(frontend.isHeldBack(session));
    return 100;
  };
  transport.turn();
  assert.deepEqual(seen, [true], 'its answer goes out at the end of the turn');
  assert.equal(transport.peers[slot]!.sent, bulk('paused'));
  assert.equal(frontend.isHeldBack(session), false);
  assert.equal(session.lastInteractionMs, 5000);
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
  transport.peers[slot]!.takes = 0;
  transport.receive(slot, command('big', '20').repeat(40));
  for (let turns = 0; turns < 40 && !isClosed(slot); turns++) transport.turn();
  assert.equal(isClosed(slot), true);
  assert.ok(dispatched < 10, `${dispatched} commands were run`);
  assert.equal(policy.traffic.outputLimitClosed, 1);
});

test('a client over its soft limit is closed in time though nothing more is sent to it', () => {
  const [slow, quick] = [transport.connect(), transport.connect()];
  policy.outputLimits = [{ hardBytes: 0, softBytes: MEBIBYTE, softMs: 2000 }];
  for (const slot of [slow, quick]) {
    transport.peers[slot]!.takes = 0;
    transport.receive(slot, command('big', '2'));
  }
  transport.turn();
  while (transport.drain(quick)) transport.turn();
  nowMs += 2000;
  frontend.everySecond();
  assert.equal(isClosed(slow), false);
  nowMs += 1;
  frontend.everySecond();
  assert.deepEqual([isClosed(slow), isClosed(quick)], [true, false]);
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

test('large replies to many clients take turns: a turn that has replies enough runs no command more', () => {
  const slots = Array.from({ length: 9 }, () => transport.connect());
  for (const slot of slots) transport.peers[slot]!.takes = 1000;
  for (const slot of slots) transport.receive(slot, command('big', '6').repeat(2) + command('end'));
  assert.equal(dispatched, 1);
  // What a client sends meanwhile stays behind what waits.
  for (const slot of slots) transport.receive(slot, command('more'));
  for (let i = 0; i < 9 * 4; i++) assert.ok(transport.turn() === 0 || dispatched === 9 * 4);
  assert.equal(dispatched, 9 * 4);
  for (const slot of slots) while (transport.drain(slot)) transport.turn();
  transport.settle();
  for (const slot of slots) {
    const expected = bulk(bigText(slot, 6)).repeat(2) + bulk('end') + bulk('more');
    assert.ok(transport.peers[slot]!.sent === expected, `client ${slot}`);
  }
});

test('replies of some hundred KiB to many clients share the arena of their turn', () => {
  const slots = Array.from({ length: 20 }, () => transport.connect());
  for (const slot of slots) transport.receive(slot, command('some', '100'));
  // 512 KiB are enough for a turn: six of these. The first ones go out before the next are written.
  for (const expected of [6, 6, 12, 18, 20]) {
    assert.equal(dispatched, expected);
    transport.turn();
  }
  for (const slot of slots) assert.equal(transport.peers[slot]!.sent.length, 100 * 1024 + 11);
  assert.equal(made, 0, 'no region was made for a reply');
});

test('who waits for a turn with room is served before those who come later', () => {
  const [greedy, other] = [transport.connect(), transport.connect()];
  transport.receive(greedy, command('big', '1'));
  transport.receive(other, command('short'));
  assert.equal(dispatched, 1);
  for (let i = 0; i < 3; i++) {
    transport.turn();
    transport.receive(greedy, command('big', '1'));
  }
  transport.turn();
  assert.equal(transport.peers[other]!.sent, bulk('short'));
  transport.settle();
  assert.ok(transport.peers[greedy]!.sent === bulk(bigText(greedy, 1)).repeat(4));
});

test('memory for large replies goes back when they are sent and when no others follow', () => {
  const given = new Map<Region, number>();
  installPageRelease((region, offset, length) => {
    region.bytes.fill(0, offset, offset + length);
    given.set(region, (given.get(region) ?? 0) + length);
  });
  const released = () => [...given.values()].reduce((sum, bytes) => sum + bytes, 0);
  const slot = transport.connect();
  transport.peers[slot]!.takes = 4 * MEBIBYTE;
  transport.receive(slot, command('big', '6'));
  transport.turn();
  // All that is left of the region of 8 MiB is what the reader has not taken.
  assert.ok(released() >= 5 * MEBIBYTE, `${released()} bytes`);
  while (transport.drain(slot)) transport.turn();
  assert.ok(transport.peers[slot]!.sent === bulk(bigText(slot, 6)));
  given.clear();
  transport.peers[slot]!.takes = 100 * MEBIBYTE;
  transport.receive(slot, command('big', '2'));
  for (let i = 0; i < 3; i++) transport.turn();
  frontend.everySecond();
  assert.equal(released(), 0);
  frontend.everySecond();
  assert.ok(released() >= 4 * MEBIBYTE, `${released()} bytes`);
});

test('what many clients have sent of commands that never became whole goes back when they are gone', () => {
  const given = new Set<Region>();
  installPageRelease((region) => given.add(region));
  const slots = Array.from({ length: 400 }, () => transport.connect());
  const half = `*3\r\n$3\r\nset\r\n$1\r\nk\r\n$60000\r\n${'x'.repeat(40_000)}`;
  for (const slot of slots) {
    transport.receive(slot, half.slice(0, 10_000));
    transport.receive(slot, half.slice(10_000));
  }
  for (const slot of slots) frontend.closed(slot, 0);
  frontend.everySecond();
  frontend.everySecond();
  assert.ok(regions.length > slots.length);
  const kept = regions.filter((region) => !given.has(region));
  assert.deepEqual(
    kept.map(({ length }) => length),
    [],
  );
});

test('what a client that is ended was being sent stays as it is until the transport has let go of it', () => {
  const slot = transport.connect();
  transport.peers[slot]!.takes = MEBIBYTE;
  transport.receive(slot, command('big', '3'));
  transport.turn();
  const order: string[] = [];
  installPageRelease(() => order.push('given back'));
  const close = transport.close.bind(transport);
  transport.close = (closed) => {
    order.push('closed');
    close(closed);
  };
  frontend.endSession(sessions[slot]!);
  assert.equal(order[0], 'closed');
  assert.ok(order.includes('given back'));
});
