/**
 * Exceptions in and around commands: the client is answered, no lock stays taken, and the journal
 * learns that effects are missing.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { DONE } from '../base/outcome.js';
import { Region } from '../base/region.js';
import type { CommandDefinition } from '../commands/contract/definition.js';
import { keysAt } from '../commands/contract/definition.js';
import { UnansweredError } from '../commands/contract/server-port.js';
import { keys } from '../commands/generic/keys.js';
import { append } from '../commands/string/append.js';
import { get } from '../commands/string/get.js';
import { mset } from '../commands/string/mset.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { EVENT_SET } from '../keyspace/events.js';
import { Reply } from '../protocol/reply.js';
import { STRING_AUTO } from '../values/string/type.js';
import { createShards, lockedShards, TestEngine, vector } from './testing.js';

const COMMON = {
  summary: '',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  flags: [],
} as const;

/** GETS key key ...: runs GET for each, into a reply of its own. */
const inner = new Reply(new Region(new SharedArrayBuffer(4096), 0));
const gets: CommandDefinition = {
  ...COMMON,
  name: 'gets',
  arity: -2,
  keys: [keysAt(1, -1, 1, 'RO')],
  run(context) {
    const { args, reply, registry } = context;
    reply.array(args.count - 1);
    for (let i = 1; i < args.count; i++) {
      const name = args.length[i] === 1 ? 'get' : 'broken';
      inner.rewind(0);
      context.runInside(registry.lookup(name)!, vector([name, context.text(i)]), inner);
      reply.raw(inner.region, inner.start, inner.length);
    }
  },
};
/** RUN command arg ...: runs it with the same reply, whatever its keys are. */
const run: CommandDefinition = {
  ...COMMON,
  name: 'run',
  arity: -3,
  keys: [keysAt(2, 0, 1, 'RW')],
  run(context) {
    const { args, reply, registry } = context;
    const words = Array.from({ length: args.count - 1 }, (_, i) => context.text(i + 1));
    context.runInside(registry.lookup(words[0]!)!, vector(words), reply);
    assert.equal(context.args, args, 'the arguments are those of before');
    assert.equal(context.reply, reply);
  },
};
const broken: CommandDefinition = {
  ...COMMON,
  name: 'broken',
  arity: -2,
  keys: [keysAt(1, 1, 1, 'RW')],
  run({ reply }) {
    reply.array(5);
    reply.bulkText('half a reply');
    throw new Error('broken');
  },
};
const waits: CommandDefinition = {
  ...COMMON,
  name: 'waits',
  arity: -2,
  keys: [keysAt(1, 1, 1, 'RO')],
  run: (context) => void context.suspend(() => {}),
};
/** ASK: as CLIENT LIST, a question to threads that do not answer. */
const ask: CommandDefinition = {
  ...COMMON,
  name: 'ask',
  arity: 1,
  locks: 'none',
  run({ reply }) {
    reply.array(2);
    throw new UnansweredError('a thread did not answer in time (client-list)');
  },
};
const DEFINITIONS = [append, ask, broken, exec, get, gets, keys, mset, multi, run, set, waits];
const INTERNAL = /^-ERR internal error[^\r]*\r\n$/;

let engine: TestEngine;
let lost: number[];

beforeEach(() => {
  engine = new TestEngine(createShards(8), 0, DEFINITIONS, 2);
  lost = [];
});

function answer(command: string, client = 0): string {
  assert.equal(engine.dispatch(client, command), DONE, command);
  assert.deepEqual(lockedShards(engine.shards), [], `${command} leaves no lock`);
  assert.equal(engine.dispatcher.locks.isEmpty, true);
  return engine.answer;
}

function shardOf(key: string): number {
  const args = vector([key, '']);
  return engine.shards.shardOf(args.region, 0, key.length);
}

/** A journal of which the calls named fail. */
function failingJournal(...failing: string[]): void {
  const fail = (name: string) => {
    if (failing.includes(name)) throw new RangeError(`${name} of the journal`);
  };
  engine.dispatcher.keys.effects.sink = {
    append: () => fail('append'),
    beginTransaction: () => fail('begin'),
    endTransaction: () => fail('end'),
    lost: (shards) => lost.push(...shards),
  };
}

test('an exception in a command is answered and leaves no lock', () => {
  assert.equal(answer('broken a'), "-ERR internal error in 'broken', see the server's log\r\n");
  assert.equal(engine.failures.length, 1);
  assert.equal(answer('SET a 1'), '+OK\r\n');
});

