/**
 * Calls by library functions and metamethods, nested about as deep as Lua allows (200), with an error or a
 * further call at the bottom: whoever catches it finds the same.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { showReply } from '../../support/reply.js';
import { eitherMissing, startDarter, startRedis } from '../../support/server.js';

const DEPTHS = [194, 195, 196, 197, 198, 199, 200, 201, 210];
const RETHROW = 'if not r[1] then error(r[2], 0) end return unpack(r, 2)';

/** f(n) calls itself n times in a way of its own; LEAF is what it does at last. */
function metamethod(event: string, operation: string): string {
  return `local d local mt = {} local function new() return setmetatable({}, mt) end
    mt.__${event} = function() d = d - 1 if d < 0 then LEAF end local r = ${operation} return r end
    local function f(n) d = n return ${operation} end`;
}

const NESTED: Readonly<Record<string, string>> = {
  pcall: `local function f(n) if n == 0 then LEAF end local r = {pcall(f, n - 1)} ${RETHROW} end`,
  'pcall, kept': 'local function f(n) if n == 0 then LEAF end return pcall(f, n - 1) end',
  xpcall: `local function f(n) if n == 0 then LEAF end
    local r = {xpcall(function() return f(n - 1) end, function(e) return e end)} ${RETHROW} end`,
  'xpcall, kept': `local function f(n) if n == 0 then LEAF end
    return xpcall(function() return f(n - 1) end, function(e) return 'h:' .. tostring(e) end) end`,
  'the handler of xpcall': `local function f(n) if n == 0 then LEAF end
    return xpcall(function() error('x') end, function() return f(n - 1) end) end`,
  coroutine: `local function f(n) if n == 0 then LEAF end
    local r = {coroutine.resume(coroutine.create(f), n - 1)} ${RETHROW} end`,
  'coroutine.wrap':
    'local function f(n) if n == 0 then LEAF end return coroutine.wrap(f)(n - 1) end',
  'string.gsub': `local function f(n) if n == 0 then LEAF end
    return (string.gsub('a', 'a', function() return f(n - 1) end)) end`,
  'table.sort': `local function f(n) if n == 0 then LEAF end local done, r
    table.sort({2, 1}, function(a, b) if not done then done = true r = f(n - 1) end return a < b end)
    return r end`,
  'table.foreach': `local function f(n) if n == 0 then LEAF end
    return table.foreach({1}, function() return f(n - 1) end) end`,
  tostring: metamethod('tostring', 'tostring(new())'),
  index: metamethod('index', 'new().x'),
  call: metamethod('call', 'new()()'),
  add: metamethod('add', 'new() + 1'),
  concat: metamethod('concat', "new() .. 'x'"),
  unm: metamethod('unm', '-new()'),
  eq: metamethod('eq', 'new() == new()'),
  lt: metamethod('lt', 'new() < new()'),
};
const LEAVES: Readonly<Record<string, string>> = {
  'a result': "return 'leaf'",
  'an error': "error('boom')",
  'a table as error': "error({err = 'TAB x'})",
  'an error of Lua': 'local x x()',
  'an error of a library': 'string.rep()',
  'an unknown command': "return redis.call('NOPE')",
  'string.gsub': "return (string.gsub('a', 'a', function() return 'b' end))",
  'a coroutine': `local _, r = coroutine.resume(coroutine.create(function() return 'c' end))
    return tostring(r)`,
  xpcall:
    "local _, r = xpcall(function() error('q') end, function(e) return 'H' .. e end) return r",
};
const SHOWN =
  "return {tostring(r[1]), type(r[2]) == 'table' and (r[2].err or 'table') or tostring(r[2])}";
const CAUGHT: Readonly<Record<string, string>> = {
  nobody: 'return f(DEPTH)',
  pcall: `local r = {pcall(f, DEPTH)} ${SHOWN}`,
  xpcall: `local r = {xpcall(function() return f(DEPTH) end, function(e) return e end)} ${SHOWN}`,
};

test('deeply nested calls end as in Redis', { skip: eitherMissing() }, async (t) => {
  const servers = await Promise.all([startDarter(), startRedis()]);
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  const clients = await Promise.all(servers.map((server) => server.client()));
  for (const [nested, f] of Object.entries(NESTED)) {
    for (const [leaf, code] of Object.entries(LEAVES)) {
      for (const [by, use] of Object.entries(CAUGHT)) {
        const commands = DEPTHS.map((depth) => {
          const script = `${f.replace('LEAF', code)} ${use.replace('DEPTH', String(depth))}`;
          return ['EVAL', script, '0'];
        });
        const [ours, theirs] = await Promise.all(clients.map((one) => one.pipeline(commands)));
        DEPTHS.forEach((depth, i) => {
          const name = `${depth} × ${nested} around ${leaf}, caught by ${by}`;
          assert.equal(showReply(ours![i]!), showReply(theirs![i]!), name);
        });
      }
    }
  }
  await Promise.all(clients.map((client) => client.close()));
});
