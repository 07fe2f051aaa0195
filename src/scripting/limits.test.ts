/** Scripts that never end, take all memory or nest too deep: they fail, and the next one runs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LuaSyntaxError, ScriptAbort } from './environment.js';
import { errorOf, evaluate, newEnvironment } from './testing.js';

/** Ends a script at its n-th tick. */
function endingAfter(ticks: number) {
  let left = ticks;
  const environment = newEnvironment({
    tickInterval: 1000,
    onTick: () => {
      if (--left <= 0) {
        left = ticks;
        throw new ScriptAbort('killed');
      }
    },
  });
  return environment;
}

describe('a script that does not end', () => {
  const endless = [
    'while true do end',
    'repeat until false',
    'for i = 1, 1e300 do end',
    'local function f() return f() end f()',
    'local function f() f() end while true do pcall(f) end',
    'while true do pcall(function() while true do end end) end',
    'xpcall(function() while true do end end, function() while true do end end)',
    'local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end',
    'coroutine.wrap(function() while true do end end)()',
    'while true do coroutine.resume(coroutine.create(function() while true do end end)) end',
    'string.find(string.rep("a", 100), string.rep("a?", 100) .. string.rep("a", 101))',
    'string.match(string.rep("a", 30000), ".-.-.-.-b")',
    'string.gsub(string.rep("a", 1e6), ".", function(c) string.rep("a", 1e6):upper() end)',
    'local t = {} for i = 1, 2e5 do t[i] = i end while true do table.sort(t, function(a, b) return a > b end) end',
    'local t = {} for i = 1, 1e5 do t[i] = "x" end while true do table.concat(t) end',
    'local t = {} for i = 1, 1e5 do t[i] = i end while true do cjson.encode(t) end',
    'local s = "[" .. string.rep("1,", 1e5) .. "1]" while true do cjson.decode(s) end',
    'local t = {} for i = 1, 1e5 do t[i] = i end while true do cmsgpack.pack(t) end',
    'local s = cmsgpack.pack(string.rep("x", 10)):rep(7000) while true do cmsgpack.unpack_limit(s, 5000) end',
    'local t = {} for i = 1, 1e5 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t, 1) end',
    'table.insert({}, -2147483647, 1)',
    'for k in function() return 1 end do end',
    'local t = setmetatable({}, {__index = function(t, k) return k end}) local i = 0 while true do i = i + t.x:len() end',
    'while true do loadstring("return 1") end',
    'load(function() return "x " end)',
    'table.foreach({1}, function() while true do end end)',
  ];

  for (const source of endless) {
    it(`is ended by its host: ${source}`, { timeout: 60_000 }, () => {
      const environment = endingAfter(200);
      assert.throws(() => evaluate(environment, source), ScriptAbort);
      assert.deepEqual(evaluate(environment, 'return 1 + 1'), [2]);
    });
  }

  it('lets its host look in time while it catches errors, which are slow', () => {
    const caught = [
      "pcall(error, 'x')",
      "xpcall(function() error('x') end, function() end)",
      "coroutine.resume(coroutine.create(function() error('x') end))",
    ];
    for (const code of caught) {
      let looks = 0;
      const environment = newEnvironment({ tickInterval: 1000, onTick: () => looks++ });
      evaluate(environment, `for i = 1, 100 do ${code} end`);
      assert.ok(looks >= 90, `${code}: ${looks}`);
    }
  });
});

describe('a script that takes memory', () => {
  const memoryBytes = 64 * 1024 * 1024;
  const greedy = [
    'local t = {} for i = 1, 1e9 do t[i] = {i} end',
    'local t = {} for i = 1, 1e9 do t["key" .. i] = i end',
    'local s = "x" while true do s = s .. s end',
    'local s = string.rep("x", 2^20) local t = {} while true do t[#t + 1] = s .. #t end',
    'return string.rep("x", 2^31 - 1)',
    'return string.rep("x", 1e9)',
    'local t = {} for i = 1, 1000 do t[i] = string.rep("x", 2^20) end return table.concat(t)',
    'local s = string.rep("x", 2^20) return (string.gsub(s, ".", s))',
    'local t = {} for i = 1, 1e9 do t[i] = function() return i end end',
    'local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() end) end',
    'local function f(...) return f(1, 2, 3, ...) end return f()',
    'local t = {} while true do t = {t, t, t, t} end',
  ];

  for (const source of greedy) {
    it(`gets Lua's error: ${source}`, { timeout: 120_000 }, () => {
      const environment = newEnvironment({ memoryBytes });
      const value = errorOf(environment, source);
      assert.match(String(value), /not enough memory|stack overflow/);
      assert.deepEqual(evaluate(environment, 'return 1 + 1'), [2]);
    });
  }

  it('quotes a long string in pieces that meet without a seam', { timeout: 60_000 }, () => {
    const environment = newEnvironment({ memoryBytes });
    const source = `local s = string.rep('a"', 2^16 + 5)
      return cjson.decode(cjson.encode(s)) == s, loadstring('return ' .. string.format('%q', s))() == s`;
    assert.deepEqual(evaluate(environment, source), [true, true]);
  });

  it('may go on after it caught the error', { timeout: 60_000 }, () => {
    const environment = newEnvironment({ memoryBytes });
    const source =
      'local ok, e = pcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end) ' +
      'return ok, e, pcall(string.rep, "x", 1e9)';
    const values = evaluate(environment, source);
    assert.deepEqual(values, [false, 'not enough memory', false, 'not enough memory']);
  });

  it('may make more garbage than it may keep', { timeout: 60_000 }, () => {
    const environment = newEnvironment({ memoryBytes });
    const source = 'local n = 0 for i = 1, 3e6 do local t = {i} n = n + #t end return n';
    assert.deepEqual(evaluate(environment, source), [3e6]);
  });
});

