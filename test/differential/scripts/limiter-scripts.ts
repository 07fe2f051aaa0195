/** Scripts after what limiters, filters, counters and leaderboards use, written anew. */
import type { UserScript } from './user-scripts.js';

export const limiterScripts: readonly UserScript[] = [
  // The generic cell rate algorithm: one key with the theoretical arrival time.
  {
    name: 'gcra',
    keys: 'gcra:{user}',
    args: 'now small small small',
    source: `local now, burst, rate, cost = ARGV[1] / 1, ARGV[2] + 0, tonumber(ARGV[3]), tonumber(ARGV[4])
local interval = 60 / rate
local increment, tolerance = interval * cost, interval * burst
local arrival = redis.call('GET', KEYS[1])
arrival = arrival and math.max(tonumber(arrival), now) or now
local new = arrival + increment
local diff = now - (new - tolerance)
if diff < 0 then
  return {1, 0, tostring(-diff), tostring(arrival - now)}
end
if new > now then redis.call('SET', KEYS[1], new, 'EX', math.ceil(new - now) + 100000) end
return {0, math.floor(diff / interval), tostring(-1), tostring(new - now), redis.call('GET', KEYS[1])}`,
  },
  {
    name: 'leaky_bucket',
    keys: 'leaky:{user}',
    args: 'now float small',
    source: `local level, at = unpack(redis.call('HMGET', KEYS[1], 'level', 'at'))
local now, amount, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] * 0.1
level = math.max(0, (tonumber(level) or 0) - (now - (at or now)) * rate)
local full = level + amount > 50
if not full then level = level + amount end
redis.call('HSET', KEYS[1], 'level', level, 'at', now)
redis.call('PEXPIRE', KEYS[1], 100000000)
return {full, level, redis.call('HGET', KEYS[1], 'level')}`,
  },
  {
    name: 'sliding_log',
    keys: 'log:{user}',
    args: 'now id small',
    source: `local now, limit = tonumber(ARGV[1]), ARGV[3] + 3
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. now - 60)
if redis.call('ZCARD', KEYS[1]) >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return {0, oldest[2] + 60 - now}
end
redis.call('ZADD', KEYS[1], now, now .. '-' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], 100000)
return {1, limit - redis.call('ZCOUNT', KEYS[1], now - 60, '+inf')}`,
  },
  {
    name: 'sliding_counter',
    keys: 'counter:{user}',
    args: 'now small',
    source: `local now = tonumber(ARGV[1])
local window = now - now % 60
local current, previous = KEYS[1] .. ':' .. window, KEYS[1] .. ':' .. window - 60
local before = tonumber(redis.call('get', previous) or 0)
local weight = (60 - now % 60) / 60
local count = math.floor(before * weight) + (redis.call('get', current) or 0)
if count >= ARGV[2] * 4 then return {err = 'LIMITED ' .. count} end
redis.call('incr', current)
redis.call('expire', current, 100000)
return {current, count, string.format('%.4f', weight)}`,
  },
  {
    name: 'fixed_windows',
    keys: 'windows:{user}',
    args: 'now small',
    source: `local blocked
for i, window in ipairs({10, 60, 3600}) do
  local field = window .. ':' .. math.floor(ARGV[1] / window)
  local used = tonumber(redis.call('HGET', KEYS[1], field)) or 0
  if used + ARGV[2] > i * 10 then blocked = blocked or field end
end
if blocked then return blocked end
local out = {}
for _, window in ipairs({10, 60, 3600}) do
  out[#out + 1] = redis.call('HINCRBY', KEYS[1], window .. ':' .. math.floor(ARGV[1] / window), ARGV[2])
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local window, place = all[i]:match('^(%d+):(%d+)$')
  if (place + 2) * window < tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], all[i]) end
end
return out`,
  },
  // A Bloom filter of bits.
  {
    name: 'bloom_add',
    keys: 'bloom',
    args: 'item user',
    source: `local digest = redis.sha1hex(ARGV[1] .. ARGV[2])
local seen = 1
for i = 1, 25, 8 do
  local place = tonumber(string.sub(digest, i, i + 7), 16) % 4096
  if redis.call('SETBIT', KEYS[1], place, 1) == 0 then seen = 0 end
end
return {seen, redis.call('BITCOUNT', KEYS[1])}`,
  },
  {
    name: 'bloom_has',
    keys: 'bloom',
    args: 'item user',
    source: `local digest = redis.sha1hex(ARGV[1] .. ARGV[2])
for i = 1, 25, 8 do
  if redis.call('GETBIT', KEYS[1], tonumber('0x' .. digest:sub(i, i + 7)) % 4096) == 0 then return false end
end
return true`,
  },
  // Stock that is reserved, sold or given back.
  {
    name: 'stock_reserve',
    keys: 'stock:{item} stock:reserved',
    args: 'small user soon',
    source: `local have = redis.call('get', KEYS[1])
if not have then
  redis.call('set', KEYS[1], 20)
  have = '20'
end
if tonumber(have) < tonumber(ARGV[1]) then return redis.error_reply('STOCK only ' .. have) end
redis.call('decrby', KEYS[1], ARGV[1])
local what = cmsgpack.pack({KEYS[1], tonumber(ARGV[1]), ARGV[2]})
redis.call('zadd', KEYS[2], 'nx', ARGV[3], what)
return {redis.call('get', KEYS[1]), what}`,
  },
  {
    name: 'stock_expire',
    keys: 'stock:reserved',
    args: 'now',
    source: `local back = {}
for _, packed in ipairs(redis.call('zrangebyscore', KEYS[1], 0, ARGV[1])) do
  local key, count, user = unpack(cmsgpack.unpack(packed))
  redis.call('incrby', key, count)
  back[#back + 1] = user .. count
end
redis.call('zremrangebyscore', KEYS[1], 0, ARGV[1])
return back`,
  },
  // A leaderboard in which who came first goes before who has the same points.
  {
    name: 'ranking_score',
    keys: 'ranking ranking:points',
    args: 'user small now',
    source: `local points = redis.call('HINCRBY', KEYS[2], ARGV[1], ARGV[2])
local score = points + (1 - ARGV[3] / 1e6)
redis.call('ZADD', KEYS[1], 'GT', 'CH', score, ARGV[1])
local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
local around = redis.call('ZREVRANGE', KEYS[1], math.max(0, rank - 1), rank + 1, 'WITHSCORES')
return {points, rank + 1, around}`,
  },
  {
    name: 'ranking_ties',
    keys: 'ranking:points',
    args: '',
    source: `local all, list = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do list[#list + 1] = {all[i], tonumber(all[i + 1])} end
table.sort(list, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
local place, out = 0, {}
for i, one in ipairs(list) do
  if i == 1 or one[2] ~= list[i - 1][2] then place = i end
  out[i] = place .. '.' .. one[1] .. '=' .. one[2]
end
return table.concat(out, ' ')`,
  },
  {
    name: 'once_in_window',
    keys: 'once',
    args: 'item now',
    source: `redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ARGV[2] - 30)
local added = redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
if added == 1 then redis.call('EXPIRE', KEYS[1], 100000, 'NX') end
return {added, redis.call('ZSCORE', KEYS[1], ARGV[1])}`,
  },
  // Counters in bit fields, and statistics of values.
  {
    name: 'bit_counters',
    keys: 'bits:{user}',
    args: 'small float',
    source: `local at = '#' .. ARGV[1]
local n = math.floor(ARGV[2])
local read = redis.call('BITFIELD', KEYS[1], 'OVERFLOW', 'SAT', 'INCRBY', 'u8', at, n, 'OVERFLOW', 'FAIL', 'INCRBY', 'i5', 100, n, 'GET', 'u4', 0)
return {read, redis.call('STRLEN', KEYS[1]), read[2] == false}`,
  },
  {
    name: 'running_mean',
    keys: 'mean:{item}',
    args: 'float',
    source: `local x = tonumber(ARGV[1])
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
local mean = tonumber(redis.call('HGET', KEYS[1], 'mean') or 0)
local m2 = tonumber(redis.call('HGET', KEYS[1], 'm2') or 0)
local delta = x - mean
mean = mean + delta / count
m2 = m2 + delta * (x - mean)
redis.call('HMSET', KEYS[1], 'mean', mean, 'm2', m2)
redis.call('HINCRBYFLOAT', KEYS[1], 'sum', ARGV[1])
return {count, tostring(mean), redis.call('HGET', KEYS[1], 'm2'), redis.call('HGET', KEYS[1], 'sum')}`,
  },
  {
    name: 'visitors',
    keys: 'visitors:{item} visitors:all',
    args: 'user id',
    source: `local changed = redis.call('PFADD', KEYS[1], ARGV[1], ARGV[2] % 7)
redis.call('PFMERGE', KEYS[2], KEYS[2], KEYS[1])
return {changed, redis.call('PFCOUNT', KEYS[1]), redis.call('PFCOUNT', KEYS[1], KEYS[2])}`,
  },
];
