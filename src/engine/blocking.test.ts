/**
 * Clients that wait for keys, of two threads over the same shards, step by step: who is served by
 * whom, which tickets are left, and what becomes of those that meet a taken shard.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { DONE, SUSPENDED } from '../base/outcome.js';
import { toBinary } from '../base/region.js';
import { del } from '../commands/generic/del.js';
import { blmove } from '../commands/list/blmove.js';
import { blpop } from '../commands/list/blpop.js';
import { llen } from '../commands/list/llen.js';
import { lpop } from '../commands/list/pop.js';
import { rpush } from '../commands/list/push.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import type { Effect } from '../keyspace/effects.js';
import { WORD_WAITING } from '../keyspace/shard-words.js';
import { Claims } from '../memory/claims.js';
import { ControlBlock } from '../memory/control.js';
import { ControlLayout } from '../memory/control-layout.js';
import { Mailbox } from '../memory/mailbox.js';
import * as counters from './counters.js';
import { BLOCKED_CLIENTS, BLOCKED_WITH_TIMEOUT, BLOCKING_KEYS } from './counters.js';
import { Serving } from './serving.js';
import type { ClientSession } from './session.js';
import {
  checkAll,
  createShards,
  lockedShards,
  replaceData,
  type SharedShards,
  TestEngine,
} from './testing.js';
import { Waits } from './waits.js';

const DEFINITIONS = [blmove, blpop, del, exec, llen, lpop, multi, rpush, set];
const THREADS = 2;
const SHARDS = 8;
const CLIENTS = 6;

/** One thread with its clients, and what they have been answered. */
class Thread {
  readonly engine: TestEngine;
  readonly waits: Waits;
  readonly answers: string[] = [];
  private readonly resumed: { session: ClientSession; write: () => void }[] = [];

  constructor(shared: SharedShards, thread: number, buffers: SharedArrayBuffer[]) {
    this.engine = new TestEngine(shared, thread, DEFINITIONS, CLIENTS);
    const { dispatcher } = this.engine;
    const [mailboxes, claims] = buffers;
    this.mailbox = new Mailbox({
      ...{ buffer: mailboxes!, receivers: THREADS, senders: THREADS, thread },
      wake: () => {},
      failed: (error) => assert.fail(String(error)),
    });
    const parts = {
      claims: new Claims(claims!),
      mailbox: this.mailbox,
      blockingKeys: control.word(BLOCKING_KEYS),
    };
    const serving = new Serving(dispatcher, parts);
    dispatcher.serving = serving;
    this.waits = new Waits({
      ...{ ...parts, thread, dispatcher, serving, control },
      answer: ({ id }, region, offset, length) => {
        this.answers.push(`${id} ${toBinary(region, offset, length)}`);
      },
      resumed: (session, write) => {
        this.resumed.push({
          session,
          write: () => {
            dispatcher.session = session;
            write(dispatcher);
          },
        });
      },
    });
    dispatcher.waits = this.waits;
  }

  readonly mailbox: Mailbox;

  /** A command of a client that waits. */
  blocks(client: number, command: string): void {
    assert.equal(this.engine.dispatch(client, command), SUSPENDED, command);
  }

  run(command: string, client = 0): string {
    assert.equal(this.engine.dispatch(client, command), DONE, command);
    assert.deepEqual(this.engine.failures, []);
    return this.engine.answer;
  }

  /** What a turn does outside of commands. @returns how long it would wait */
  turn(nowMs = 0): number {
    this.mailbox.flush();
    this.mailbox.receive();
    const waitMs = this.waits.background(nowMs);
    const { reply } = this.engine;
    for (const { session, write } of this.resumed.splice(0)) {
      reply.rewind(0);
      write();
      if (reply.length > 0) this.answers.push(`${session.id} ${this.engine.answer}`);
    }
    this.mailbox.flush();
    return waitMs;
  }

  takeAnswers(): string[] {
    return this.answers.splice(0).map((answer) => answer.replaceAll('\r\n', ' ').trim());
  }
}

let control: ControlBlock;
let here: Thread;
let there: Thread;
let pagesBefore: number;

const tickets = () =>
  here.engine.shards.spaces.reduce((sum, { words }) => sum + words[WORD_WAITING]!, 0);
const figures = () =>
  [BLOCKED_CLIENTS, BLOCKED_WITH_TIMEOUT, BLOCKING_KEYS].map((word) => control.word(word).load());
const pages = () => here.engine.shards.spaces.reduce((sum, space) => sum + space.residentPages, 0);

function turns(): void {
  for (let i = 0; i < 4; i++) {
    here.turn();
    there.turn();
  }
}

/** Nothing of any wait is left, and no lock. */
function isOver(): void {
  turns();
  assert.equal(tickets(), 0);
  assert.deepEqual(figures(), [0, 0, 0]);
  assert.deepEqual(lockedShards(here.engine.shards), []);
  checkAll(here.engine.shards);
}

