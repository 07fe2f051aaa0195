/** Scripts after what locks, semaphores, sessions and catalogues use, written anew. */
import type { UserScript } from './user-scripts.js';

export const lockScripts: readonly UserScript[] = [
  // A lock that its holder may take again: a hash with one field.
  {
    name: 'lock_take',
    keys: 'lock',
    args: 'user long',
    source: `if ((redis.call('exists', KEYS[1]) == 0) or (redis.call('hexists', KEYS[1], ARGV[1]) == 1)) then
  redis.call('hincrby', KEYS[1], ARGV[1], 1)
  redis.call('pexpire', KEYS[1], ARGV[2])
  return nil
end
return redis.call('pttl', KEYS[1]) > 0`,
  },
  {
    name: 'lock_give',
    keys: 'lock lock:channel',
    args: 'user long',
    source: `if (redis.call('hexists', KEYS[1], ARGV[1]) == 0) then return nil end
local counter = redis.call('hincrby', KEYS[1], ARGV[1], -1)
if (counter > 0) then
  redis.call('pexpire', KEYS[1], ARGV[2])
  return 0
else
  redis.call('del', KEYS[1])
  redis.call('publish', KEYS[2], '0')
  return 1
end`,
  },
  {
    name: 'shared_lock_read',
    keys: 'rw rw:timeouts:{user}',
    args: 'user long',
    source: `local mode = redis.call('hget', KEYS[1], 'mode')
if mode == false then
  redis.call('hset', KEYS[1], 'mode', 'read', ARGV[1], 1)
elseif mode == 'read' or redis.call('hexists', KEYS[1], ARGV[1] .. ':write') == 1 then
  redis.call('hincrby', KEYS[1], ARGV[1], 1)
else
  return redis.call('hkeys', KEYS[1])
end
local n = redis.call('hget', KEYS[1], ARGV[1])
redis.call('set', KEYS[2] .. ':' .. n, 1, 'px', ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[2])
return tonumber(n)`,
  },
  {
    name: 'shared_lock_write',
    keys: 'rw',
    args: 'user long',
    source: `local mode = redis.call('hget', KEYS[1], 'mode')
local field = ARGV[1] .. ':write'
if not mode then
  redis.call('hset', KEYS[1], 'mode', 'write')
elseif not (mode == 'write' and redis.call('hexists', KEYS[1], field) == 1) then
  return {mode, redis.call('hlen', KEYS[1])}
end
redis.call('pexpire', KEYS[1], ARGV[2])
return redis.call('hincrby', KEYS[1], field, 1)`,
  },
  {
    name: 'shared_lock_give',
    keys: 'rw rw:timeouts:{user}',
    args: 'user',
    source: `if redis.call('exists', KEYS[1]) == 0 then return false end
for _, field in ipairs({ARGV[1], ARGV[1] .. ':write'}) do
  local n = redis.call('hget', KEYS[1], field)
  if n then
    redis.call('del', KEYS[2] .. ':' .. n)
    if redis.call('hincrby', KEYS[1], field, -1) == 0 then redis.call('hdel', KEYS[1], field) end
    if redis.call('hlen', KEYS[1]) > 1 then return 0 end
    redis.call('del', KEYS[1])
    return 1
  end
end
return -1`,
  },
  {
    name: 'fair_lock',
    keys: 'fair fair:queue fair:timeouts',
    args: 'user now small',
    source: `while true do
  local first = redis.call('lindex', KEYS[2], 0)
  if first == false then break end
  local timeout = redis.call('zscore', KEYS[3], first)
  if timeout ~= false and tonumber(timeout) > tonumber(ARGV[2]) then break end
  redis.call('zrem', KEYS[3], first)
  redis.call('lpop', KEYS[2])
end
if redis.call('exists', KEYS[1]) == 0 and (redis.call('exists', KEYS[2]) == 0 or redis.call('lindex', KEYS[2], 0) == ARGV[1]) then
  redis.call('lpop', KEYS[2])
  redis.call('zrem', KEYS[3], ARGV[1])
  local waiting = redis.call('zrange', KEYS[3], 0, -1)
  for i = 1, #waiting do redis.call('zincrby', KEYS[3], -tonumber(ARGV[3]), waiting[i]) end
  redis.call('hset', KEYS[1], ARGV[1], 1)
  return nil
end
if redis.call('hexists', KEYS[1], ARGV[1]) == 1 then return redis.call('hincrby', KEYS[1], ARGV[1], 1) end
local last = redis.call('lindex', KEYS[2], -1)
local base = last and redis.call('zscore', KEYS[3], last) or ARGV[2]
if redis.call('zadd', KEYS[3], base + ARGV[3] * 10, ARGV[1]) == 1 then redis.call('rpush', KEYS[2], ARGV[1]) end
return redis.call('lrange', KEYS[2], 0, -1)`,
  },
  {
    name: 'fair_unlock',
    keys: 'fair fair:queue',
    args: 'user',
    source: `if redis.call('hdel', KEYS[1], ARGV[1]) == 0 then return redis.pcall('hincrby', KEYS[1], ARGV[1], 'x') end
return {redis.call('exists', KEYS[1]), redis.call('lpos', KEYS[2], ARGV[1])}`,
  },
  // Semaphores of holders by time, and of permits.
  {
    name: 'semaphore_take',
    keys: 'semaphore semaphore:owners semaphore:counter',
    args: 'user now small',
    source: `redis.call('zremrangebyscore', KEYS[1], '-inf', ARGV[2] - 50)
redis.call('zinterstore', KEYS[2], 2, KEYS[2], KEYS[1], 'WEIGHTS', 1, 0)
local n = redis.call('incr', KEYS[3])
redis.call('zadd', KEYS[1], ARGV[2], ARGV[1])
redis.call('zadd', KEYS[2], n, ARGV[1])
local rank = redis.call('zrank', KEYS[2], ARGV[1])
if rank < tonumber(ARGV[3]) - 1 then return n end
redis.call('zrem', KEYS[1], ARGV[1])
redis.call('zrem', KEYS[2], ARGV[1])
return false`,
  },
  {
    name: 'permits',
    keys: 'permits',
    args: 'float',
    source: `redis.call('setnx', KEYS[1], 10)
local left = redis.call('incrbyfloat', KEYS[1], -tonumber(ARGV[1]))
if tonumber(left) < 0 then
  redis.call('set', KEYS[1], left + ARGV[1])
  return {err = 'NOPERMITS ' .. left}
end
return left`,
  },
  // Sessions: attributes in a hash, expiries in sets by minute, and one packed whole.
  {
    name: 'session_save',
    keys: 'sessions:{user} sessions:expirations',
    args: 'now item float',
    source: `redis.call('HMSET', KEYS[1], 'lastAccessedTime', ARGV[1], 'sessionAttr:' .. ARGV[2], ARGV[3])
redis.call('PEXPIREAT', KEYS[1], 99999999999000)
local minute = math.ceil(ARGV[1] / 60) * 60
redis.call('SADD', KEYS[2] .. ':' .. minute, KEYS[1])
local keys = redis.call('HKEYS', KEYS[1])
table.sort(keys)
return {minute, keys, redis.call('PEXPIRETIME', KEYS[1])}`,
  },
  {
    name: 'session_clean',
    keys: 'sessions:expirations',
    args: 'now',
    source: `local minute = math.floor(ARGV[1] / 60) * 60
local touched = redis.call('SMEMBERS', KEYS[1] .. ':' .. minute)
table.sort(touched)
redis.call('DEL', KEYS[1] .. ':' .. minute)
for _, key in ipairs(touched) do
  if tonumber(redis.call('HGET', key, 'lastAccessedTime') or 0) < minute - 60 then redis.call('UNLINK', key) end
end
return touched`,
  },
  {
    name: 'session_packed',
    keys: 'packed:{user}',
    args: 'item float now',
    source: `local session = {count = 0, tags = {}}
local packed = redis.call('GET', KEYS[1])
if packed then session = cmsgpack.unpack(packed) end
session.count = session.count + 1
session.tags[session.count % 3 + 1] = {ARGV[1], tonumber(ARGV[2]), ARGV[2] == '7'}
session.at = tonumber(ARGV[3])
redis.call('SET', KEYS[1], cmsgpack.pack(session), 'KEEPTTL')
return {redis.call('STRLEN', KEYS[1]), cjson.encode(session.tags[1] or cjson.null), session.count}`,
  },
  // Catalogues: names in their order, flags, documents.
  {
    name: 'names_add',
    keys: 'names',
    args: 'item user',
    source:
      "return redis.call('ZADD', KEYS[1], 0, ARGV[2] .. ':' .. ARGV[1], 0, string.upper(ARGV[2]))",
  },
  {
    name: 'names_page',
    keys: 'names',
    args: 'user small',
    source: `local page, from, pages = {}, '[' .. ARGV[1], 0
repeat
  page = redis.call('ZRANGEBYLEX', KEYS[1], from, '[' .. ARGV[1] .. '\\255', 'LIMIT', 0, ARGV[2])
  pages = pages + 1
  if #page > 0 then from = '(' .. page[#page] end
until #page < tonumber(ARGV[2])
return {pages, page, redis.call('ZLEXCOUNT', KEYS[1], '-', '+'), redis.call('ZREVRANGEBYLEX', KEYS[1], '+', '-', 'LIMIT', 0, 2)}`,
  },
  {
    name: 'flags_read',
    keys: 'flags',
    args: 'item user',
    source: `redis.call('HSET', KEYS[1], ARGV[1] .. ':on', ARGV[2], 'all', '1')
local cursor, found = '0', {}
repeat
  local read = redis.call('HSCAN', KEYS[1], cursor, 'MATCH', '*:on', 'COUNT', 100)
  cursor = read[1]
  for i = 1, #read[2], 2 do found[#found + 1] = read[2][i] .. '=' .. read[2][i + 1] end
until cursor == '0'
table.sort(found)
return found`,
  },
  {
    name: 'unique_id',
    keys: 'ids',
    args: 'small',
    source: `local time = redis.call('TIME')
local sequence = redis.call('INCR', KEYS[1]) % 4096
local id = (time[1] - 1288834974) * 2 ^ 22 + ARGV[1] * 4096 + sequence
return {#time, type(time[1]), id > 2 ^ 40, sequence, bit.band(sequence, 7), bit.tohex(sequence, 4)}`,
  },
  {
    name: 'document_merge',
    keys: 'document:{user}',
    args: 'item float now',
    source: `local document = cjson.decode(redis.call('GET', KEYS[1]) or '{}')
document[ARGV[1]] = document[ARGV[1]] or {}
local list = document[ARGV[1]]
list[#list + 1] = tonumber(ARGV[2])
if #list > 4 then table.remove(list, 1) end
local names = {}
for name in pairs(document) do names[#names + 1] = name end
table.sort(names)
local text = cjson.encode(document)
redis.call('SET', KEYS[1], text, 'EX', 100000)
return {names, text}`,
  },
  {
    name: 'compare_and_set',
    keys: 'version:{item}',
    args: 'small user',
    source: `local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version % 5 ~= ARGV[1] - 1 then
  return {false, version, redis.call('HINCRBY', KEYS[1], 'version', 1)}
end
redis.call('HSET', KEYS[1], 'version', version + 1, 'by', ARGV[2])
return {true, version + 1}`,
  },
  {
    name: 'friends',
    keys: 'friends:{user} friends:{user} friends:common',
    args: 'user item',
    source: `redis.call('SADD', KEYS[1], ARGV[1], ARGV[2])
local n = redis.call('SINTERSTORE', KEYS[3], KEYS[1], KEYS[2])
local common = redis.call('SORT', KEYS[3], 'ALPHA', 'DESC')
return {n, common, redis.call('SINTERCARD', 2, KEYS[1], KEYS[2], 'LIMIT', 1), redis.call('SMISMEMBER', KEYS[2], ARGV[1], 'x')}`,
  },
  {
    name: 'nearby',
    keys: 'places',
    args: 'item float float',
    source: `local added = redis.pcall('GEOADD', KEYS[1], ARGV[2], ARGV[3], ARGV[1])
if type(added) == 'table' then return added end
return {added, redis.call('GEOSEARCH', KEYS[1], 'FROMLONLAT', 0, 0, 'BYRADIUS', 500, 'km', 'ASC', 'WITHDIST'), redis.call('GEOHASH', KEYS[1], ARGV[1])}`,
  },
];
