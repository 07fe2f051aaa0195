/** Errors of scripts that are compared: where they come from, tables that are errors, code that is loaded, NULs in texts, commands that answer scripts otherwise. */
import type { Step } from './conversions.js';

const LONG = "string.rep('p', 200)";

const SCRIPTS: readonly string[] = [
  // Of code that the script loads: by the name that it was given, or by its text.
  `local f = loadstring('error("q")') f()`,
  `local f = loadstring('error("q")', '=n') f()`,
  `local f = loadstring('error("q")', '@n') f()`,
  `local f = loadstring('error("q")', '=n\\0m') f()`,
  `local f = loadstring('error({err = "q"})', '=n') f()`,
  `local f = loadstring('\\nredis.call("nosuch")') f()`,
  `local f = loadstring('\\nreturn redis.call("nosuch")') return f()`,
  `local f = loadstring('return nosuch') f()`,
  `local f = loadstring('local x = nil .. "a"') return f()`,
  `local f = loadstring('error("q")', '@' .. ${LONG}) return {pcall(f)}`,
  `local f = loadstring('error("q")', ${LONG}) return {pcall(f)}`,
  `local f = loadstring('error("q")', '=' .. ${LONG}) return {pcall(f)}`,
  `local _, e = loadstring('x = @', '@' .. ${LONG}) return e`,
  `local _, e = loadstring('x = @', ${LONG}) return e`,
  `local _, e = loadstring('x = @', '=' .. ${LONG}) return e`,
  `local _, e = loadstring('x = @', 'a\\nb') return e`,
  `local _, e = loadstring('x\\0y') return e`,
  // Brackets in brackets.
  'return [[ a [[ b ]]',
  'return [[[[ b ]]',
  '--[[ a [[ b ]] return 1',
  "local _, e = loadstring('return [[ [[ ') return e",
  // Tables, and what else is an error.
  'error(redis)',
  'error(string)',
  'error(_G)',
  'error({err = 5})',
  "error({err = 'a b', source = '@foo', line = 77})",
  'error()',
  'error(true)',
  'error(12)',
  // A NUL ends the text.
  "error('a\\0b')",
  "error({err = 'a\\0b'})",
  "return {err = 'A a\\0b'}",
  "return {ok = 'a\\0b'}",
  "return {{ok = 'a\\0b'}, {err = 'A a\\0b'}}",
  "return redis.status_reply('a\\0b')",
  "return redis.error_reply('a\\0b')",
  // The line of a field is where it ends.
  'return {[nil] = 1,\n b = 2,\n\n c = 3}',
  'return {\n [nil] =\n\n (5 +\n 1\n)\n\n,\n b = 2}',
  'return {\n a = 1, [\nnil\n] = function()\n end\n, b = 2}',
  // What was refused, and by which name.
  'redis.set_repl()',
  'redis.set_repl(1, 2)',
  'redis.setresp()',
  'coroutine.create(5)',
  'coroutine.create()',
  "coroutine.wrap('x')",
  'coroutine.wrap(string.len)',
  "return 1 + ('x' and ARGV[9])",
  "return ((('k') and (ARGV[9])))['x']",
  'return 1 + ((nil) or redis.call)',
  // What scripts may not do, and what they get in an order that does not depend on the data's places.
  "return redis.pcall('xread', 'BLOCK', 0, 'STREAMS', 'none', '$')",
  "return redis.call('XReadGroup', 'GROUP', 'g', 'c', 'block', 0, 'STREAMS', 'none', '>')",
  "return redis.pcall('xread', 'BLOCK', 'x', 'STREAMS', 'none', '$')",
  "redis.call('sadd', 'e:set', 'b', 'aa', 'c', 'a') return redis.call('sort', 'e:set', 'by', 'nosort')",
  "return redis.call('sort_ro', 'e:set', 'by', 'nosort', 'limit', 1, 2, 'desc')",
  "return redis.call('sort', 'e:set', 'by', 'nosort', 'get', '#', 'get', 'e:*')",
  // Names of globals that are none.
  'return _G[nil]',
  'return _G[print or redis.call]',
  'return _G[true]',
  'return _G[{}]',
  'return _G[1.5]',
  "return _G['a\\0b']",
  // What is a number where one is wanted.
  ...["'nan'", "'inf'", "'0x2'", "' 2 '", "'2x'", "''", '0/0', '1e10', '-1', '3.9', '{}'].flatMap(
    (number) => [
      `return redis.log(${number}, 'text')`,
      `return redis.setresp(${number})`,
      `return redis.set_repl(${number})`,
    ],
  ),
];

export const errors: readonly Step[] = SCRIPTS.map((source) => ['EVAL', source, '0']);
