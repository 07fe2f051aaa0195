import assert from 'node:assert/strict';
import test from 'node:test';
import { commandModules } from '../commands/index.generated.js';
import { definitionsOf } from './definitions.js';
import { Registry, TRAIT_TIMED } from './registry.js';

const registry = new Registry(definitionsOf(commandModules));

function isTimed(name: string): boolean {
  const command = registry.all.find(({ fullName }) => fullName === name);
  assert.ok(command !== undefined, name);
  return (command.traits & TRAIT_TIMED) !== 0;
}

test('commands whose steps are their arguments are not timed at every call', () => {
  const names =
    'get set incr hget hset hmset hmget hdel sadd srem smismember zadd zrem zmscore lpush';
  for (const name of `${names} xadd del unlink exists touch mget mset pfadd`.split(' ')) {
    assert.equal(isTimed(name), false, name);
  }
});

test('commands that may walk over what a key holds are timed', () => {
  const names = 'keys hgetall smembers lrange lrem ltrim linsert zrange zrangebyscore sunion sort';
  for (const name of `${names} zremrangebyscore xrange xtrim bitcount getrange copy`.split(' ')) {
    assert.equal(isTimed(name), true, name);
  }
});
