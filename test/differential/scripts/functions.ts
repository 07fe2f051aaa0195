/** Libraries and functions: what is registered, refused, called and listed. */
import type { Step } from './conversions.js';

function load(code: string, ...options: string[]): Step {
  return ['FUNCTION', 'LOAD', ...options, code];
}

/** Registrations that are refused, each in a library of its own name. */
const REFUSED = [
  '()',
  "('x')",
  "('x', 1)",
  '({}, function() end)',
  "('x', function() end, 3)",
  "('x-y', function() end)",
  "('', function() end)",
  '(1.5, function() end)',
  '{}',
  "{function_name = 'x'}",
  '{function_name = {}, callback = function() end}',
  '{callback = function() end}',
  "{function_name = 'x', callback = 1}",
  "{function_name = 'x', callback = function() end, flags = 1}",
  "{function_name = 'x', callback = function() end, flags = {'foo'}}",
  "{function_name = 'x', callback = function() end, flags = {1}}",
  "{function_name = 'x', callback = function() end, description = {}}",
  "{function_name = 'x', callback = function() end, foo = 1}",
  "{function_name = 'x', callback = function() end, [1] = 1}",
  "('x', function() end) redis.register_function('x', function() end)",
];

const LIBRARY = `#!lua name=lib
local count = 0
redis.register_function('count', function() count = count + 1 return count end)
redis.register_function{
  function_name = 'ro', callback = function(keys, args) return {keys, args} end,
  flags = {'no-writes', 'allow-stale'}, description = 'reads'}
redis.register_function('w', function(keys) return redis.call('set', keys[1], 1) end)
redis.register_function('again', function() return redis.register_function('z', error) end)
redis.register_function('keys', function() return KEYS end)
redis.register_function('fails', function()
  error('boo')
end)
redis.register_function('nope', function() return redis.call('nope') end)
redis.register_function('global', function() x = 1 end)
redis.register_function('undeclared', function(keys, args)
  return redis.call('incrby', 'u:' .. args[1], args[2])
end)
redis.register_function('has', function()
  local found = {tostring(rawget(_G, '__redis__err__handler'))}
  for _, name in ipairs{'breakpoint', 'debug', 'replicate_commands', 'nothing'} do
    table.insert(found, tostring(redis[name]))
  end
  return found
end)
redis.register_function('math', function(keys, args) return math.floor(args[1]) end)
`;

export const functionSteps: readonly Step[] = [
  ['FUNCTION', 'FLUSH'],
  ...[
    'x',
    '#!lua',
    '#!lua\n',
    '#!lua name=x',
    '#!lua name=x\n',
    '#!lua name=a-b\nx',
    '#!lua name=\nx',
    '#!js name=a\nx',
    '#! name=a\nx',
    '#!lua name=a name=b\nx',
    '#!lua foo=a\nx',
    '#!lua name=a "x\nx',
    '#!lua name=a\nx x',
    "#!lua name=a\nredis.call('get', 'x')",
    "#!lua name=a\nredis.pcall('get', 'x')",
    '#!lua name=a\nredis.setresp(3)',
    '#!lua name=a\nredis.call()',
    '#!lua name=a\nredis.pcall()',
    '#!lua name=a\nredis.pcall({})',
    '#!lua name=a\nredis.setresp()',
    '#!lua name=a\nredis.set_repl(-1)',
    '#!lua name=a\nredis.acl_check_cmd()',
    "#!lua name=a\nredis.log(redis.LOG_WARNING, 'x')",
    '#!lua name=a\nx = 1',
    '#!lua name=a\nlocal y = nope',
  ].map((code) => load(code)),
  ...REFUSED.map((call, i) => load(`#!lua name=r${i}\nredis.register_function${call}`)),
  load(LIBRARY),
  load(LIBRARY),
  load(LIBRARY, 'REPLACE'),
  load(LIBRARY, 'replace', 'foo'),
  ['FUNCTION', 'LOAD', 'REPLACE'],
  load("#!lua name=other\nredis.register_function('W', function() end)"),
  ['FCALL', 'count', '0'],
  ['FCALL', 'COUNT', '0'],
  ['FCALL_RO', 'count', '0'],
  ['FCALL_RO', 'ro', '1', 'a', 'b'],
  ['FCALL', 'ro', '1', 'a', 'b'],
  ['FCALL', 'w', '1', 'kk'],
  ['FCALL_RO', 'w', '1', 'kk'],
  ['FCALL', 'again', '0'],
  ['FCALL', 'keys', '0'],
  ['FCALL', 'fails', '0'],
  ['FCALL', 'nope', '0'],
  ['FCALL', 'global', '0'],
  ['FCALL', 'has', '0'],
  ['FCALL', 'math', '0', '2.5'],
  ['FCALL', 'undeclared', '0', 'a', '5'],
  ['FCALL', 'undeclared', '1', 'x', 'b', '6'],
  ['FCALL', 'missing', 'x'],
  ['FCALL', 'count', 'x'],
  ['FCALL', 'count', '1'],
  ['FCALL', 'count', '-1'],
  ['MULTI'],
  ['FCALL', 'undeclared', '0', 'c', '1'],
  ['EXEC'],
  load(
    "#!lua name=one\nredis.register_function{function_name = 'f1', callback = function() end, flags = {'no-writes'}}",
  ),
  ['FUNCTION', 'LIST', 'LIBRARYNAME', 'on*', 'WITHCODE'],
  ['FUNCTION', 'LIST', 'LIBRARYNAME', 'O?E'],
  ['FUNCTION', 'LIST', 'LIBRARYNAME'],
  ['FUNCTION', 'LIST', 'x'],
  ['FUNCTION', 'LIST', 'WITHCODE', 'WITHCODE'],
  ['FUNCTION', 'LIST', 'LIBRARYNAME', 'a', 'LIBRARYNAME', 'b'],
  ['FUNCTION', 'STATS'],
  ['FUNCTION', 'RESTORE', 'x'],
  ['FUNCTION', 'RESTORE', 'x', 'foo'],
  ['FUNCTION', 'RESTORE', 'x', 'FLUSH', 'x'],
  ['FUNCTION', 'DELETE', 'missing'],
  ['FUNCTION', 'DELETE', 'lib'],
  ['FCALL', 'count', '0'],
  ['FUNCTION', 'KILL'],
  ['FUNCTION', 'FLUSH', 'x'],
  ['FUNCTION', 'FLUSH', 'SYNC', 'x'],
  ['FUNCTION', 'FLUSH', 'ASYNC'],
  ['FUNCTION', 'LIST'],
  ['FUNCTION', 'nope'],
];
