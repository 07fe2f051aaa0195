/**
 * Scripts and commands that have ended a server, or held one of its threads for hours. Each gets a reply
 * of some kind, and the server goes on. What is `large` takes gigabytes or minutes: it runs by command.
 */

export interface Attack {
  readonly name: string;
  readonly words: readonly string[];
  readonly isLarge: boolean;
}

function evaluated(scripts: Readonly<Record<string, string>>, isLarge: boolean): Attack[] {
  return Object.entries(scripts).map(([name, script]) => {
    return { name, words: ['EVAL', script, '0'], isLarge };
  });
}

/** Time that grows with the square of a length, or with the product of two. */
const slowTexts = evaluated(
  {
    'an error of line ends': "return redis.error_reply(string.rep('\\n', 2^20) .. 'x')",
    'a thrown text of line ends': "error(string.rep('\\n', 2^20))",
    'an error table of line ends': "return {err = string.rep('\\n', 2^20) .. 'x'}",
    'a number of many digits that is none': "return tonumber(string.rep('5', 2^20) .. 'x')",
    'blanks within a number': "return tonumber('1' .. string.rep(' ', 2^20) .. 'x')",
    'blanks within a number of base 16': "return tonumber(string.rep(' ', 2^20) .. 'x', 16)",
    'a source of escapes': "return #loadstring('return \"' .. string.rep('\\\\n', 2^17) .. '\"')()",
    'a pattern that almost matches everywhere':
      "return string.find(string.rep('a', 2^20), 'b' .. string.rep('a', 2^17), 1, true)",
  },
  false,
);

/** Sources that nest or go on beyond what JavaScript's parser and stack take. */
const longSources: Attack[] = [
  ['a long sum', `return 1 ${'+ x'.repeat(2 ** 16)}`],
  ['a long path', `return x${'.x'.repeat(2 ** 16)}`],
  ['a long concatenation', `return 'x' ${'.. x'.repeat(2 ** 16)}`],
  ['many branches', `if x then ${'elseif y then '.repeat(2 ** 14)} end`],
  ['many parentheses', `return ${'('.repeat(2 ** 16)}`],
  ['many functions', `return ${'function() return '.repeat(2 ** 14)}`],
  ['a long shebang', `#!lua flags=${','.repeat(2 ** 20)}\nreturn 1`],
].map(([name, source]) => ({ name: name!, words: ['EVAL', source!, '0'], isLarge: false }));

/** Recursion, in every way that a library calls back. */
const deepCalls = evaluated(
  {
    'commands on the last of the stack':
      "local function f(n) redis.pcall('set', 'k', n) return 1 + f(n + 1) end return f(1)",
    'handlers of errors in handlers of errors':
      'local function f() return xpcall(f, f) end return tostring(f())',
    'sorting within a comparison':
      'local function f() table.sort({1, 2, 3}, function() f() return true end) end f()',
    'gsub within gsub': "local function f(c) return (string.gsub('a', '.', f)) end return f()",
    'coroutines within coroutines':
      'local function f() return coroutine.wrap(function() return f() end)() end return f()',
    'tostring of itself':
      'local t = setmetatable({}, {__tostring = function(t) return tostring(t) end}) return tostring(t)',
    'a circle of metatables':
      'local t = {} setmetatable(t, {__index = function(t, k) return t[k] end}) return t.x',
    'concatenation of itself':
      "local t t = setmetatable({}, {__concat = function(a, b) return a .. b end}) return t .. 'x'",
    'JSON of many levels':
      "cjson.decode_max_depth(2^30) return type(cjson.decode(string.rep('[', 2^18) .. string.rep(']', 2^18)))",
    'MessagePack of many levels': "return cmsgpack.unpack(string.rep('\\145', 2^18))",
    'loading within loading':
      "local function f() return loadstring('return ...')(f()) end return f()",
  },
  false,
);