test('a question that no thread answered in time is an error that names it, without a stack', () => {
  failingJournal();
  assert.equal(answer('ask'), '-ERR a thread did not answer in time (ASK)\r\n');
  answer('MULTI');
  answer('SET a 1');
  answer('ask');
  assert.equal(answer('EXEC'), '*2\r\n+OK\r\n-ERR a thread did not answer in time (ASK)\r\n');
  assert.deepEqual(engine.failures, []);
  assert.deepEqual(lost, [], 'no change has lost its effect');
});

test('when the journal fails, the client is told, no lock stays, and the effects count as lost', () => {
  failingJournal('append');
  for (const command of ['SET a 1', 'APPEND a 1', 'MSET a 1']) {
    lost = [];
    assert.match(answer(command), INTERNAL, command);
    assert.deepEqual(lost, [shardOf('a')], command);
  }
  lost = [];
  assert.match(answer('MSET a 1 b 2'), INTERNAL);
  assert.deepEqual(
    lost.sort((one, other) => one - other),
    [shardOf('a'), shardOf('b')].sort((one, other) => one - other),
  );
  engine.dispatcher.keys.effects.sink = null;
  assert.equal(answer('SET a 2'), '+OK\r\n');
});

test('when the journal fails at the end or beginning of a transaction, likewise', () => {
  for (const call of ['begin', 'end']) {
    for (const prepare of [[], ['MULTI', 'SET a 1', 'APPEND b 1']]) {
      engine.dispatcher.keys.effects.sink = null;
      for (const command of prepare) answer(command);
      failingJournal(call);
      lost = [];
      assert.match(answer(prepare.length > 0 ? 'EXEC' : 'MSET a 1 b 2'), INTERNAL, call);
      assert.deepEqual(new Set(lost), new Set([shardOf('a'), shardOf('b')]));
      assert.equal(engine.dispatcher.inTransaction, false);
      assert.equal(engine.sessions[0]!.inMulti, false);
    }
  }
});

test('one command of a transaction fails, the others run', () => {
  failingJournal();
  for (const command of ['MULTI', 'SET a 1', 'broken a', 'GET a']) answer(command);
  assert.match(answer('EXEC'), /^\*3\r\n\+OK\r\n-ERR internal error[^\r]*\r\n\$1\r\n1\r\n$/);
  assert.deepEqual(lost, [shardOf('a')]);
});

test('an exception on the way to a command, or behind it, is answered and leaves no lock', () => {
  const targets: [target: object, method: string][] = [
    [engine.dispatcher.registry, 'find'],
    [engine.dispatcher.keys, 'prepare'],
    [engine.dispatcher.keys, 'forget'],
    [engine.dispatcher.keys, 'mark'],
    [engine.shards, 'tryLock'],
    [engine.dispatcher.locks, 'add'],
    [engine.dispatcher.locks, 'take'],
    [engine.dispatcher.locks, 'takeOne'],
    [engine.dispatcher.keys.effects, 'beginTransaction'],
  ];
  const commands = ['SET a 1', 'MSET a 1 b 2', 'GET a', 'KEYS *', 'gets a b'];
  for (const [target, method] of targets) {
    const original = Reflect.get(target, method) as (...args: unknown[]) => unknown;
    for (const command of commands) {
      let calls = 0;
      Reflect.set(target, method, function (this: unknown, ...args: unknown[]) {
        if (calls++ === 0) throw new Error(`injected into ${method}`);
        return original.apply(this, args);
      });
      const text = answer(command);
      Reflect.deleteProperty(target, method);
      if (calls > 0) assert.match(text, INTERNAL, `${command}, ${method}`);
      answer('MSET a 1 b 2');
    }
  }
  assert.ok(engine.failures.length >= 15, `${engine.failures.length} failures were told`);
});

test('back-pressure that fails gives its lock back', () => {
  engine.dispatcher.pressure = {
    mustWait() {
      throw new Error('injected');
    },
  };
  assert.match(answer('SET a 1'), INTERNAL);
  assert.match(answer('MSET a 1 b 1'), INTERNAL);
  engine.dispatcher.pressure = null;
  assert.equal(answer('SET a 1'), '+OK\r\n');
});

test('work on a shard locked on the way fails without its lock', () => {
  answer('SET a 1');
  const shards = engine.shards;
  const { table } = shards;
  shards.table = () => {
    throw new Error('injected');
  };
  assert.match(answer('KEYS *'), INTERNAL);
  shards.table = table;
  assert.equal(answer('KEYS *'), '*1\r\n$1\r\na\r\n');
});

