/**
 * Scripts after what people use, written anew: locks, rate limiters, queues, leaderboards. Each is a
 * story of commands whose replies do not depend on the clock.
 */
import type { Step } from './conversions.js';

function run(source: string, keys: readonly string[], ...args: string[]): Step {
  return ['EVAL', source, String(keys.length), ...keys, ...args];
}

const UNLOCK = `if redis.call('get', KEYS[1]) == ARGV[1] then
  return redis.call('del', KEYS[1])
else
  return 0
end`;

const EXTEND = `local keys = KEYS
for i, key in ipairs(keys) do
  if redis.call('get', key) ~= ARGV[1] then return 0 end
end
for i, key in ipairs(keys) do redis.call('pexpire', key, ARGV[2]) end
return #keys`;

const FIXED_WINDOW = `local current = redis.call('incr', KEYS[1])
if current == 1 then redis.call('expire', KEYS[1], ARGV[1]) end
if current > tonumber(ARGV[2]) then return {0, redis.call('ttl', KEYS[1]) > 0} end
return {1, tonumber(ARGV[2]) - current}`;

const SLIDING_WINDOW = `local key, now, window, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('zremrangebyscore', key, 0, now - window)
local count = redis.call('zcard', key)
if count < limit then
  redis.call('zadd', key, now, now)
  redis.call('pexpire', key, window)
  return {1, limit - count - 1}
end
local first = redis.call('zrange', key, 0, 0, 'withscores')
return {0, first[2] + window - now}`;

const TOKEN_BUCKET = `local rate, capacity, now, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call('hmget', KEYS[1], 'tokens', 'at')
local tokens = tonumber(state[1]) or capacity
local at = tonumber(state[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local allowed = tokens >= wanted
if allowed then tokens = tokens - wanted end
redis.call('hset', KEYS[1], 'tokens', tokens, 'at', now)
return {allowed, tostring(tokens)}`;

/** Keys made up from a prefix, as queues do. */
const ADD_JOB = `local prefix = KEYS[1]
local id = redis.call('incr', prefix .. ':id')
local job = prefix .. ':' .. id
redis.call('hset', job, 'name', ARGV[1], 'data', ARGV[2], 'opts', cmsgpack.pack({attempts = 3}))
if tonumber(ARGV[3]) > 0 then
  redis.call('zadd', prefix .. ':delayed', ARGV[3], id)
else
  redis.call('lpush', prefix .. ':wait', id)
end
return id`;

const MOVE_JOBS = `local prefix, now = KEYS[1], ARGV[1]
local due = redis.call('zrangebyscore', prefix .. ':delayed', 0, now, 'limit', 0, 1000)
if #due > 0 then
  redis.call('zrem', prefix .. ':delayed', unpack(due))
  for _, id in ipairs(due) do redis.call('lpush', prefix .. ':wait', id) end
end
local id = redis.call('rpoplpush', prefix .. ':wait', prefix .. ':active')
if not id then return nil end
redis.call('hset', prefix .. ':' .. id, 'processedOn', now)
redis.call('hincrby', prefix .. ':' .. id, 'attempts', 1)
return {redis.call('hgetall', prefix .. ':' .. id), id}`;

const FINISH_JOB = `local prefix = KEYS[1]
if redis.call('lrem', prefix .. ':active', -1, ARGV[1]) == 0 then
  return redis.error_reply('MISSING job ' .. ARGV[1])
end
redis.call('zadd', prefix .. ':completed', ARGV[2], ARGV[1])
local old = redis.call('zrevrange', prefix .. ':completed', 1, -1)
for i = 1, #old do redis.call('del', prefix .. ':' .. old[i]) end
redis.call('zremrangebyrank', prefix .. ':completed', 0, -2)
return cjson.encode({done = ARGV[1], removed = #old})`;

const FETCH = `for i = 1, #KEYS do
  local job = redis.call('rpop', KEYS[i])
  if job then return {KEYS[i], job} end
end
return false`;

const LEADERBOARD = `local score = redis.call('zincrby', KEYS[1], ARGV[2], ARGV[1])
local rank = redis.call('zrevrank', KEYS[1], ARGV[1])
local top = redis.call('zrevrange', KEYS[1], 0, 2, 'WITHSCORES')
return {score, rank + 1, top}`;

const TRANSFER = `local from, to = 'account:' .. ARGV[1], 'account:' .. ARGV[2]
local have = tonumber(redis.call('get', from) or '0')
local amount = tonumber(ARGV[3])
if have < amount then return redis.error_reply('POOR ' .. have) end
redis.call('decrby', from, amount)
redis.call('incrby', to, amount)
return redis.call('mget', from, to)`;

export const recipes = {
  locks: [
    ['SET', 'lock', 'me', 'NX', 'PX', '100000'],
    run(UNLOCK, ['lock'], 'other'),
    run(EXTEND, ['lock'], 'me', '200000'),
    run(EXTEND, ['lock', 'lock2'], 'me', '200000'),
    run(UNLOCK, ['lock'], 'me'),
    run(UNLOCK, ['lock'], 'me'),
  ],
  limiters: [
    ...Array.from({ length: 5 }, () => run(FIXED_WINDOW, ['fixed'], '1000', '3')),
    // Seconds of a clock of their own: the key outlives a test on a slow machine.
    ...[100, 110, 120, 130, 250].map((now) =>
      run(SLIDING_WINDOW, ['sliding'], String(now * 1000), '100000', '3'),
    ),
    ...[1, 1, 1, 3, 3.5].map((now) => run(TOKEN_BUCKET, ['bucket'], '0.5', '2', String(now), '1')),
  ],
  queues: [
    run(ADD_JOB, ['bull:q'], 'mail', '{"to":1}', '0'),
    run(ADD_JOB, ['bull:q'], 'mail', '{"to":2}', '50'),
    run(ADD_JOB, ['bull:q'], 'mail', '{"to":3}', '90'),
    run(MOVE_JOBS, ['bull:q'], '60'),
    run(MOVE_JOBS, ['bull:q'], '60'),
    run(MOVE_JOBS, ['bull:q'], '60'),
    run(FINISH_JOB, ['bull:q'], '1', '70'),
    run(FINISH_JOB, ['bull:q'], '1', '70'),
    run(FINISH_JOB, ['bull:q'], '2', '71'),
    run(MOVE_JOBS, ['bull:q'], '99'),
    ['LPUSH', 'queue:low', 'a', 'b'],
    ['LPUSH', 'queue:high', 'c'],
    ...Array.from({ length: 4 }, () => run(FETCH, ['queue:high', 'queue:low'])),
  ],
  leaderboards: [
    run(LEADERBOARD, ['scores'], 'ann', '5'),
    run(LEADERBOARD, ['scores'], 'bob', '7.5'),
    run(LEADERBOARD, ['scores'], 'cid', '1'),
    run(LEADERBOARD, ['scores'], 'ann', '4'),
    ['SET', 'account:1', '100'],
    run(TRANSFER, [], '1', '2', '30'),
    run(TRANSFER, [], '1', '2', '300'),
    run(TRANSFER, ['account:2'], '2', '3', '10'),
  ],
} satisfies Record<string, readonly Step[]>;
