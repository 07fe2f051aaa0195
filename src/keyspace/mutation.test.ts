/** The door for writes: what it does in which order, and that a command cannot leave by the window. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from '../commands/contract/context.js';
import { type CommandDefinition, keysAt } from '../commands/contract/definition.js';
import { CommandTester } from '../commands/contract/test-support.js';
import { get } from '../commands/string/get.js';
import { set } from '../commands/string/set.js';
import { createShards, TestEngine } from '../engine/testing.js';
import { STRING_AUTO, STRING_RAW } from '../values/string/type.js';
import { EVENT_APPEND, EVENT_EXPIRE, EVENT_NEW, EVENT_SET } from './events.js';

function command(name: string, run: (context: Context) => void): CommandDefinition {
  const flags = ['write'] as const;
  const keys = [keysAt(1, 0, 1, 'RW')];
  const about = { summary: '', since: '', group: 'string', complexity: 'O(1)' } as const;
  return { ...about, name, arity: -2, flags, keys, run };
}

const uncommitted = command('uncommitted', ({ args, keys, reply }) => {
  keys.seek(args, 1);
  keys.beginStore(STRING_AUTO, 0, 0);
  reply.ok();
});
const unended = command('unended', ({ args, keys, reply }) => {
  keys.seek(args, 1);
  keys.beginStore(STRING_AUTO, 0, 0);
  keys.custom(EVENT_SET, 'SET');
  reply.ok();
});
const silent = command('silent', ({ keys, reply }) => {
  // Nothing of the door does this; a command that writes to a table itself might.
  keys.changes++;
  reply.ok();
});
const broken = command('broken', ({ args, keys }) => {
  keys.seek(args, 1);
  keys.beginStore(STRING_AUTO, 0, 0);
  throw new Error('between begin and commit');
});
const built = command('built', ({ args, keys, reply }) => {
  const found = keys.seek(args, 1);
  const at = keys.beginEdit(STRING_RAW, 3, found);
  keys.region.bytes.fill(65, at, at + 3);
  keys.custom(EVENT_APPEND, 'SET').argument(args, 2).end();
  keys.announce(EVENT_EXPIRE);
  reply.ok();
});

test('a command that would leave replicas behind answers an internal error and is logged', () => {
  const engine = new TestEngine(createShards(1), 0, [uncommitted, unended, silent, broken, set]);
  const { keys } = engine.dispatcher;
  keys.effects.sink = { append() {} };
  for (const [i, name] of ['uncommitted', 'unended', 'silent', 'broken'].entries()) {
    engine.dispatch(0, `${name} k`);
    assert.match(engine.answer, new RegExp(`^-ERR internal error in '${name}'`));
    assert.equal(engine.failures.length, i + 1);
    engine.dispatch(0, 'set k v');
    assert.equal(engine.answer, '+OK\r\n', 'the next command is none the worse');
  }
  keys.effects.sink = null;
  engine.dispatch(0, 'silent k');
  assert.equal(engine.answer, '+OK\r\n', 'without a journal there are no effects');
});

test('an expired key that a command meets is no effect of its change', () => {
  const meets = command('meets', ({ args, keys, reply }) => {
    keys.seek(args, 1);
    keys.changes++;
    reply.ok();
  });
  const t = new CommandTester([meets, set]);
  t.run('SET', 'k', 'v', 'PX', 1);
  t.now += 2;
  assert.throws(() => t.run('MEETS', 'k'), /left no effect/);
  assert.equal(t.effects.at(-1), '0 DEL k');
});

test('the event of a key of any length is told without making text of it', () => {
  const t = new CommandTester([set]);
  const lengths: number[] = [];
  t.keys.listener = (event, _database, region, offset, length) => {
    if (event === EVENT_NEW) return;
    lengths.push(length);
    assert.equal(region.bytes[offset + length - 1], 'k'.charCodeAt(0));
  };
  for (const length of [1, 100_000]) t.run('SET', 'k'.repeat(length), 'v');
  assert.deepEqual(lengths, [1, 100_000]);
});

test('the bytes are there when the event is told, and the event comes before the effect', () => {
  const t = new CommandTester([set, get, built]);
  const order: string[] = [];
  t.keys.listener = (event) => {
    // Told when there is an entry, before the value's bytes are written.
    if (event === EVENT_NEW) return;
    const { region, valueOffset, valueLength } = t.keys;
    const bytes = region.bytes.slice(valueOffset, valueOffset + valueLength);
    order.push(`${event.name} ${Buffer.from(bytes).toString()} ${t.effects.length}`);
  };
  t.run('SET', 'k', 'value');
  t.run('SET', 'k', 'longer value');
  assert.equal(t.run('BUILT', 'k', 'AAA'), '+OK');
  assert.deepEqual(order, ['set value 0', 'set longer value 1', 'append AAA 2', 'expire AAA 3']);
  assert.equal(t.effects.at(-1), '0 SET k AAA');
  assert.equal(t.changes, 1, 'one change, two events');
  assert.equal(t.run('GET', 'k'), 'AAA');
});
