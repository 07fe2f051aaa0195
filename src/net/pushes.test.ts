/** Bytes that clients get outside of their commands: order, sharing, slow readers, those that are gone. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { DONE, SUSPENDED } from '../base/outcome.js';
import { Region, toBinary } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { Frontend } from './frontend.js';
import { type FrontendPolicy, NO_OUTPUT_LIMIT } from './policy.js';
import type { CommandRunner } from './runner.js';
import { bulk, command, FakeSession, QUIET_RUNNER, quietPolicy } from './testing.js';
import { ClientsTransport } from './testing-clients.js';

const newRegion = (bytes: number) => new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0);

let transport: ClientsTransport;
let frontend: Frontend<FakeSession>;
let sessions: FakeSession[];
let policy: {
  -readonly [Key in keyof FrontendPolicy<FakeSession>]: FrontendPolicy<FakeSession>[Key];
};

function textRegion(text: string): Region {
  const region = newRegion(text.length);
  region.bytes.set(Buffer.from(text, 'latin1'));
  return region;
}

function push(slot: number, text: string): boolean {
  return frontend.push(sessions[slot]!, textRegion(text), 0, text.length);
}

/** 'push N text' writes the text to client N while it runs, then answers; 'wait' suspends. */
function runner(reply: Reply): CommandRunner<FakeSession> {
  return {
    ...QUIET_RUNNER,
    dispatch(session: FakeSession, args: Arguments): number {
      const words = Array.from({ length: args.count }, (_, i) =>
        toBinary(args.region, args.offset[i]!, args.length[i]!),
      );
      if (words[0] === 'wait') {
        session.suspended = true;
        return SUSPENDED;
      }
      if (words[0] === 'push') {
        for (const slot of words[1]!.split(',')) push(Number(slot), words[2]!);
      }
      reply.bulkBinary(words.join(','));
      return DONE;
    },
  };
}

beforeEach(() => {
  transport = new ClientsTransport();
  sessions = [];
  policy = {
    ...quietPolicy((slot) => {
      const session = new FakeSession(slot);
      sessions.push(session);
      return session;
    }),
    outputLimits: [NO_OUTPUT_LIMIT, { hardBytes: 100_000, softBytes: 0, softMs: 0 }],
    queryBytesMax: 1 << 20,
  };
  const reply = new Reply(newRegion(64));
  frontend = new Frontend(transport.asTransport, runner(reply), reply, policy, newRegion);
  transport.handler = frontend;
  for (let i = 0; i < 3; i++) transport.connect();
});

const sent = (slot: number): string => transport.peers[slot]!.sent;

test('a push between turns goes out with the turn', () => {
  assert.ok(push(0, 'one'));
  assert.ok(push(0, 'two'));
  transport.turn();
  assert.equal(sent(0), 'onetwo');
});

test("a push stands behind the client's replies so far, and before those of later commands", () => {
  transport.receive(1, command('a'));
  transport.receive(0, command('push', '1', '<m>'));
  transport.receive(1, command('b'));
  transport.settle();
  assert.equal(sent(1), `${bulk('a')}<m>${bulk('b')}`);
  assert.equal(sent(0), bulk('push,1,<m>'));
});

test('a client that pushes to itself gets the message before the reply of that command', () => {
  transport.receive(0, command('a') + command('push', '0', '<m>') + command('b'));
  transport.settle();
  assert.equal(sent(0), `${bulk('a')}<m>${bulk('push,0,<m>')}${bulk('b')}`);
});

test('one message for many is stored once', () => {
  const regions = new Set<string>();
  const send = transport.send.bind(transport);
  transport.send = (slot, region, offset, length) => {
    regions.add(`${offset}+${length}`);
    send(slot, region, offset, length);
  };
  for (let i = 0; i < 5; i++) {
    const text = `message ${i}`;
    frontend.stage(textRegion(text), 0, text.length);
    for (const session of sessions) assert.ok(frontend.pushStaged(session));
  }
  transport.turn();
  for (let slot = 0; slot < 3; slot++) {
    assert.equal(sent(slot), 'message 0message 1message 2message 3message 4');
  }
  assert.equal(regions.size, 1);
});

test('a client that is gone gets nothing, and who pushes hears it', () => {
  frontend.endSession(sessions[1]!);
  assert.equal(push(1, 'x'), false);
  assert.ok(push(2, 'y'));
  frontend.endSession(sessions[2]!);
  transport.settle();
  assert.equal(sent(1) + sent(2), '');
});

test('a client that waits for a command gets pushes meanwhile, and its reply after them', () => {
  transport.receive(0, command('wait') + command('next'));
  push(0, '<m>');
  transport.turn();
  assert.equal(sent(0), '<m>');
  sessions[0]!.suspended = false;
  frontend.resume(sessions[0]!, () => {});
  transport.settle();
  assert.equal(sent(0), `<m>${bulk('next')}`);
});

test('a slow reader keeps its messages in order, up to the limit of its class', () => {
  transport.peers[0]!.takes = 2;
  transport.peers[1]!.takes = 0;
  (sessions[1] as { outputClass: number }).outputClass = 1;
  const long = 'x'.repeat(40_000);
  for (let i = 0; i < 5; i++) {
    frontend.stage(textRegion(`${i}${long}`), 0, long.length + 1);
    for (const session of sessions) frontend.pushStaged(session);
    transport.turn();
  }
  assert.ok(transport.peers[1]!.closed);
  assert.equal(policy.traffic.outputLimitClosed, 1);
  transport.settle();
  const all = [0, 1, 2, 3, 4].map((i) => `${i}${long}`).join('');
  assert.equal(sent(0), all);
  assert.equal(sent(2), all);
});

test('whatever is pushed and answered, each client gets all of it in order', () => {
  const step = fc.record({
    kind: fc.constantFrom('push', 'command', 'commands', 'turn', 'drain', 'slow'),
    slot: fc.nat({ max: 2 }),
    to: fc.subarray([0, 1, 2], { minLength: 1 }),
    length: fc.oneof(fc.nat({ max: 50 }), fc.integer({ min: 1000, max: 90_000 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const base = sessions.length;
      for (let i = 0; i < 3; i++) transport.connect();
      const expected = ['', '', ''];
      let number = 0;
      for (const { kind, slot, to, length } of steps) {
        const text = `<${number++}${'m'.repeat(length)}>`;
        if (kind === 'push') {
          frontend.stage(textRegion(text), 0, text.length);
          for (const other of to) {
            frontend.pushStaged(sessions[base + other]!);
            expected[other] += text;
          }
        } else if (kind === 'command' || kind === 'commands') {
          const places = to.map((other) => base + other).join(',');
          const one = command('push', places, text);
          transport.receive(base + slot, kind === 'command' ? one : one + command('end'));
          for (const other of to) expected[other] += text;
          expected[slot] += bulk(`push,${places},${text}`);
          if (kind === 'commands') expected[slot] += bulk('end');
        } else if (kind === 'turn') transport.turn();
        else if (kind === 'drain') transport.drain(base + slot);
        else transport.peers[base + slot]!.takes = length;
      }
      transport.settle();
      for (let i = 0; i < 3; i++) assert.equal(sent(base + i), expected[i]);
    }),
    { numRuns: 200 },
  );
});
