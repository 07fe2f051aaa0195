/** Scripts whose commands are about the same keys one after the other, in all pairs: what one did, the next one finds. */
import type { Step } from './conversions.js';

const LONG = 'x'.repeat(3000);

/** Commands on KEYS[1], and some that concern it in other ways. */
const COMMANDS: readonly string[] = [
  "'get', k",
  "'set', k, 'v'",
  `'set', k, '${LONG}'`,
  `'append', k, '${LONG}'`,
  "'incr', k",
  "'del', k",
  "'pexpire', k, 60000",
  "'pexpire', k, -1",
  "'persist', k",
  "'hset', k, 'f', 'v'",
  "'hdel', k, 'f'",
  "'zadd', k, 1, 'm'",
  "'zremrangebyscore', k, 0, 5",
  "'rpush', k, 'e'",
  "'lpop', k",
  "'rename', k, other",
  "'rename', other, k",
  "'copy', k, other, 'replace'",
  "'set', other, 'o'",
  "'get', other",
  "'mget', k, other, k",
  "'swapdb', 0, 1",
  "'select', 1",
  "'move', k, 1",
  "'flushdb'",
  "'scan', 0, 'count', 1000",
  "'dbsize'",
  "'sort', k, 'by', 'nosort', 'store', k",
  "'object', 'encoding', k",
];

const READ =
  "redis.call('type', k), redis.call('exists', k, other), redis.call('ttl', k), redis.call('dbsize')";

/** One script for each first command: it runs all second ones, each on data made anew. */
function scriptOf(first: string, isDeclared: boolean): Step {
  const seconds = COMMANDS.map((second) => `function() return redis.pcall(${second}) end`);
  const keys = isDeclared ? 'KEYS[1], KEYS[2]' : "'same:key', 'other:key'";
  const source = `local k, other = ${keys}
local out = {}
for i, second in ipairs{${seconds.join(', ')}} do
  for _, begin in ipairs{'nothing', 'string', 'hash', 'zset'} do
    redis.call('select', 0)
    redis.call('flushall')
    if begin == 'string' then redis.call('set', k, 7) end
    if begin == 'hash' then redis.call('hset', k, 'f', 1, 'g', 2) end
    if begin == 'zset' then redis.call('zadd', k, 1, 'a', 9, 'b') end
    local a = redis.pcall(${first})
    local b = second()
    if type(b) == 'table' and type(b[2]) == 'table' then table.sort(b[2]) end
    out[#out + 1] = {i, begin, a, b, ${READ}}
  end
end
redis.call('select', 0)
return out`;
  return isDeclared ? ['EVAL', source, '2', 'same:key', 'other:key'] : ['EVAL', source, '0'];
}

export const sameKey: readonly Step[] = COMMANDS.filter(
  (first) => !first.startsWith("'scan'"),
).flatMap((first) => [scriptOf(first, true), scriptOf(first, false)]);