/** Numbers of keys, and replies, beyond all use. */
const absurd: Attack[] = [
  ...['-1', '99999999999999999999', '1e3', 'nan', '', ' 1', '2147483648'].map((count) => ({
    name: `${count} keys`,
    words: ['EVAL', 'return #KEYS', count, 'k'],
    isLarge: false,
  })),
  {
    name: 'many arguments',
    words: ['EVAL', 'return #KEYS + #ARGV', '30000', ...new Array<string>(60_000).fill('x')],
    isLarge: false,
  },
  ...evaluated(
    {
      'a reply of many levels': 'local t = {1} for i = 1, 9000 do t = {t} end return t',
      'a reply of many maps':
        'redis.setresp(3) local t = {} for i = 1, 2e4 do t[i] = {map = {a = i, b = {set = {x = true}}}} end return t',
      'a reply that holds itself': 'local t = {} t[1] = t return t',
      'a map that holds itself': 'redis.setresp(3) local t = {} t.map = t return t',
    },
    false,
  ),
];

/** Elements beyond what an array of V8 holds: that ends the process, and nothing catches it. */
const largeTexts = evaluated(
  {
    'JSON of quotes': "return #cjson.encode(string.rep('\"', 2^27 + 5))",
    'quotes in quotes': "return #string.format('%q', string.rep('\"', 2^27 + 5))",
    'a format of percent signs': "return #string.format(string.rep('%%', 2^27 + 5))",
    'a structure of padding': "return #struct.pack(string.rep('x', 2^27 + 5))",
    'replacing each character': "return #string.gsub(string.rep('x', 2^27 + 5), 'x', '')",
    'a big number of line ends': "return {big_number = string.rep('\\n', 2^27 + 5)}",
    'hexadecimal digits': "return tonumber('0x' .. string.rep('f', 2^28 + 5))",
    'a large error of line ends': "error(string.rep('\\n', 2^28))",
    'a large status of line ends': "return {ok = string.rep('\\n', 2^28)}",
  },
  true,
);

const largeSources: Attack[] = [
  {
    name: 'a table of many numbers',
    words: ['EVAL', `return #{${'1,'.repeat(2 ** 23)}}`, '0'],
    isLarge: true,
  },
];

/** More memory than there is, some of it in ways that V8 defers. */
const memory = evaluated(
  {
    'an array of numbers': 'local t = {} for i = 1, 2e8 do t[i] = i + 0.5 end',
    'an array of texts': 'local t = {} for i = 1, 2e8 do t[i] = tostring(i + 0.123456789) end',
    'a hash of texts': "local t = {} for i = 1, 2e8 do t['x' .. i] = i end",
    'tables as keys': 'local t = {} for i = 1, 2e8 do t[{}] = i end',
    'texts that are joined and then read':
      "local s = string.rep('x', 200) local t = {} for i = 1, 3e7 do t[i] = s .. i end for i = 1, #t do t[i]:byte(1) end",
    'long texts that are joined and then read':
      "local s = string.rep('x', 2^27) local t = {} for i = 1, 60 do t[i] = s .. i end for i = 1, #t do t[i]:byte(1) end",
    'errors of long texts':
      "local t = {} for i = 1, 100 do local _, e = pcall(error, string.rep('x', 2^27) .. i) t[i] = e end for i = 1, #t do t[i]:byte(1) end",
    'replies that are kept':
      "redis.call('set', 'k', string.rep('x', 4000)) local t = {} for i = 1, 3e6 do t[i] = redis.call('get', 'k') end",
    'messages for the log':
      "for i = 1, 1e8 do redis.log(redis.LOG_WARNING, string.rep('x', 100) .. i) end",
    'coroutines that wait deep down':
      'local t = {} local function f(n) if n == 0 then return coroutine.yield() end return 1 + f(n - 1) end for i = 1, 1e6 do t[i] = coroutine.wrap(f) t[i](3000) end',
  },
  true,
);

export const attacks: readonly Attack[] = [
  ...slowTexts,
  ...longSources,
  ...deepCalls,
  ...absurd,
  ...largeTexts,
  ...largeSources,
  ...memory,
];
