/** A client that sends very much gets a part of each turn, and the others of its thread theirs. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { DONE, PAUSED } from '../base/outcome.js';
import { Region, toBinary } from '../base/region.js';
import type { Arguments } from '../protocol/parser.js';
import { Reply } from '../protocol/reply.js';
import { TURN_COMMANDS, TURN_INPUT_BYTES, TURN_MICROS, TURN_MS } from './client-input.js';
import { Frontend } from './frontend.js';
import type { FrontendPolicy } from './policy.js';
import type { CommandRunner } from './runner.js';
import { bulk, command, FakeSession, QUIET_RUNNER, quietPolicy } from './testing.js';
import { ClientsTransport } from './testing-clients.js';

const MEBIBYTE = 1 << 20;
const newRegion = (bytes: number) => new Region(new SharedArrayBuffer(bytes), 0);

let transport: ClientsTransport;
let frontend: Frontend<FakeSession>;
/** The last words of commands, in the order in which they ran. */
let ran: string[];
let outcome: number;
/** What the clock shows; 'cold' takes a hundredth of a client's time by it, which nobody adds up. */
let nowMs: number;
let closings: number;
let greedy: number;
let other: number;

/** 'silent' replies nothing, 'slow' takes a quarter of a client's time; the last word is echoed. */
function runner(reply: Reply): CommandRunner<FakeSession> {
  return {
    ...QUIET_RUNNER,
    dispatch(_session: FakeSession, args: Arguments) {
      if (outcome !== DONE) return outcome;
      const word = (i: number) => toBinary(args.region, args.offset[i]!, args.length[i]!);
      const [verb, last] = [word(0), word(args.count - 1)];
      ran.push(last);
      if (verb === 'slow') this.workedMicros += TURN_MICROS / 4;
      if (verb === 'cold') nowMs += TURN_MS / 100;
      if (verb !== 'silent') reply.bulkBinary(last);
      return DONE;
    },
  };
}

beforeEach(() => {
  nowMs = 1;
  mock.method(performance, 'now', () => nowMs);
  transport = new ClientsTransport();
  ran = [];
  outcome = DONE;
  closings = 0;
  const policy: FrontendPolicy<FakeSession> = {
    ...quietPolicy((slot) => new FakeSession(slot)),
    queryBytesMax: MEBIBYTE,
    queryLimitReached: () => closings++,
  };
  const reply = new Reply(newRegion(64));
  frontend = new Frontend(transport.asTransport, runner(reply), reply, policy, newRegion);
  transport.handler = frontend;
  greedy = transport.connect();
  other = transport.connect();
});

afterEach(() => mock.restoreAll());

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));
const flood = (verb: string, words: string[]) => words.map((word) => command(verb, word)).join('');

/** Commands of the greedy client before the other's, which comes last. @returns how many */
function ranBefore(): number {
  transport.receive(other, command('echo', 'mine'));
  const at = ran.indexOf('mine');
  assert.ok(at >= 0, 'who has not had its part of the turn is served at once');
  return at;
}

for (const verb of ['silent', 'echo']) {
  test(`very many short commands are run in parts, ${verb}`, () => {
    const words = numbers(50_000);
    transport.receiveLong(greedy, flood(verb, words));
    assert.equal(ranBefore(), TURN_COMMANDS);
    for (let turns = 1; turns < 10; turns++) {
      assert.equal(transport.turn(), 0);
      assert.ok(ran.length <= (turns + 1) * TURN_COMMANDS + 1);
      assert.ok(ran.length > turns * TURN_COMMANDS);
    }
    assert.equal(transport.peers[other]!.sent, bulk('mine'));
    transport.settle();
    assert.deepEqual(
      ran.filter((word) => word !== 'mine'),
      words,
    );
    assert.equal(transport.peers[greedy]!.sent, verb === 'echo' ? words.map(bulk).join('') : '');
  });
}

test('commands that take long are run in parts of the time that they take', () => {
  transport.receiveLong(greedy, flood('slow', numbers(1000)));
  assert.equal(ranBefore(), 4);
  transport.turn();
  assert.equal(ran.length, 4 + 1 + 4);
  transport.settle();
  assert.equal(transport.peers[greedy]!.sent, numbers(1000).map(bulk).join(''));
});

test('short commands that take long all the same are run in parts of the time that passes', () => {
  transport.receiveLong(greedy, flood('cold', numbers(1000)));
  const most = 100 + 2 * 32;
  assert.ok(ranBefore() <= most);
  for (let turns = 2; turns < 6; turns++) {
    transport.turn();
    assert.ok(ran.length > (turns - 1) * 100 && ran.length <= turns * most);
  }
  transport.settle();
  assert.equal(transport.peers[greedy]!.sent, numbers(1000).map(bulk).join(''));
});

test('long commands are run in parts of their bytes', () => {
  const words = numbers(400).map((word) => word.padStart(10_000, 'x'));
  transport.receiveLong(greedy, flood('silent', words));
  const most = Math.ceil(TURN_INPUT_BYTES / 10_000) + 2;
  assert.ok(ranBefore() <= most);
  transport.settle();
  assert.equal(ran.length, 401);
});

test('what waits for further turns stays with the transport: a client may send more than may wait', () => {
  // Four times client-query-buffer-limit, at the pace of four commands a turn.
  transport.receiveLong(greedy, flood('slow', numbers(1000)).repeat(120));
  const connection = frontend.connections.get(greedy)!;
  for (let turns = 0; turns < 100; turns++) {
    transport.turn();
    assert.ok(connection.inputBytes <= 2 * 16384);
  }
  assert.equal(closings, 0);
  assert.equal(transport.peers[greedy]!.closed, false);
});

test('so does what comes while the replies of a turn are enough', () => {
  const text = command('echo', 'y'.repeat(1000)).repeat(1200);
  for (let i = 0; i < 4; i++) {
    transport.receiveLong(greedy, text);
    transport.turn();
    assert.ok(frontend.connections.get(greedy)!.inputBytes <= 2 * 16384);
  }
  transport.settle();
  assert.equal(closings, 0);
  assert.equal(ran.length, 4 * 1200);
});

test('what a client has sent while it was held is run in parts as well', () => {
  outcome = PAUSED;
  const words = numbers(20_000);
  transport.receiveLong(greedy, flood('silent', words));
  outcome = DONE;
  frontend.resumePaused();
  assert.equal(ran.length, TURN_COMMANDS);
  assert.equal(ranBefore(), TURN_COMMANDS);
  transport.settle();
  assert.deepEqual(
    ran.filter((word) => word !== 'mine'),
    words,
  );
});
