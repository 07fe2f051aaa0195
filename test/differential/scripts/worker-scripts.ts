/** Scripts after what job queues, schedulers and stream consumers use, written anew. */
import type { UserScript } from './user-scripts.js';

export const workerScripts: readonly UserScript[] = [
  // A queue with a set of jobs under way for each worker, retries by time, and a morgue.
  {
    name: 'jobs_push',
    keys: 'jobs:queue jobs:known',
    args: 'item small now',
    source: `redis.call('SADD', KEYS[2], 'default')
return redis.call('LPUSH', KEYS[1], cjson.encode({class = 'Job', args = {ARGV[1], tonumber(ARGV[2])}, at = tonumber(ARGV[3])}))`,
  },
  {
    name: 'jobs_fetch',
    keys: 'jobs:queue jobs:work:{user}',
    args: '',
    source: `local job = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])
if job == false then return false end
local read = cjson.decode(job)
return {job, read.class, read.args[1], #read.args}`,
  },
  {
    name: 'jobs_acknowledge',
    keys: 'jobs:work:{user} jobs:processed',
    args: '',
    source: `local job = redis.call('lindex', KEYS[1], -1)
if not job then return redis.status_reply('EMPTY') end
if redis.call('lrem', KEYS[1], 1, job) > 0 then return redis.call('incr', KEYS[2]) end
return 0`,
  },
  {
    name: 'jobs_retry',
    keys: 'jobs:work:{user} jobs:retry jobs:dead',
    args: 'now small',
    source: `local job = redis.call('RPOP', KEYS[1])
if not job then return nil end
local read = cjson.decode(job)
read.count = (read.count or 0) + 1
if read.count > tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[3], ARGV[1], cjson.encode({class = read.class, count = read.count, args = read.args}))
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -4)
  return {'dead', redis.call('ZCARD', KEYS[3])}
end
local delay = read.count ^ 4 + 15
redis.call('ZADD', KEYS[2], ARGV[1] + delay, cjson.encode({class = read.class, count = read.count, args = read.args}))
return {'retry', delay}`,
  },
  {
    name: 'jobs_enqueue_due',
    keys: 'jobs:retry jobs:queue',
    args: 'now',
    source: `local moved = 0
while true do
  local job = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
  if not job then break end
  if redis.call('zrem', KEYS[1], job) == 1 then
    redis.call('lpush', KEYS[2], job)
    moved = moved + 1
  end
end
return moved`,
  },
  {
    name: 'jobs_restore_all',
    keys: 'jobs:queue jobs:work:ann jobs:work:bob jobs:work:cid',
    args: '',
    source: `local n = 0
for i = 2, #KEYS do
  while redis.call('LMOVE', KEYS[i], KEYS[1], 'RIGHT', 'RIGHT') do n = n + 1 end
end
return n`,
  },
  // A broker with deliveries that are not acknowledged, by time in a sorted set and by tag in a hash.
  {
    name: 'broker_deliver',
    keys: 'broker:queue broker:unacked broker:index',
    args: 'id now',
    source: `local message = redis.call('rpop', KEYS[1])
if not message then
  redis.call('lpush', KEYS[1], cjson.encode({body = 'seed', tag = ARGV[1], properties = {priority = 0}}))
  return {err = 'EMPTY no message'}
end
redis.call('zadd', KEYS[3], ARGV[2], ARGV[1])
redis.call('hset', KEYS[2], ARGV[1], cjson.encode({message, '', 'celery'}))
return {ARGV[1], message}`,
  },
  {
    name: 'broker_acknowledge',
    keys: 'broker:unacked broker:index',
    args: '',
    source: `local tags = redis.call('zrange', KEYS[2], 0, 0)
if #tags == 0 then return 0 end
return redis.call('zrem', KEYS[2], unpack(tags)) + redis.call('hdel', KEYS[1], unpack(tags))`,
  },
  {
    name: 'broker_restore_visible',
    keys: 'broker:unacked broker:index broker:queue',
    args: 'now small',
    source: `local ceil = tonumber(ARGV[1]) - tonumber(ARGV[2]) * 10
local late = redis.call('ZREVRANGEBYSCORE', KEYS[2], ceil, 0, 'LIMIT', 0, 10, 'WITHSCORES')
local restored = {}
for i = 1, #late, 2 do
  local packed = redis.call('HGET', KEYS[1], late[i])
  redis.call('ZREM', KEYS[2], late[i])
  if packed then
    local message, exchange, route = unpack(cjson.decode(packed))
    local body = cjson.decode(message)
    body.properties.redelivered = true
    redis.call('RPUSH', KEYS[3], cjson.encode(body))
    redis.call('HDEL', KEYS[1], late[i])
    restored[#restored + 1] = route .. ':' .. late[i + 1]
  end
end
return restored`,
  },
  // A scheduler with a list for each timestamp.
  {
    name: 'scheduler_delay',
    keys: 'delayed:schedule',
    args: 'soon item',
    source: `local list = 'delayed:' .. ARGV[1]
redis.call('rpush', list, ARGV[2])
redis.call('sadd', 'timestamps:' .. ARGV[2], list)
return redis.call('zadd', KEYS[1], ARGV[1], ARGV[1])`,
  },
  {
    name: 'scheduler_next',
    keys: 'delayed:schedule',
    args: 'now',
    source: `local due = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, 1)
if not next(due) then return false end
local list = 'delayed:' .. due[1]
local item = redis.call('lpop', list)
if item then redis.call('srem', 'timestamps:' .. item, list) end
if redis.call('llen', list) == 0 then
  redis.call('del', list)
  redis.call('zrem', KEYS[1], due[1])
end
return {due[1], item}`,
  },
  // A queue whose jobs are reserved in a sorted set, with notifications in a list.
  {
    name: 'reserve_push',
    keys: 'queues:main queues:main:notify',
    args: 'id item',
    source: `redis.call('rpush', KEYS[1], '{"id":"' .. ARGV[1] .. '","data":"' .. ARGV[2] .. '","attempts":0}')
redis.call('rpush', KEYS[2], 1)`,
  },
  {
    name: 'reserve_pop',
    keys: 'queues:main queues:main:reserved queues:main:notify',
    args: 'soon',
    source: `local job = redis.call('lpop', KEYS[1])
local reserved = false
if (job ~= false) then
  reserved = cjson.decode(job)
  reserved['attempts'] = reserved['attempts'] + 1
  reserved = '{"id":"' .. reserved.id .. '","data":"' .. reserved.data .. '","attempts":' .. reserved.attempts .. '}'
  redis.call('zadd', KEYS[2], ARGV[1], reserved)
  redis.call('lpop', KEYS[3])
end
return {job, reserved}`,
  },
  {
    name: 'reserve_migrate',
    keys: 'queues:main:reserved queues:main queues:main:notify',
    args: 'now',
    source: `local val = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, 100)
if (next(val) ~= nil) then
  redis.call('zremrangebyrank', KEYS[1], 0, #val - 1)
  for i = 1, #val, 100 do
    redis.call('rpush', KEYS[2], unpack(val, i, math.min(i + 99, #val)))
    for j = i, math.min(i + 99, #val) do redis.call('rpush', KEYS[3], 1) end
  end
end
return val`,
  },
  {
    name: 'reserve_size',
    keys: 'queues:main queues:main:delayed queues:main:reserved',
    args: '',
    source:
      "return redis.call('llen', KEYS[1]) + redis.call('zcard', KEYS[2]) + redis.call('zcard', KEYS[3])",
  },
  // Stages with priorities in one score: importance first, then age.
  {
    name: 'priority_add',
    keys: 'priority:jobs priority:counter',
    args: 'small item',
    source: `local n = redis.call('INCR', KEYS[2])
local score = tonumber(ARGV[1]) * 0x100000000 + bit.band(n, 0xffff)
redis.call('ZADD', KEYS[1], score, ARGV[2] .. ':' .. n)
return {tostring(score), string.format('%.17g', score), redis.call('ZSCORE', KEYS[1], ARGV[2] .. ':' .. n)}`,
  },
  {
    name: 'priority_take',
    keys: 'priority:jobs',
    args: 'small',
    source: `local taken = redis.call('ZPOPMIN', KEYS[1], ARGV[1])
local out = {}
for i = 1, #taken, 2 do out[#out + 1] = {taken[i], math.floor(taken[i + 1] / 0x100000000)} end
return out`,
  },
  // Consumers of a stream.
  {
    name: 'stream_add',
    keys: 'events',
    args: 'id user item',
    source: `if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '$', 'MKSTREAM') end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '=', 20, ARGV[1] .. '-0', 'user', ARGV[2], 'item', ARGV[3])
return {id, redis.call('XLEN', KEYS[1])}`,
  },
  {
    name: 'stream_read',
    keys: 'events',
    args: 'user small',
    source: `if redis.call('EXISTS', KEYS[1]) == 0 then return redis.error_reply('NOSTREAM') end
local read = redis.call('XREADGROUP', 'GROUP', 'g', ARGV[1], 'COUNT', ARGV[2], 'STREAMS', KEYS[1], '>')
if not read then return 'nothing' end
local out = {}
for _, entry in ipairs(read[1][2]) do
  local fields = entry[2]
  out[#out + 1] = entry[1] .. '=' .. table.concat(fields, ',')
end
return out`,
  },
  {
    name: 'stream_acknowledge',
    keys: 'events',
    args: 'user',
    source: `if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local pending = redis.call('XPENDING', KEYS[1], 'g', '-', '+', 3, ARGV[1])
local ids = {}
for i, one in ipairs(pending) do ids[i] = one[1] end
if #ids == 0 then return {0, redis.call('XPENDING', KEYS[1], 'g')} end
return {redis.call('XACK', KEYS[1], 'g', unpack(ids)), ids}`,
  },
  {
    name: 'stream_claim',
    keys: 'events events:dead',
    args: 'user',
    source: `local read = redis.pcall('XAUTOCLAIM', KEYS[1], 'g', ARGV[1], 0, '0-0', 'COUNT', 2)
if read.err then return read end
local dead = 0
for _, entry in ipairs(read[2]) do
  local about = redis.call('XPENDING', KEYS[1], 'g', entry[1], entry[1], 1)[1]
  if about and about[4] > 3 then
    redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
    redis.call('XACK', KEYS[1], 'g', entry[1])
    redis.call('XDEL', KEYS[1], entry[1])
    dead = dead + 1
  end
end
return {read[1], read[2], read[3], dead}`,
  },
];
