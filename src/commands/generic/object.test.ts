import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { append } from '../string/append.js';
import { incrbyfloat } from '../string/incrbyfloat.js';
import { set } from '../string/set.js';
import {
  object,
  objectEncoding,
  objectFreq,
  objectHelp,
  objectIdletime,
  objectRefcount,
} from './object.js';

function tester(): CommandTester {
  return new CommandTester([
    ...[set, append, incrbyfloat],
    ...[object, objectEncoding, objectFreq, objectHelp, objectIdletime, objectRefcount],
  ]);
}

test('ENCODING tells what the string would be in Redis', () => {
  const t = tester();
  const cases: [string, string][] = [
    ['0', 'int'],
    ['-1', 'int'],
    ['9223372036854775807', 'int'],
    ['9223372036854775808', 'embstr'],
    ['01', 'embstr'],
    ['', 'embstr'],
    ['x'.repeat(44), 'embstr'],
    ['x'.repeat(45), 'raw'],
  ];
  for (const [value, encoding] of cases) {
    t.run('SET', 'k', value);
    assert.equal(t.run('OBJECT', 'ENCODING', 'k'), encoding, value);
  }
  t.run('SET', 'k', 1);
  t.run('INCRBYFLOAT', 'k', 1);
  assert.equal(t.run('OBJECT', 'ENCODING', 'k'), 'embstr');
  t.run('SET', 'k', 1);
  t.run('APPEND', 'k', 1);
  assert.equal(t.run('OBJECT', 'ENCODING', 'k'), 'raw');
});

test('REFCOUNT is that of shared integers, or 1', () => {
  const t = tester();
  for (const [value, count] of [
    ['0', 2147483647],
    ['9999', 2147483647],
    ['10000', 1],
    ['-1', 1],
    ['9223372036854775807', 1],
    ['x', 1],
  ]) {
    t.run('SET', 'k', value!);
    assert.equal(t.run('OBJECT', 'REFCOUNT', 'k'), count, `${value}`);
  }
});

test('IDLETIME is 0 and FREQ an error, both null without the key', () => {
  const t = tester();
  t.run('SET', 'k', 'v');
  assert.equal(t.run('OBJECT', 'IDLETIME', 'k'), 0);
  assert.match(String(t.run('OBJECT', 'FREQ', 'k')), /^-ERR An LFU maxmemory policy is not/);
  for (const subcommand of ['ENCODING', 'REFCOUNT', 'IDLETIME', 'FREQ']) {
    assert.equal(t.run('OBJECT', subcommand, 'absent'), null);
  }
});

test('HELP names every subcommand', () => {
  const lines = (tester().run('OBJECT', 'HELP') as string[]).join('\n');
  for (const name of ['ENCODING key', 'FREQ key', 'HELP', 'IDLETIME key', 'REFCOUNT key']) {
    assert.ok(lines.includes(`+${name}`), name);
  }
});
