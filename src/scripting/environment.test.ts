/** Environments: the host, keys and arguments, locked globals, and what runs leave behind. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LuaError, LuaSyntaxError, lineOf, listOf } from './environment.js';
import { LuaTable } from './runtime/table.js';
import { errorOf, evaluate, FakeHost, newEnvironment } from './testing.js';

describe('an environment', () => {
  it('gives a script its keys and arguments, new ones in each run of the same function', () => {
    const environment = newEnvironment();
    const script = environment.compile('return KEYS[1], ARGV[2], #KEYS, _G.KEYS == KEYS');
    assert.deepEqual(environment.run(script, listOf(['k']), listOf(['a', 'b'])), [
      'k',
      'b',
      1,
      true,
    ]);
    assert.deepEqual(environment.run(script, listOf([]), listOf(['x'])), [
      undefined,
      undefined,
      0,
      true,
    ]);
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
        () => environment.run(script, listOf([]), listOf([])),
        (thrown) => thrown instanceof LuaError && lineOf(thrown) === 3,
        code,
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
