import assert from 'node:assert/strict';
import test from 'node:test';
import { commandModules } from '../commands/index.generated.js';
import type { Arguments } from '../protocol/parser.js';
import { definitionsOf } from './definitions.js';
import { isLong } from './execution.js';
import { Registry } from './registry.js';

const registry = new Registry(definitionsOf(commandModules));

/** @param words how many arguments the call has, its name included */
function isTimed(name: string, words: number): boolean {
  const command = registry.all.find(({ fullName }) => fullName === name);
  assert.ok(command !== undefined, name);
  return isLong(command, { count: words } as Arguments);
}

test('calls whose steps are their few arguments are not timed each', () => {
  const names =
    'get set incr hget hset hmset hmget hdel sadd srem smismember zadd zrem zmscore lpush xadd ' +
    'del unlink exists touch mget mset msetnx pfadd';
  for (const name of names.split(' ')) {
    assert.equal(isTimed(name, 4), false, name);
    assert.equal(isTimed(name, 33), true, name);
  }
});

test('pops are timed when they are of several elements', () => {
  for (const name of 'lpop rpop spop zpopmin zpopmax srandmember hrandfield'.split(' ')) {
    assert.equal(isTimed(name, 2), false, name);
    assert.equal(isTimed(name, 3), true, name);
  }
});

test('calls that may walk over what a key holds are timed', () => {
  const names =
    'keys hgetall smembers lrange lrem ltrim linsert zrange zrangebyscore sunion sort ' +
    'zremrangebyscore xrange xtrim bitcount getrange copy';
  for (const name of names.split(' ')) assert.equal(isTimed(name, 2), true, name);
});
