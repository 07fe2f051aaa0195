/** Scripts are closed by what the commands of this server declare. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandModules } from '../../commands/index.generated.js';
import { isClosed } from '../../scripting/closedness.js';
import { newEnvironment } from '../../scripting/testing.js';
import { definitionsOf } from '../definitions.js';
import { Registry } from '../registry.js';
import { keyPositions } from './key-positions.js';

const registry = new Registry(definitionsOf(commandModules));
const environment = newEnvironment();

function closed(source: string): boolean {
  return isClosed(environment.compileAnalyzed(source).closedness, (call) =>
    keyPositions(registry, call),
  );
}

test('closed where all keys of all calls are elements of KEYS', () => {
  for (const source of [
    "redis.call('PING')",
    "redis.call('set', KEYS[1], ARGV[1], 'px', 100)",
    "redis.call('mget', KEYS[1], KEYS[2])",
    "redis.call('mset', KEYS[1], 1, KEYS[2], ARGV[2])",
    "redis.call('rename', KEYS[1], KEYS[2])",
    "redis.call('sadd', KEYS[1], unpack(ARGV))",
    "redis.call('zunionstore', KEYS[1], 2, KEYS[2], KEYS[3])",
    "redis.call('object', 'encoding', KEYS[1])",
    "redis.call('time')",
  ]) {
    assert.equal(closed(source), true, source);
  }
});

test('open where a key, their number or the command is not known', () => {
  for (const source of [
    "redis.call('nope', KEYS[1])",
    "redis.call('mget', KEYS[1], ARGV[1])",
    "redis.call('mset', KEYS[1], 1, 'k', 2)",
    "redis.call('mget', KEYS[1], unpack(KEYS, 2))",
    "redis.call('set', unpack(ARGV))",
    "redis.call('rename', KEYS[1], 'x')",
    "redis.call('zunionstore', KEYS[1], #KEYS - 1, KEYS[2])",
    "redis.call('zunionstore', KEYS[1], 3, KEYS[2], KEYS[3])",
    "redis.call('sort', KEYS[1], 'store', 'x')",
    "redis.call('sort', KEYS[1], ARGV[1], ARGV[2])",
    "redis.call('georadius', KEYS[1], 1, 1, 1, 'km', ARGV[1], ARGV[2])",
    "redis.call('keys', '*')",
    "redis.call('flushall')",
    "redis.call('object', ARGV[1], KEYS[1])",
    "redis.call('object', 'nope', KEYS[1])",
  ]) {
    assert.equal(closed(source), false, source);
  }
});