test('commands run inside a command: their replies, their errors, their exceptions', () => {
  answer('MSET a 1 b 2');
  assert.equal(answer('gets a c b'), '*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n2\r\n');
  assert.match(
    answer('gets a xx b'),
    /^\*3\r\n\$1\r\n1\r\n-ERR internal error in 'broken'[^\r]*\r\n\$1\r\n2\r\n$/,
  );
  assert.equal(answer('run set k 1'), '+OK\r\n');
  assert.equal(answer('run get k'), '$1\r\n1\r\n');
  assert.equal(
    answer('run append k'),
    "-ERR wrong number of arguments for 'append' command\r\n",
    'an error inside',
  );
  assert.equal(answer('run run get'), "-ERR wrong number of arguments for 'run' command\r\n");
});

test('what runs inside counts its own changes, and no change twice', () => {
  const { keys: keyspace } = engine.dispatcher;
  const before = keyspace.totalChanges;
  answer('run set k 1');
  assert.equal(keyspace.totalChanges, before + 1);
  for (const command of ['MULTI', 'SET a 1', 'run set k 2']) answer(command);
  answer('EXEC');
  assert.equal(keyspace.totalChanges, before + 3);
});

/** AROUND key command arg ...: writes, runs the command inside, and, when `again`, writes again. */
function around(name: string, again: boolean): CommandDefinition {
  return {
    ...COMMON,
    name,
    arity: -3,
    flags: ['write'],
    keys: [keysAt(1, 0, 1, 'RW')],
    run(context) {
      const { args, keys: keyspace, registry } = context;
      const write = (): void => {
        keyspace.seek(args, 1);
        keyspace.storeArgument(STRING_AUTO, args, 2, 0, EVENT_SET);
      };
      write();
      const words = Array.from({ length: args.count - 2 }, (_, i) => context.text(i + 2));
      inner.rewind(0);
      context.runInside(registry.lookup(words[0]!)!, vector(words), inner);
      if (again) write();
      context.reply.ok();
    },
  };
}

test('a command that runs another inside keeps its own changes and effects', () => {
  const commands = [...DEFINITIONS, around('once', false), around('twice', true)];
  engine = new TestEngine(createShards(8), 0, commands, 2);
  const { keys: keyspace } = engine.dispatcher;
  let effects = 0;
  keyspace.effects.sink = { append: () => effects++ };
  const expected: [command: string, changes: number, lost?: number][] = [
    ['once k get k', 1],
    ['once k set k x', 2],
    ['once k run once k get k', 2],
    ['twice k get k', 2],
    ['twice k set k x', 3],
    // The journals are lost anyway, and with them the effect before.
    ['twice k broken k', 2, 1],
    ['twice k run twice k set k x', 5],
  ];
  for (const [command, changes, lostEffects = 0] of expected) {
    const before = keyspace.totalChanges;
    effects = 0;
    assert.equal(answer(command), '+OK\r\n', command);
    assert.equal(keyspace.totalChanges - before, changes, command);
    assert.equal(effects, changes - lostEffects, command);
  }
  for (const command of ['MULTI', 'once k get k', 'twice k set k x']) answer(command);
  const before = keyspace.totalChanges;
  assert.equal(answer('EXEC'), '*2\r\n+OK\r\n+OK\r\n');
  assert.equal(keyspace.totalChanges - before, 4);
});

test('no command runs inside a change that is not complete', () => {
  const half: CommandDefinition = {
    ...COMMON,
    name: 'half',
    arity: 2,
    flags: ['write'],
    keys: [keysAt(1, 0, 1, 'RW')],
    run(context) {
      const { args, keys: keyspace, registry } = context;
      keyspace.beginEdit(STRING_AUTO, 1, keyspace.seek(args, 1));
      context.runInside(registry.lookup('get')!, vector(['get', 'k']), inner);
    },
  };
  engine = new TestEngine(createShards(8), 0, [...DEFINITIONS, half], 2);
  assert.match(answer('half k'), INTERNAL);
  assert.match(String(engine.failures), /a command inside a change/);
  assert.equal(engine.dispatcher.inTransaction, false);
});

test('nothing inside a command may wait, or reach for a shard that is not locked', () => {
  assert.match(answer('run waits k'), INTERNAL);
  assert.equal(engine.sessions[0]!.suspended, false);
  assert.equal(engine.dispatcher.inTransaction, false);
  assert.notEqual(shardOf('a'), shardOf('b'));
  // RUN's own key is the second argument, MSET's second key is another.
  assert.match(answer('run mset a 1 b 2'), INTERNAL);
  assert.equal(answer('GET b'), '$-1\r\n');
});
