/** Environments: the host, keys and arguments, locked globals, and what runs leave behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inputOf, LuaError, LuaSyntaxError } from './environment.js';
import { errorTable } from './library/redis.js';
import { originOf } from './runtime/positions.js';
import { LuaTable } from './runtime/table.js';
import { errorOf, evaluate, FakeHost, newEnvironment } from './testing.js';

describe('an environment', () => {
  it('gives a script its keys and arguments, new ones in each run of the same function', () => {
    const environment = newEnvironment();
    const script = environment.compile('return KEYS[1], ARGV[2], #KEYS, _G.KEYS == KEYS');
    assert.deepEqual(environment.run(script, inputOf(['k'], ['a', 'b'])), ['k', 'b', 1, true]);
    assert.deepEqual(environment.run(script, inputOf([], ['x'])), [undefined, undefined, 0, true]);
  });

  it('reads places of KEYS and ARGV as the tables have them', () => {
    const environment = newEnvironment();
    const run = (source: string) => evaluate(environment, source, ['a', 'b'], ['x']);
    assert.deepEqual(run('return KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]').slice(), [
      ...['a', 'b', undefined, 'x', undefined],
    ]);
    assert.deepEqual(run('return KEYS[0], KEYS[-1], KEYS[1.5], KEYS["1"], #KEYS'), [
      ...[undefined, undefined, undefined, undefined, 2],
    ]);
    // Of what was changed, by whatever name, the script sees what it is now.
    assert.deepEqual(run('KEYS[1] = "c" return KEYS[1], ARGV[1]'), ['c', 'x']);
    assert.deepEqual(run('local k = KEYS k[1] = "c" return KEYS[1]'), ['c']);
    assert.deepEqual(run('table.insert(ARGV, "y") return ARGV[2]'), ['y']);
    assert.deepEqual(run('rawset(KEYS, 3, "c") return KEYS[3]'), ['c']);
    assert.deepEqual(run('_G.KEYS[1] = "c" return KEYS[1]'), ['c']);
    assert.deepEqual(run('loadstring("KEYS[1] = 5")() return KEYS[1]'), [5]);
    assert.deepEqual(run('KEYS[1] = 5 return loadstring("return KEYS[1]")()'), [5]);
    assert.deepEqual(run('return loadstring("return KEYS[2], ARGV[1]")()'), ['b', 'x']);
    assert.deepEqual(run('local KEYS = {9} return KEYS[1], ARGV[1]'), [9, 'x']);
    assert.deepEqual(run('return coroutine.wrap(function() return KEYS[1] .. ARGV[1] end)()'), [
      'ax',
    ]);
    assert.match(
      String(errorOf(environment, 'return KEYS[1] .. "x"')),
      /:1: attempt to concatenate/,
    );
    assert.match(
      String(errorOf(environment, 'return KEYS[1].x')),
      /:1: attempt to index field '\?'/,
    );
  });

  it('passes on what a local stands for that nothing changes', () => {
    const host = new FakeHost();
    const environment = newEnvironment({ host });
    const run = (source: string) => evaluate(environment, source, ['a'], ['x', 'y']);
    host.answer = (args) => args.join(' ');
    assert.deepEqual(run('local c, k = redis.call, KEYS[1] return c("get", k), #k, k'), [
      ...['get a', 1, 'a'],
    ]);
    assert.deepEqual(
      run(
        'local c = redis.call local v = ARGV[2] local function f(k) return c("set", k, v) end ' +
          'return f(KEYS[1]), v',
      ),
      ['set a y', 'y'],
    );
    assert.deepEqual(
      run('local k = KEYS[1] if ARGV[1] then k = "b" end return redis.call("get", k)'),
      ['get b'],
    );
    assert.deepEqual(run('local k = KEYS[1] KEYS[1] = "c" return redis.call("get", k), k'), [
      ...['get a', 'a'],
    ]);
    assert.deepEqual(
      run('local c = redis.call c = function() return "mine" end return c("get", KEYS[1])'),
      ['mine'],
    );
    assert.deepEqual(
      run('local k = KEYS[1] local function f() k = "z" end f() return redis.call("get", k)'),
      ['get z'],
    );
    host.calls.length = 0;
    assert.deepEqual(
      run('local c, k = redis.call, KEYS[1] c("del", k) redis.call("del", k, 1)'),
      [],
    );
    assert.deepEqual(host.calls, [
      ['del', 'a'],
      ['del', 'a', '1'],
    ]);
  });

  it('begins each run with functions and variables as new', () => {
    const environment = newEnvironment();
    const script = environment.compile(
      'local n = 0 local key = KEYS[1] ' +
        'local function next() n = n + 1 return n end ' +
        'local function named() return key .. ARGV[1] end ' +
        'local function both() return named() .. next() end ' +
        'both() return both(), n',
    );
    assert.deepEqual(environment.run(script, inputOf(['a'], ['b'])), ['ab2', 2]);
    assert.deepEqual(environment.run(script, inputOf(['c'], ['d'])), ['cd2', 2]);
    const loaded = 'local f = loadstring("local function g() end return g") return f() == f()';
    assert.deepEqual(evaluate(environment, loaded), [false]);
  });

  it('passes keys and arguments on to its host, and none that are not there', () => {
    const host = new FakeHost();
    const environment = newEnvironment({ host });
    const run = (source: string) => evaluate(environment, source, ['a'], ['get', 'x']);
    host.answer = (args) => args.join(' ');
    assert.deepEqual(run('return redis.call("set", KEYS[1], ARGV[2])'), ['set a x']);
    assert.deepEqual(run('return (redis.pcall("set", (KEYS[1]), ARGV[2]))'), ['set a x']);
    assert.deepEqual(run('return redis.call(ARGV[1], KEYS[1])'), ['get a']);
    assert.deepEqual(run('ARGV[2] = "y" return redis.call("set", KEYS[1], ARGV[2])'), ['set a y']);
    assert.deepEqual(
      run('return coroutine.wrap(function() return redis.call("get", KEYS[1]) end)()'),
      ['get a'],
    );
    const bad = 'ERR Lua redis lib command arguments must be strings or integers';
    for (const call of ['redis.pcall("get", KEYS[2])', 'redis.pcall(ARGV[3])']) {
      const [table] = run(`return ${call}`);
      assert.equal(table instanceof LuaTable && table.getString('err'), bad);
    }
    // What is no command gets strings.
    assert.deepEqual(run('return redis.sha1hex(KEYS[1]) == redis.sha1hex("a"), type(KEYS[1])'), [
      ...[true, 'string'],
    ]);
    assert.deepEqual(run('local call = redis.call return call("get", KEYS[1])'), ['get a']);
    assert.deepEqual(run('return pcall(redis.call, "get", KEYS[1])'), [true, 'get a']);
  });

  it('calls its host with texts, numbers with all their digits', () => {
    const host = new FakeHost();
    const environment = newEnvironment({ host });
    host.answer = (args) => args.length;
    const source = 'return redis.call("set", KEYS[1], 3, 0.1, 2^53, -0), redis.pcall("get", "x")';
    assert.deepEqual(evaluate(environment, source, ['key']), [6, 2]);
    const seventeen = '0.10000000000000001';
    assert.deepEqual(host.calls[0], ['set', 'key', '3', seventeen, '9007199254740992', '-0']);
  });

  it('tells errors of its host to the script: call raises them, pcall gives them', () => {
    const host = new FakeHost();
    const environment = newEnvironment({ host });
    host.answer = () => {
      const table = new LuaTable();
      table.set('err', 'ERR no');
      return table;
    };
    const source = 'return redis.pcall("x").err, pcall(redis.call, "x")';
    assert.deepEqual(evaluate(environment, source), ['ERR no', false, 'ERR no']);
    const value = errorOf(environment, 'redis.call("x")');
    assert.equal(value instanceof LuaTable && value.getString('err'), 'ERR no');
  });

  it('passes log, setresp, set_repl and acl_check_cmd on', () => {
    const host = new FakeHost();
    const environment = newEnvironment({ host });
    const source =
      'redis.log(redis.LOG_WARNING, "a", 1) redis.setresp(3) redis.set_repl(redis.REPL_NONE) ' +
      'return redis.acl_check_cmd("get"), redis.acl_check_cmd("forbidden")';
    assert.deepEqual(evaluate(environment, source), [true, false]);
    assert.deepEqual(host.logged, ['3 a 1']);
    assert.equal(host.respVersion, 3);
    assert.equal(host.replicationFlags, 0);
  });

  it('keeps nothing of a script but the state of math.random', () => {
    const environment = newEnvironment();
    evaluate(environment, 'cjson.encode_max_depth(1) cjson.encode_number_precision(2)');
    assert.deepEqual(evaluate(environment, 'return cjson.encode({{1/3}})'), [
      '[[0.33333333333333]]',
    ]);
    const state = environment.randomState;
    const first = evaluate(environment, 'return math.random(), math.random()');
    environment.randomState = state;
    assert.deepEqual(evaluate(environment, 'return math.random(), math.random()'), first);
  });

  it('tells the line of an error, whatever its value is', () => {
    const environment = newEnvironment();
    for (const code of [
      'error({})',
      'error("x", 0)',
      'local x x()',
      'string.rep()',
      'error("x", 2)',
    ]) {
      const script = environment.compile(`local function f()\n\n${code}\nend\nf()`);
      assert.throws(
        () => environment.run(script, inputOf([], [])),
        (thrown) => thrown instanceof LuaError && originOf(thrown).line === 3,
        code,
      );
    }
  });

  it('tells the line of a command that fails in a statement', () => {
    const host = new FakeHost();
    const environment = newEnvironment({ host });
    host.answer = () => errorTable('ERR no');
    for (const source of [
      'local c = redis.call\nlocal function f(x)\nc("get", x)\nend\nf(1)',
      'local c = redis.call\nlocal function f(x)\nreturn c("get", x)\nend\nf(1)',
      'local c = redis.call\nlocal function f(x)\nc("get", x.y)\nend\nf({})',
      'local f = function()\n\nredis.call()\nend\nf()',
    ]) {
      assert.throws(
        () => environment.run(environment.compile(source), inputOf([], [])),
        (thrown) => thrown instanceof LuaError && originOf(thrown).line === 3,
        source,
      );
    }
  });

  it('refuses what does not compile, and goes on', () => {
    const environment = newEnvironment();
    assert.throws(
      () => environment.compile('return +', '@name'),
      (thrown) =>
        thrown instanceof LuaSyntaxError && thrown.message === "name:1: unexpected symbol near '+'",
    );
    assert.deepEqual(evaluate(environment, 'return 1'), [1]);
  });
});