describe('a script that nests', () => {
  const environment = newEnvironment();

  it('overflows the stack with an error of Lua', () => {
    for (const source of [
      'local function f() return 1 + f() end f()',
      'local function f() f() end f()',
      'local t = {} function t.f(x) return t.f(x) .. "" end t.f(1)',
      'local co co = coroutine.wrap(function() local function f() return 1 + f() end f() end) co()',
    ]) {
      assert.match(
        String(errorOf(environment, source)),
        /^user_script:1: (user_script:1: )?stack overflow$/,
      );
    }
    assert.deepEqual(evaluate(environment, 'return 1'), [1]);
  });

  it('overflows the stack of library calls and metamethods', () => {
    const source =
      'local n = 0 local function f() n = n + 1 local ok, e = pcall(f) if not ok then return e end return e end ' +
      'return f(), n';
    assert.deepEqual(evaluate(environment, source), ['C stack overflow', 199]);
    const index =
      'local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]';
    assert.equal(errorOf(environment, index), 'user_script:1: C stack overflow');
    assert.equal(
      errorOf(environment, 'local t = {} setmetatable(t, {__index = t}) return t.x'),
      'user_script:1: loop in gettable',
    );
  });

  it('makes tail calls without end', () => {
    const source =
      'local function even(n) if n == 0 then return true end return odd(n - 1) end'.replace(
        'odd',
        'even',
      );
    assert.deepEqual(evaluate(environment, `${source} return even(1e6)`), [true]);
    const coroutine = `local r = coroutine.wrap(function() ${source} return even(1e5) end)() return r`;
    assert.deepEqual(evaluate(environment, coroutine), [true]);
  });

  it('is refused when its syntax nests too deep, here or in JavaScript', () => {
    for (const source of [
      `return ${'('.repeat(300)}1${')'.repeat(300)}`,
      `${'do '.repeat(300)}${'end '.repeat(300)}`,
      `return ${'{'.repeat(300)}${'}'.repeat(300)}`,
      `return ${'not '.repeat(300)}1`,
      `return ${'function() return '.repeat(250)}1${' end'.repeat(250)}`,
    ]) {
      assert.throws(() => environment.compile(source), LuaSyntaxError);
    }
  });

  it('compiles long chains, or says that they are too long', () => {
    for (const source of [
      `return ${Array(2000).fill('x').join(' + ')}`.replaceAll('x', '#ARGV'),
      `return ${Array(150).fill('"x"').join(' .. ')}`,
      `local x = 1 ${'if x == 2 then return 1 else'.repeat(1)}if x == 1 then return 2 end`,
      `local x = 0 if x == 1 then ${Array(2000).fill('elseif x == 2 then').join(' ')} end return 1`,
      `return #{${Array(5000).fill('1').join(',')}}`,
      Array(20_000).fill('local x = 1').join(' do ').slice(0, 11),
      `${Array(3000).fill('redis.sha1hex("x")').join('\n')}`,
    ]) {
      try {
        evaluate(environment, source);
      } catch (thrown) {
        assert.ok(thrown instanceof LuaSyntaxError, String(thrown));
        assert.match(thrown.message, /too complex|too many/);
      }
    }
  });

  it('compiles nested functions that use coroutines in little code', () => {
    const depth = 40;
    const source = `local c = coroutine.yield return ${'(function() return '.repeat(depth)}1${' end)()'.repeat(depth)}`;
    assert.deepEqual(evaluate(environment, source), [1]);
  });
});