beforeEach(() => {
  const shared = createShards(SHARDS);
  control = ControlBlock.create(new ControlLayout(Object.values(counters)), THREADS, 50);
  const buffers = [Mailbox.createBuffer(THREADS, THREADS), Claims.createBuffer(THREADS)];
  here = new Thread(shared, 0, buffers);
  there = new Thread(shared, 1, buffers);
  pagesBefore = pages();
});

test('clients of several threads are served in the order in which they came', () => {
  here.blocks(1, 'BLPOP a 0');
  there.blocks(2, 'BLPOP a 0');
  here.blocks(3, 'BLPOP b a 0');
  assert.deepEqual(figures(), [3, 0, 2]);
  assert.equal(there.run('RPUSH a 1 2'), ':2\r\n');
  assert.equal(there.run('LLEN a'), ':0\r\n');
  here.run('RPUSH b 3');
  turns();
  assert.deepEqual(here.takeAnswers(), ['3 *2 $1 b $1 3', '1 *2 $1 a $1 1']);
  assert.deepEqual(there.takeAnswers(), ['2 *2 $1 a $1 2']);
  isOver();
});

test('what is taken for a client follows what was pushed, as one transaction of the journal', () => {
  const log: string[] = [];
  const sink = {
    append: ({ region, offset, length }: Effect) => {
      log.push(
        toBinary(region, offset, length)
          .replace(/[^A-Za-z]+/g, ' ')
          .trim(),
      );
    },
    beginTransaction: () => log.push('begin'),
    endTransaction: () => log.push('end'),
  };
  here.engine.dispatcher.keys.effects.sink = sink;
  there.blocks(1, 'BLPOP a 0');
  here.run('RPUSH a x y');
  assert.deepEqual(log.splice(0), ['begin', 'RPUSH a x y', 'LPOP a', 'end']);
  here.run('RPUSH a z');
  assert.deepEqual(log.splice(0), ['RPUSH a z']);
  here.run('DEL a');
  log.length = 0;
  there.blocks(2, 'BLMOVE a b LEFT LEFT 0');
  here.run('RPUSH a m');
  assert.deepEqual(log.splice(0), ['begin', 'RPUSH a m', 'LPUSH b m', 'DEL a', 'end']);
  there.blocks(3, 'BLPOP c 0');
  for (const command of ['MULTI', 'RPUSH c x', 'RPUSH c y']) here.run(command);
  here.run('EXEC');
  assert.deepEqual(log, ['begin', 'RPUSH c x', 'RPUSH c y', 'LPOP c', 'end']);
  isOver();
});

test('a client that leaves before it is claimed is passed over, one that leaves after is not', () => {
  here.blocks(1, 'BLPOP a 0');
  here.blocks(2, 'BLPOP a b 0');
  here.engine.sessions[1]!.cancelSuspension!('closed');
  there.run('RPUSH a x');
  here.engine.sessions[2]!.cancelSuspension!('closed');
  assert.equal(there.run('LLEN a'), ':0\r\n');
  turns();
  assert.deepEqual(here.takeAnswers(), []);
  isOver();
});

test('a slot that is used again is not served for its earlier wait', () => {
  here.blocks(1, 'BLPOP a b 0');
  const shard = shardOf('b');
  there.engine.shards.lock(shard);
  here.engine.sessions[1]!.cancelSuspension!('closed');
  here.turn();
  assert.equal(tickets(), 1, 'its shard is taken');
  there.engine.shards.unlock(shard);
  here.blocks(2, 'BLPOP c 0');
  there.run('RPUSH b x');
  assert.equal(there.run('LLEN b'), ':1\r\n');
  turns();
  assert.deepEqual(here.takeAnswers(), []);
  there.run('RPUSH c y');
  turns();
  assert.deepEqual(here.takeAnswers(), ['2 *2 $1 c $1 y']);
  isOver();
});

function shardOf(key: string): number {
  const { dispatcher, shards } = here.engine;
  const { region } = dispatcher.reply;
  region.bytes.set(Buffer.from(key), 2000);
  return shards.shardOf(region, 2000, key.length);
}

/** a's list has an element, and b's shard is taken when its waiting client is to be served. */
function meetTakenTarget(): void {
  here.blocks(1, 'BLMOVE a b LEFT LEFT 0');
  there.blocks(2, 'BLPOP a 0');
  const shard = shardOf('b');
  assert.notEqual(shard, shardOf('a'));
  here.engine.shards.lock(shard);
  there.run('RPUSH a x y');
  here.engine.shards.unlock(shard);
  assert.equal(there.run('LLEN a'), ':2\r\n', 'nobody is served before the first');
  there.run('RPUSH a z');
  assert.equal(there.run('LLEN a'), ':3\r\n');
}

test('a move whose target is taken is tried by its own thread, and keeps its place', () => {
  meetTakenTarget();
  turns();
  assert.deepEqual(here.takeAnswers(), ['1 $1 x']);
  assert.deepEqual(there.takeAnswers(), ['2 *2 $1 a $1 y']);
  assert.equal(there.run('LLEN a'), ':1\r\n');
  assert.equal(there.run('LLEN b'), ':1\r\n');
  isOver();
});

