/** Attempts to reach JavaScript from Lua: names, properties, text that ends up in generated code. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorOf, evaluate, newEnvironment } from './testing.js';

const PROPERTIES =
  'constructor __proto__ prototype toString valueOf hasOwnProperty call apply bind arguments caller ' +
  'length name generator builtin metatable array nodeKeys nodeValues isReadonly get set getString ' +
  'setNode places __defineGetter__ __lookupGetter__ then next return throw Symbol.iterator';
const WORDS =
  'abstract arguments async await case catch class const continue debugger default delete enum eval ' +
  'export extends finally implements import instanceof interface let new null package private ' +
  'protected public static super switch this throw try typeof undefined var void with yield ' +
  'NaN Infinity Object Array Function Math V L1 L2 t0 t1 h0 G0 __proto__ constructor process require ' +
  'globalThis module exports console Buffer';

describe('Lua code', () => {
  const environment = newEnvironment();

  it('finds no property of JavaScript on any value', () => {
    for (const name of PROPERTIES.split(' ')) {
      const key = `"${name}"`;
      for (const value of ['{}', '{1, 2}', '"text"', 'string', 'redis', 'cjson', 'KEYS']) {
        const isLibrary = evaluate(
          environment,
          `return rawget(type(${value}) == "table" and ${value} or {}, ${key})`,
        );
        const found = evaluate(environment, `local v = ${value} return v[${key}]`);
        const method = name === 'len' || name === 'rep';
        if (!method) assert.deepEqual(found, isLibrary, `${value}.${name}`);
      }
      for (const value of ['function() end', 'tostring', 'true', '5', 'nil', 'cjson.null']) {
        const value_ = errorOf(environment, `local v = ${value} return v[${key}]`);
        assert.match(String(value_), /attempt to index/, `${value}.${name}`);
      }
    }
  });

  it('has tables in which such names are keys like others', () => {
    for (const name of PROPERTIES.split(' ')) {
      const source = `local t = {} t["${name}"] = 1 local u = {["${name}"] = 2} return t["${name}"], u["${name}"], next(t)`;
      assert.deepEqual(evaluate(environment, source), [1, 2, name, 1]);
    }
    const decoded = evaluate(environment, `return cjson.decode('{"__proto__":{"a":1}}').a`);
    assert.deepEqual(decoded, [undefined]);
    assert.equal(({} as { a?: number }).a, undefined);
  });

  it('may use the words and names of generated code as its own', () => {
    for (const name of WORDS.split(' ')) {
      const source =
        `local ${name} = 1 local function f(${name}) ${name} = ${name} + 1 return ${name} end ` +
        `local t = {${name} = f(${name})} for ${name} = 1, 2 do t.${name} = t.${name} + ${name} end return ${name}, t.${name}`;
      assert.deepEqual(evaluate(environment, source), [1, 5], name);
      const global = errorOf(environment, `return ${name}`);
      const text = `user_script:1: Script attempted to access nonexistent global variable '${name}'`;
      assert.equal(global, text);
      assert.equal(
        errorOf(environment, `${name} = 1`),
        'user_script:1: Attempt to modify a readonly table',
      );
    }
  });

  it('cannot end a string or comment of generated code', () => {
    const texts = [
      "'",
      '"',
      '`',
      '$'.concat('{1}'),
      '*/',
      '//',
      '\\',
      '\\u0000',
      '\u0001' + '0;',
      '</script>',
      '\x7f',
      '\xff',
      '\x85',
    ];
    for (const text of [...texts, texts.join('')]) {
      const escaped = [...text]
        .map((c) => `\\${String(c.charCodeAt(0)).padStart(3, '0')}`)
        .join('');
      assert.deepEqual(
        evaluate(environment, `return "${escaped}", ({["${escaped}"] = 5})["${escaped}"]`),
        [text, 5],
      );
      const message = String(errorOf(environment, `local t = {} return t["${escaped}"].x`));
      assert.ok(message.endsWith(`attempt to index field '${text}' (a nil value)`), message);
    }
    assert.deepEqual(
      evaluate(environment, 'return [==[\n*/ process.exit(1) /*]==], 1 --[[ */ ]]'),
      ['*/ process.exit(1) /*', 1],
    );
  });

  it('cannot name a chunk so that it becomes code', () => {
    const source =
      'return loadstring("return 1", "=x\\n*/ process.exit(1) //")(), loadstring("error(1)", "@\\u2028")';
    assert.equal(evaluate(environment, source)[0], 1);
  });

  it('cannot change what other scripts see', () => {
    for (const attempt of [
      'string.len = nil',
      'rawset(string, "len", nil)',
      'redis.call = nil',
      'table.insert(table, 1)',
      'table.sort(KEYS) table.insert(_G, 1)',
      'setmetatable(_G, nil)',
      'setmetatable(string, {})',
      'getmetatable("").__index = {}',
      'getmetatable(_G).__index = nil',
      'rawset(getmetatable(_G), "__index", nil)',
      'cjson.null = 1',
      'function string.trim() end',
      '_G.x = 1',
      '_G._G = nil',
      'loadstring("x = 1")()',
    ]) {
      assert.match(String(errorOf(environment, attempt)), /readonly table/, attempt);
    }
    assert.deepEqual(evaluate(environment, 'return ("x"):len(), #table'), [1, 0]);
  });

  it('cannot tell the values that only this program uses', () => {
    const source =
      'local function f(n) if n == 0 then return "end" end return f(n - 1) end ' +
      'local seen = {} for i = 1, 200 do seen[type(f(i))] = true end return next(seen)';
    assert.deepEqual(evaluate(environment, source), ['string', true]);
  });
});
