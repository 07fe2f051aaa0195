/** Which scripts are closed: all keys of all calls are elements of KEYS. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isClosed } from './closedness.js';
import { newEnvironment } from './testing.js';

const environment = newEnvironment();

/** As if each command had one key, its first argument. */
function closed(source: string): boolean {
  return isClosed(environment.compileAnalyzed(source).closedness, ({ isOpenEnded }) =>
    isOpenEnded ? undefined : [0],
  );
}

describe('closedness', () => {
  it('holds where each key is an element of KEYS', () => {
    for (const source of [
      'return 1',
      'return redis.call("get", KEYS[1])',
      'return redis.pcall("set", KEYS[1], ARGV[1])',
      'for i = 1, #KEYS do redis.call("del", KEYS[i]) end',
      'local function f(i) return redis.call("get", (KEYS[i])) end return f(1)',
      'local x = redis.call("get", KEYS[1]) return redis.sha1hex(x), cjson.encode({x})',
      'local t = {} t.redis = 1 return t.redis, KEYS[#KEYS]',
      'local redis = {call = error} return redis.call("get", "x")',
      'local key = KEYS[1] return redis.call("get", key)',
      'local key, other = KEYS[1], KEYS[2] return function() return redis.call("get", other) end',
      'local call = redis.call return call("get", KEYS[1])',
      'local call, key = redis.pcall, KEYS[1] local function f() return call("get", key) end return f()',
      'for _, key in ipairs(KEYS) do redis.call("del", key) end',
      'for i, key in ipairs(KEYS) do local again = key redis.call("del", again) end',
      'if redis.call("exists", KEYS[1]) == 1 then return redis.status_reply("OK") end',
    ]) {
      assert.equal(closed(source), true, source);
    }
  });

  it('does not hold where a key, a command or a call cannot be seen', () => {
    for (const source of [
      'return redis.call("get", "constant")',
      'return redis.call("get", ARGV[1])',
      'return redis.call("get", KEYS[1] .. "x")',
      'local key = KEYS[1] key = "x" return redis.call("get", key)',
      'local key = KEYS[1] while redis.call("get", key) do key = ARGV[1] end',
      'local key = KEYS[1] local function f() key = "x" end f() return redis.call("get", key)',
      'local key = KEYS[1] do local key = ARGV[1] redis.call("get", key) end',
      'local key = KEYS[1] .. "x" return redis.call("get", key)',
      'local a, key = KEYS[1] return redis.call("get", key)',
      'local a, key = unpack(KEYS) return redis.call("get", key)',
      'for i, key in ipairs(KEYS) do key = key .. "x" redis.call("del", key) end',
      'for key in ipairs(KEYS) do redis.call("del", key) end',
      'for i, key in pairs(KEYS) do redis.call("del", key) end',
      'for i, key in ipairs(KEYS), nil do redis.call("del", key) end',
      'local ipairs = ARGV[1] for i, key in ipairs(KEYS) do redis.call("del", key) end',
      'local call = redis.call call = print return call("get", KEYS[1])',
      'local call = redis.call return {call}',
      'local call = redis.call return pcall(call, "get", KEYS[1])',
      'local call = redis.call return call("get", ARGV[1])',
      'local call = redis.call return call:x("get", KEYS[1])',
      'return redis.call(ARGV[1], KEYS[1])',
      'return redis.call("get", unpack(KEYS))',
      'return redis.call("mget", KEYS[1], unpack(ARGV))',
      'return redis.call("get", ...)',
      'return redis.call()',
      'return redis.call("get")',
      'local r = redis return r.call("get", KEYS[1])',
      'return pcall(redis.call, "get", KEYS[1])',
      'return redis[ARGV[1]]("get", KEYS[1])',
      'return redis["call"] == nil',
      'return redis:call("get", KEYS[1])',
      'return _G.redis.call("get", KEYS[1])',
      'return loadstring("return 1")()',
      'KEYS[1] = "x" return redis.call("get", KEYS[1])',
      'local k = KEYS k[1] = "x" return redis.call("get", KEYS[1])',
      'table.sort(KEYS) return redis.call("get", KEYS[1])',
      'while redis.call("get", "x") do end',
      'repeat until redis.call("get", "x")',
      'for i = 1, redis.call("get", "x") do end',
      'for i in redis.call("get", "x") do end',
      'local t = {redis.call("get", "x")}',
      'local function f() redis.call("get", "x") end',
      'function KEYS.f() end return redis.call("get", KEYS[1])',
      'return -redis.call("get", "x") + 1',
      'return {[redis.call("get", "x")] = 1}',
    ]) {
      assert.equal(closed(source), false, source);
    }
  });

  it('classifies arguments', () => {
    const { calls } = environment.compileAnalyzed(
      'redis.call("set", KEYS[1], "v", ARGV[1])',
    ).closedness;
    assert.deepEqual(calls, [
      {
        name: 'set',
        args: [{ kind: 'key' }, { kind: 'constant', text: 'v' }, { kind: 'other' }],
        isOpenEnded: false,
      },
    ]);
  });
});