test('when the client of such a move leaves, those behind it are served', () => {
  meetTakenTarget();
  here.engine.sessions[1]!.cancelSuspension!('closed');
  turns();
  assert.deepEqual(here.takeAnswers(), []);
  assert.deepEqual(there.takeAnswers(), ['2 *2 $1 a $1 x']);
  isOver();
});

test('when others have emptied the list meanwhile, such a move goes on waiting', () => {
  meetTakenTarget();
  there.run('DEL a');
  turns();
  assert.deepEqual([...here.takeAnswers(), ...there.takeAnswers()], []);
  there.run('RPUSH a p q');
  turns();
  assert.deepEqual(here.takeAnswers(), ['1 $1 p']);
  assert.deepEqual(there.takeAnswers(), ['2 *2 $1 a $1 q']);
  isOver();
});

test('such a move is tried until its shards are free', () => {
  meetTakenTarget();
  there.turn();
  there.engine.shards.lock(shardOf('b'));
  for (let i = 0; i < 3; i++) here.turn();
  assert.deepEqual(here.takeAnswers(), []);
  there.engine.shards.unlock(shardOf('b'));
  turns();
  assert.deepEqual(here.takeAnswers(), ['1 $1 x']);
  turns();
  assert.deepEqual(there.takeAnswers(), ['2 *2 $1 a $1 y']);
  isOver();
});

test('timeouts, CLIENT UNBLOCK and a change of role end waits, once', () => {
  const { now } = here.engine.dispatcher;
  here.blocks(1, 'BLPOP a 0.5');
  here.blocks(2, 'BLPOP a 0.0001');
  here.blocks(3, 'BLPOP a 0');
  here.blocks(4, 'BLPOP a 0');
  assert.deepEqual(figures(), [4, 2, 1]);
  assert.equal(here.turn(now), 1);
  assert.deepEqual(here.takeAnswers(), []);
  assert.equal(here.turn(now + 1), 499);
  assert.deepEqual(here.takeAnswers(), ['2 *-1']);
  here.turn(now + 500);
  assert.deepEqual(here.takeAnswers(), ['1 *-1']);
  here.engine.sessions[3]!.cancelSuspension!('unblock-error');
  assert.ok(here.engine.sessions[3]!.suspended, 'until its reply is written');
  here.turn(now + 500);
  assert.ok(!here.engine.sessions[3]!.suspended);
  assert.deepEqual(here.takeAnswers(), ['3 -UNBLOCKED client unblocked via CLIENT UNBLOCK']);
  here.waits.endAll();
  here.waits.endAll();
  here.turn(now + 500);
  const [answer] = here.takeAnswers();
  assert.match(answer!, /^4 -UNBLOCKED force unblock from blocking operation/);
  assert.ok(here.engine.sessions[4]!.closeAfterReply);
  isOver();
});

test('waits of an earlier hash epoch are ended: their tickets lie in the wrong shards', () => {
  here.blocks(1, 'BLPOP a b 0');
  replaceData(there.engine.shards, 3);
  while (here.engine.dispatch(2, 'BLPOP a c 0') !== SUSPENDED);
  turns();
  assert.match(here.takeAnswers().join(), /^1 -UNBLOCKED force unblock/);
  assert.equal(control.word(BLOCKED_CLIENTS).load(), 1);
  while (there.engine.dispatch(0, 'RPUSH a x') !== DONE);
  turns();
  assert.deepEqual(here.takeAnswers(), ['2 *2 $1 a $1 x']);
  isOver();
});

test('who is being served is not ended by its timeout', () => {
  const { now } = here.engine.dispatcher;
  here.blocks(1, 'BLPOP a 1');
  there.run('RPUSH a x');
  here.waits.background(now + 5000);
  turns();
  assert.deepEqual(here.takeAnswers(), ['1 *2 $1 a $1 x']);
  isOver();
});

test('a shard without room refuses a wait and keeps nothing of it', () => {
  let fills = 0;
  while (here.engine.dispatch(0, `SET fill${fills} ${'x'.repeat(100_000)}`) === DONE) {
    fills++;
    if (here.engine.answer.startsWith('-OOM') && fills > 1000) break;
  }
  let refused = 0;
  for (let i = 0; i < 20; i++) {
    if (here.engine.dispatch(1, `BLPOP key${i} other${i} ${'k'.repeat(90_000)}${i} 0`) === DONE) {
      assert.match(here.engine.answer, /^-OOM/);
      refused++;
    } else here.engine.sessions[1]!.cancelSuspension!('closed');
  }
  assert.ok(refused > 0);
  isOver();
});

test('the pages of tickets go back', () => {
  for (let round = 0; round < 50; round++) {
    here.blocks(1, `BLPOP key${round} 0`);
    there.run(`RPUSH key${round} x`);
    turns();
  }
  isOver();
  // Each shard keeps the page with the heads of its queues, and its emptied tables their frames.
  assert.ok(pages() <= pagesBefore + SHARDS * 4, `${pages()} of ${pagesBefore}`);
});
