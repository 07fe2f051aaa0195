/** Chunks of Lua whose results and errors are compared: the libraries. */

/** Backslashes are for Lua. */
const { raw } = String;

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

export const stringCases: readonly string[] = lines(raw`
return ('hello'):sub(2), ('hello'):sub(-3), ('hello'):sub(2, -2), ('hello'):sub(0), ('hello'):sub(10), ('hello'):sub(-100, 2), ('hello'):sub(3, 2)
return string.sub('hello', 2^53), string.sub('hello', -2^63), string.sub('hello', 1, 1e300), string.sub('hello', 0/0), string.sub('hello', '2', '3')
return string.sub('x')
return string.sub()
return ('abc'):byte(), ('abc'):byte(2), ('abc'):byte(1, -1), ('abc'):byte(10), ('abc'):byte(0), ('abc'):byte(-1), (''):byte()
return string.char(), string.char(65, 66), string.char('67'), pcall(string.char, 256), pcall(string.char, -1), pcall(string.char, {})
return string.char(300)
return ('x'):rep(0), ('x'):rep(-1), ('ab'):rep(3), ('x'):rep(2.9), ('x'):rep('2')
return ('abc'):reverse(), (''):reverse(), ('ABC\200'):lower(), ('abc\200'):upper(), ('abc'):len()
return #string.rep('abc', 1000), string.len('a\0b')
return string.find('hello', 'l'), string.find('hello', 'xyz'), string.find('hello', ''), string.find('hello', '', 10), string.find('hello', '', 6)
return string.find('hello', 'l', 4), string.find('hello', 'l', -2), string.find('a.b', '.', 1, true), string.find('a.b', '%.'), string.find('hello', '(l)(l)')
return string.find('hello', '()ll()'), string.find('abc', 'b', -1), string.find('', ''), string.find('', 'a')
return string.match('key=value', '(%w+)=(%w+)'), string.match('abc', 'b'), string.match('abc', '()b()'), string.match('abc', 'x'), string.match('  x  ', '^%s*(.-)%s*$')
return string.match('2024-01-02', '(%d+)-(%d+)-(%d+)'), string.match('abc', '^b'), string.match('abc', 'c$'), string.match('a$', 'a$'), string.match('a$b', 'a$b')
return string.match('f(a(b)c)d', '%b()'), string.match('THE (quick) fox', '%f[%a]%a+'), string.find('THE (quick) fox', '%f[%l]%l+')
return string.match('hello', '.-'), string.match('hello', '.-$'), string.match('aaa', 'a-b'), string.match('aaab', 'a-b'), string.match('aaa', 'a?a?a?a?')
return string.match('abcabc', '(abc)%1'), string.match('abab', '(a)(b)%1%2'), string.match('x', '[%a_][%w_]*'), string.match(']', '[]]'), string.match('-', '[a-]'), string.match('b', '[^a]')
return string.match('a]b', '[^]]+'), string.match('a-z', '[a%-z]+'), string.match('^', '[%^]'), string.match('5', '[%d-%s]'), string.match('\0a', '%z'), string.match('a\0b', 'a%zb')
return string.match('abc', '((a)(b))'), string.match('0123456789', '%d%d%d'), string.match('xaby', '[a-b]+'), string.match('x^y', 'x^y'), string.match('x', 'x*'), string.match('', 'x*')
return pcall(string.match, 'a', '('), pcall(string.match, 'a', ')'), pcall(string.match, 'a', '%'), pcall(string.match, 'a', '['), pcall(string.match, 'a', '[a'), pcall(string.match, 'a', '[%')
return pcall(string.match, 'a', '%1'), pcall(string.match, 'a', '(a)%2'), pcall(string.match, 'a', '(a%1)'), pcall(string.match, 'a', '%b'), pcall(string.match, 'a', '%bx'), pcall(string.match, 'a', '%f')
return pcall(string.match, 'a', '(()'), pcall(string.match, 'a', 'a)'), pcall(string.match, 'a', '[]'), pcall(string.match, 'a', '[^]')
return pcall(string.match, 'a', string.rep('(a?)', 33))
return string.match('a', '(')
return string.gsub('hello', 'l', 'L'), string.gsub('hello', 'l', 'L', 1), string.gsub('hello', '', '-'), string.gsub('hello', 'x', 'y'), string.gsub('', '', 'x'), string.gsub('abc', '.', {a = 1, b = true, c = false})
return string.gsub('hello', '(l)(l)', '%2%1%0'), string.gsub('abc', '%w', '%%%0'), string.gsub('abc', '%w', '%0%0', 2), string.gsub('hello world', '%w+', string.upper)
return string.gsub('abc', '%w', function(c) if c == 'b' then return nil end return c .. c end), string.gsub('abc', '()', function(p) return p end), string.gsub('abc', '^a', 'x'), string.gsub('aaa', '^a', 'x')
return string.gsub('abc', 'b', '%1'), string.gsub('abc', 'b', '%x')
return pcall(string.gsub, 'abc', 'b', '%2'), pcall(string.gsub, 'abc', '(b)', '%2'), pcall(string.gsub, 'abc', 'b', function() return {} end), pcall(string.gsub, 'abc', 'b', {b = function() end})
return pcall(string.gsub, 'abc', 'b'), pcall(string.gsub, 'abc', 'b', true), pcall(string.gsub, 'abc', 'b', nil), pcall(string.gsub)
return string.gsub('abc', 'b', 5), string.gsub('abc', 'b', 'x', 0), string.gsub('abc', 'b', 'x', -1), string.gsub('abc d', '%s*', '-')
return string.gsub('abc', 'b', '%'), string.gsub('x = $y$', '%$(%w+)%$', {y = 'z'}), string.gsub('abc', '(a)(b)(c)', '%3%2%1')
local r = {} for a, b in string.gmatch('k=v, x=y', '(%w+)=(%w+)') do r[#r + 1] = a .. b end return r
local r = {} for p in string.gmatch('abc', '()') do r[#r + 1] = p end return r
local r = {} for w in string.gmatch('one two', '^%a+') do r[#r + 1] = w end return r
local r = {} for w in string.gmatch('', '.*') do r[#r + 1] = w end return r
return string.gmatch('abc', 'b')(), pcall(string.gmatch), pcall(string.gmatch, 'x'), pcall(string.gfind, 'x', 'y')
return string.format('%d %i %5d %-5d| %05d %+d % d', 1, 2, 3, 4, 5, 6, 7), string.format('%d', 3.99), string.format('%d', -3.99), string.format('%d', '10')
return string.format('%x %X %#x %o %#o %u', 255, 255, 255, 8, 8, 5), string.format('%x', -1), string.format('%u', -1), string.format('%d', 2^63), string.format('%d', -2^63), string.format('%x', 2^63), string.format('%x', 2^64)
return string.format('%d', 1e100), string.format('%d', 0/0), string.format('%.3d', 5), string.format('%.0d', 0), string.format('%5.3d|', 7), string.format('%-8x|', 255), string.format('%08.3f', 3.14159)
return string.format('%f %.2f %.0f %10.3f %-10.3f| %+f', 1.5, 2.345, 2.5, 3.14159, 3.14159, 1), string.format('%.0f %.0f %.0f', 0.5, 1.5, 2.5), string.format('%.1f', 0.25), string.format('%.20f', 0.1), string.format('%f', 1e15)
return string.format('%e %.3e %E %.0e', 12345.678, 12345.678, 12345.678, 15000), string.format('%e', 0), string.format('%.2e', 9.999), string.format('%.0e', 2.5)
return string.format('%g %.3g %G %g %g', 0.0001, 123456, 1e-10, 1e20, 100000), string.format('%g', 1000000), string.format('%.0g', 1.5), string.format('%#g', 1), string.format('%#.3g', 1e10), string.format('%.14g', 0.1), string.format('%.17g', 0.1), string.format('%.99g', 0.1)
return string.format('%5s|%-5s|%.2s|%5.1s|', 'ab', 'ab', 'abc', 'xyz'), string.format('%s', 'a\0b'), string.format('%s', string.rep('x', 120)), string.format('%130s', 'x') == string.rep(' ', 129) .. 'x'
return string.format('%s %s', 1, 1.5), pcall(string.format, '%s'), pcall(string.format, '%s', nil), pcall(string.format, '%s', {}), pcall(string.format, '%d', 'x'), pcall(string.format, '%d')
return string.format('%q', 'a"b\\c\nd\re\0f\tg'), string.format('%q', 1), string.format('%c%c', 65, 66), string.format('%c', 0), string.format('%5c|', 65), string.format('%%'), string.format('%5%')
return pcall(string.format, '%y', 1), pcall(string.format, '%', 1), pcall(string.format, '%10', 1), pcall(string.format, '%123d', 1), pcall(string.format, '%.123d', 1), pcall(string.format, '%-+ #0-d', 1), pcall(string.format, '%------d', 1), pcall(string.format, '%a', 1)
return string.format('%.3f', 1/0), string.format('%f', -1/0), string.format('%5.1f|', 1/0), string.format('%05f|', 1/0), string.format('%d', 1/0), string.format('%G', 1/0), string.format('%+f', 1/0)
return string.format('%.15g %.16g', 0.1, 0.1), string.format('%.10f', 1e-11), string.format('%.3f', -0.0001), string.format('%g', -0), string.format('%.0f', 1e22), string.format('%f', 1.7976931348623157e308)
return string.format(), 1
return string.format({})
return string.format('%s %s %s', 'a', 'b')
return pcall(string.dump, print_or_nil), pcall(string.dump, string.len), pcall(loadstring, string.dump(function() end))
return ('x').y, pcall(function() return ('x').y.z end), ('abc'):len(), #'abc', ('%d'):format(5)
return string.rep('ab', 3, 'x'), string.lower(5), string.upper(1.5), string.len(100), string.reverse(123)
return pcall(string.rep, nil, 1), pcall(string.lower), pcall(string.len, {}), pcall(string.byte, {}), pcall(string.find, 'a'), pcall(string.find, nil, 'a')
`);

export const tableCases: readonly string[] = lines(raw`
return table.concat({1, 2, 3}), table.concat({1, 2, 3}, ','), table.concat({1, 2, 3}, ',', 2), table.concat({1, 2, 3}, ',', 2, 3), table.concat({}, ','), table.concat({1.5, 'x', -0.1}, ' ')
return pcall(table.concat, {1, {}, 3}), pcall(table.concat, {1, nil, 3}), pcall(table.concat, {1, 2}, ',', 1, 3), pcall(table.concat), pcall(table.concat, {}, {}), pcall(table.concat, {true})
return table.concat({1, 2, 3}, ',', 3, 2), table.concat({'a', 'b'}, 5), table.concat({[0] = 'z', 'a'}, '-', 0)
table.concat({{}})
local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) table.insert(t, 3, 'mid') return t
local t = {} table.insert(t, 5, 'x') return t
local t = {1, 2, 3} table.insert(t, -1, 'x') return t
local t = {1, 2, 3} table.insert(t, 10, 'x') return t
return pcall(table.insert), pcall(table.insert, {}), pcall(table.insert, {}, 1, 2, 3), pcall(table.insert, 1, 2), pcall(table.insert, {}, 'x', 1), pcall(table.insert, {}, nil)
table.insert({}, 1, 2, 3)
local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), t, table.remove({}), table.remove({}, 5), table.remove({1}, 0)
local t = {1, 2, 3} return table.remove(t, 5), table.remove(t, -1), t, select('#', table.remove({}))
return table.maxn({}), table.maxn({1, 2, nil, 4}), table.maxn({[1.5] = 1, [-3] = 2}), table.maxn({[1e10] = 1, a = 1}), table.getn({1, 2})
local r = {} table.foreach({a = 1, 10}, function(k, v) r[#r + 1] = tostring(k) .. v end) return r, table.foreach({1, 2}, function(k, v) if k == 2 then return 'stop' end end)
local r = {} table.foreachi({1, 2, nil, 4}, function(i, v) r[#r + 1] = i end) return r, table.foreachi({1, 2}, function(i) return i end)
return pcall(table.setn, {}, 1), pcall(table.foreach, {}), pcall(table.foreachi, 1, 2), pcall(table.getn), pcall(table.foreach, {1}, function() error('x') end)
local t = {3, 1, 2} table.sort(t) return t
local t = {'b', 'a', 'C', 'B'} table.sort(t) return t
local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return t
local t = {} for i = 1, 50 do t[i] = (i * 37) % 101 end table.sort(t) return t
local t = {} for i = 1, 50 do t[i] = {(i * 37) % 11, i} end table.sort(t, function(a, b) return a[1] < b[1] end) local r = {} for i, v in ipairs(t) do r[i] = v[2] end return r
local t, n = {5, 4, 3, 2, 1, 6, 8, 7}, 0 table.sort(t, function(a, b) n = n + 1 return a < b end) return n, t
return pcall(table.sort, {1, 'x', 2}), pcall(table.sort, {1, {}}), pcall(table.sort, {3, 2, 1}, 5), pcall(table.sort), pcall(table.sort, {1, nil, 2})
return pcall(table.sort, {1, 2, 3, 4, 5}, function() return true end), pcall(table.sort, {3, 1, 2}, function(a, b) error('cmp') end)
table.sort({1, 'x'})
local t = {true, false} table.sort(t)
local mt = {__lt = function(a, b) return a.v < b.v end} local t = {} for i = 1, 5 do t[i] = setmetatable({v = -i}, mt) end table.sort(t) return t
local t = {} for i = 1, 100 do table.insert(t, i) end for i = 1, 50 do table.remove(t, 1) end return #t, t[1], t[50]
return table.unpack, table.pack
local t = {1, 2, 3} t[#t] = nil t[#t + 1] = 'x' return t, #t
`);

export const mathCases: readonly string[] = lines(raw`
return math.abs(-5), math.ceil(1.2), math.floor(-1.2), math.sqrt(16), math.pi, math.huge, math.max(1, 5, 3), math.min(4, 2, 8), math.max(2)
return math.fmod(7, 3), math.fmod(-7, 3), math.mod(7, -3), math.fmod(5.5, 2), math.modf(3.7), math.modf(-3.7), math.modf(5), math.modf(1/0)
return math.exp(0), math.log(1), math.log10(1000), math.pow(2, 10), math.sin(0), math.cos(0), math.tan(0), math.asin(1), math.acos(1), math.atan(1), math.atan2(1, -1)
return math.frexp(8), math.frexp(0.1), math.frexp(-5.5), math.frexp(0), math.frexp(5e-324), math.ldexp(0.5, 4), math.ldexp(1, -1074), math.ldexp(1, 1024), math.frexp(1/0)
return math.deg(math.pi), math.rad(180), math.sinh(1), math.cosh(1), math.tanh(0.5), math.pow(-8, 1/3), math.pow(1, 0/0), math.pow(-1, 1/0)
return math.abs('-3'), math.floor('2.7'), math.max('10', 9), math.floor(-0.5), math.ceil(-0.5)
return pcall(math.floor), pcall(math.floor, 'x'), pcall(math.max), pcall(math.fmod, 1), pcall(math.random, 0), pcall(math.random, 2, 1), pcall(math.random, 1, 2, 3), pcall(math.random, 'x'), pcall(math.randomseed)
math.randomseed(42) local t = {} for i = 1, 10 do t[i] = math.random() end return t
math.randomseed(42) local t = {} for i = 1, 10 do t[i] = math.random(100) end return t
math.randomseed(-7) local t = {} for i = 1, 10 do t[i] = math.random(-10, 10) end return t
math.randomseed(2^31) local a = math.random() math.randomseed(2^32 + 5) return a, math.random()
math.randomseed(0) return math.random(2^31 - 1), math.random(1), math.random(-5, -5)
return math.fmod(1, 0), math.sqrt(-1), math.log(0), math.log(-1), math.exp(1000), math.fmod(1, 1/0), math.modf(0/0)
math.floor({})
return math.random(0)
`);

export const jsonCases: readonly string[] = lines(raw`
return cjson.encode({}), cjson.encode({1, 2, 3}), cjson.encode({a = 1, b = 'x', c = true, d = cjson.null}), cjson.encode('x'), cjson.encode(1.5), cjson.encode(nil), cjson.encode(true)
return cjson.encode({1, nil, 3}), cjson.encode({[1] = 1, [2] = 2, x = 3}), cjson.encode({[10] = 1}), pcall(cjson.encode, {[11] = 1}), cjson.encode({[1.5] = 1}), cjson.encode({[-1] = 1}), cjson.encode({[0] = 1})
return cjson.encode('a/b"\\\n\t\r\b\f\1\31\127\128\255é'), cjson.encode({['k"'] = 1}), cjson.encode(1e20), cjson.encode(0.1), cjson.encode(1/3), cjson.encode(2^53), cjson.encode(-0), cjson.encode(100000000000000)
return pcall(cjson.encode, 1/0), pcall(cjson.encode, 0/0), pcall(cjson.encode, print_or_nil or tostring), pcall(cjson.encode, {tostring}), pcall(cjson.encode, {[true] = 1}), pcall(cjson.encode), pcall(cjson.encode, 1, 2), pcall(cjson.encode, coroutine.create(function() end))
cjson.encode(tostring)
local t = {} for i = 1, 20 do t['key' .. i] = i end return cjson.encode(t)
local t = {} local c = t for i = 1, 1000 do c[1] = {} c = c[1] end return pcall(cjson.encode, t)
local t = {} t.t = t return pcall(cjson.encode, t)
return cjson.decode('{"a":1,"b":[1,2,3],"c":{"d":null},"e":true,"f":"x"}').b, cjson.decode('[]'), cjson.decode('{}'), cjson.decode('"x"'), cjson.decode('1'), cjson.decode('null') == cjson.null, cjson.decode('true'), cjson.decode(' [1 , 2 ] ')
return cjson.decode('[1,2.5,-3,1e3,1E-2,0]'), cjson.decode('"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\n\\/\\\\"'), cjson.decode('"\\u0000"'), cjson.decode('"raw	tab"')
return pcall(cjson.decode, '"\\ud83d"'), pcall(cjson.decode, '"\\ude00"'), pcall(cjson.decode, '"\\ud83d\\u0041"'), pcall(cjson.decode, '"\\u12"'), pcall(cjson.decode, '"\\x"'), pcall(cjson.decode, '"abc'), pcall(cjson.decode, '"a\\')
return pcall(cjson.decode, ''), pcall(cjson.decode, ' '), pcall(cjson.decode, '['), pcall(cjson.decode, '[1'), pcall(cjson.decode, '[1,'), pcall(cjson.decode, '[1,]'), pcall(cjson.decode, '[,1]'), pcall(cjson.decode, ']')
return pcall(cjson.decode, '{'), pcall(cjson.decode, '{"a"'), pcall(cjson.decode, '{"a":'), pcall(cjson.decode, '{"a":1'), pcall(cjson.decode, '{"a":1,'), pcall(cjson.decode, '{"a":1,}'), pcall(cjson.decode, '{a:1}'), pcall(cjson.decode, '{1:1}')
return pcall(cjson.decode, '1 2'), pcall(cjson.decode, 'tru'), pcall(cjson.decode, 'nul'), pcall(cjson.decode, 'x'), pcall(cjson.decode, '-'), pcall(cjson.decode, '.5'), pcall(cjson.decode, '+1'), pcall(cjson.decode, '1.'), pcall(cjson.decode, '01'), pcall(cjson.decode, '1e')
return pcall(cjson.decode, '0x10'), pcall(cjson.decode, 'inf'), pcall(cjson.decode, '-inf'), pcall(cjson.decode, 'NaN'), pcall(cjson.decode, 'Infinity'), pcall(cjson.decode, '-0'), pcall(cjson.decode, '1e999'), pcall(cjson.decode, 'nil'), pcall(cjson.decode, 'infx')
return pcall(cjson.decode), pcall(cjson.decode, {}), pcall(cjson.decode, nil), pcall(cjson.decode, '1', 2), cjson.decode(5), pcall(cjson.decode, '\0a'), pcall(cjson.decode, 'a\0'), pcall(cjson.decode, '1\0')
return pcall(cjson.decode, string.rep('[', 1000) .. string.rep(']', 1000)), pcall(cjson.decode, string.rep('[', 1001)), pcall(cjson.decode, string.rep('{"a":', 1001))
cjson.decode('[1,2')
return cjson.decode('{"a":1,"a":2}'), cjson.decode('{"1":1,"2":2}'), cjson.decode('{"z":1,"y":2,"x":3,"w":4,"v":5}')
return cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision(), cjson.encode_invalid_numbers(), cjson.decode_invalid_numbers(), cjson.encode_keep_buffer(), cjson.encode_sparse_array()
local r = {cjson.encode_number_precision(3), cjson.encode(1/3)} cjson.encode_number_precision(14) return r
local r = {cjson.encode_max_depth(2), pcall(cjson.encode, {{{}}})} cjson.encode_max_depth(1000) return r
local r = {cjson.decode_max_depth(2), pcall(cjson.decode, '[[[]]]')} cjson.decode_max_depth(1000) return r
local r = {cjson.encode_invalid_numbers(true), cjson.encode({1/0, -1/0})} cjson.encode_invalid_numbers(false) return r
local r = {cjson.encode_invalid_numbers('null'), cjson.encode({1/0})} cjson.encode_invalid_numbers('off') return r
local r = {cjson.decode_invalid_numbers(false), pcall(cjson.decode, '[0x10]'), pcall(cjson.decode, '[01]'), pcall(cjson.decode, '[nan]')} cjson.decode_invalid_numbers(true) return r
local r = {cjson.encode_sparse_array(true, 1, 2), cjson.encode({[5] = 1})} cjson.encode_sparse_array(false, 2, 10) return r
return pcall(cjson.encode_max_depth, 0), pcall(cjson.encode_max_depth, 'x'), pcall(cjson.encode_max_depth, 1, 2), pcall(cjson.encode_number_precision, 15), pcall(cjson.encode_invalid_numbers, 'x'), pcall(cjson.encode_sparse_array, true, -1), pcall(cjson.encode_keep_buffer, 'x')
cjson.encode_max_depth(0)
local m = cjson.new() m.encode_max_depth(1) return pcall(m.encode, {{}}), cjson.encode({{}}), m.null == cjson.null, m._NAME, m._VERSION
return tostring(cjson.null), type(cjson.null), cjson.null == nil, cjson.null and 1, pcall(function() return cjson.null.x end), pcall(function() return cjson.null + 1 end), pcall(function() return #cjson.null end), pcall(function() return cjson.null < cjson.null end)
return cjson.encode({a = {b = {c = {1, {d = 'e'}}}}}), cjson.encode({{}, {{}}}), cjson.encode({cjson.null, cjson.null})
return cjson.encode(setmetatable({1, 2}, {__index = function() return 5 end}))
`);

export const msgpackCases: readonly string[] = lines(raw`
return cmsgpack.pack(1), cmsgpack.pack(127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296), cmsgpack.pack(-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649), cmsgpack.pack(1.5, 0.1, 1/0, 2^53, 2^63, -2^63, 1e300)
return cmsgpack.pack('x', string.rep('y', 31)), #cmsgpack.pack(string.rep('y', 32)), cmsgpack.pack(string.rep('y', 40)), #cmsgpack.pack(string.rep('z', 70000)), cmsgpack.pack(nil, true, false), cmsgpack.pack({}), cmsgpack.pack({1, 2}), cmsgpack.pack({a = 1, b = 2})
return cmsgpack.pack({1, nil, 3}), cmsgpack.pack({[1] = 1, x = 2}), cmsgpack.pack({[1.5] = 1}), cmsgpack.pack(tostring), cmsgpack.pack(cjson.null), pcall(cmsgpack.pack), cmsgpack.pack({{{}}})
local t = {} local c = t for i = 1, 20 do c[1] = {} c = c[1] end return cmsgpack.pack(t)
local t = {} for i = 1, 20 do t[i] = i end return cmsgpack.pack(t)
local t = {} for i = 1, 20 do t['k' .. i] = i end return cmsgpack.pack(t)
return cmsgpack.unpack(cmsgpack.pack(1, -1, 1.5, 'x', true, false, nil, {1, 2}, {a = {b = 1}}, 2^40, -2^40, 300, -300, 70000, -70000)), cmsgpack.unpack('')
return pcall(cmsgpack.unpack), pcall(cmsgpack.unpack, {}), pcall(cmsgpack.unpack, '\193'), pcall(cmsgpack.unpack, '\204'), pcall(cmsgpack.unpack, '\165abc'), pcall(cmsgpack.unpack, '\146\1'), pcall(cmsgpack.unpack, '\129\1'), pcall(cmsgpack.unpack, '\1\193')
return cmsgpack.unpack_one('\1\2\3'), cmsgpack.unpack_one('\1\2\3', 1), cmsgpack.unpack_one('\1\2\3', 2), cmsgpack.unpack_one('\1', 1), pcall(cmsgpack.unpack_one, '\1', 2), pcall(cmsgpack.unpack_one, '\1', -1), cmsgpack.unpack_one('')
return cmsgpack.unpack_limit('\1\2\3', 2), cmsgpack.unpack_limit('\1\2\3', 2, 1), cmsgpack.unpack_limit('\1\2\3', 0), cmsgpack.unpack_limit('\1\2\3', 0, 1), pcall(cmsgpack.unpack_limit, '\1', -1), pcall(cmsgpack.unpack_limit, '\1'), pcall(cmsgpack.unpack_limit, '\1', 1, 5)
return cmsgpack.unpack('\217\3abc'), cmsgpack.unpack('\218\0\3abc'), cmsgpack.unpack('\219\0\0\0\3abc'), cmsgpack.unpack('\220\0\1\5'), cmsgpack.unpack('\222\0\1\1\2'), pcall(cmsgpack.unpack, '\196\1a'), pcall(cmsgpack.unpack, '\212\1a')
return pcall(cmsgpack.unpack, '\129\192\1'), cmsgpack.unpack('\207\255\255\255\255\255\255\255\255'), cmsgpack.unpack('\211\128\0\0\0\0\0\0\0'), cmsgpack.unpack('\202\63\128\0\0'), cmsgpack.unpack('\203\63\240\0\0\0\0\0\0')
return cmsgpack.unpack('\204\255'), cmsgpack.unpack('\205\255\254'), cmsgpack.unpack('\206\255\255\255\254'), cmsgpack.unpack('\208\128'), cmsgpack.unpack('\209\128\1'), cmsgpack.unpack('\210\128\0\0\1'), pcall(cmsgpack.unpack, '\206\1\2\3'), pcall(cmsgpack.unpack, '\203\1\2')
local t = cmsgpack.unpack('\221\0\0\0\3\255\224\127') return t[1], t[2], t[3], cmsgpack.unpack(('\163a' .. 'b') .. 'c')
return cjson.encode({1, -1, 0, -0, 1e14, 99999999999999, -99999999999999, 1e15, 0.1, 2^53, 1e100, 2^31, -2^31}), cjson.encode({['a"b'] = 'c/d', e = '\127\1'}), cjson.encode('plain'), cjson.encode('\200\255')
return tonumber('007'), tonumber('123456789012345'), tonumber('1234567890123456'), tonumber('99999999999999999999'), tonumber('12a'), tonumber(''), tonumber('1 '), tonumber('1\0002'), '10' + 5, '0' * -1
local t = {} for i = 1, 9 do t[i] = i end t[10] = nil t[12] = 12 t[11] = 11 local s = {} for k in pairs(t) do s[#s + 1] = k end return #t, table.concat(s, ',')
local t = {} t[1] = 1 t[2] = 2 t[1] = nil t[3] = 3 t[4] = 4 t[5] = 5 local s = {} for k in pairs(t) do s[#s + 1] = k end return #t, table.concat(s, ',')
return cmsgpack._NAME, cmsgpack._VERSION, cmsgpack._COPYRIGHT, cmsgpack._DESCRIPTION
cmsgpack.unpack('\193')
return cmsgpack.pack(setmetatable({1, 2}, {__index = function(t, k) return k end}))
`);

export const structCases: readonly string[] = lines(raw`
return struct.pack('bBhHiIlL', 1, 2, 3, 4, 5, 6, 7, 8), struct.pack('>bBhHiIlL', 1, 2, 3, 4, 5, 6, 7, 8), struct.pack('fd', 1.5, 2.5), struct.pack('>fd', 1.5, 2.5), struct.pack('T', 9)
return struct.pack('i1i2i3i4i8', 1, 2, 3, 4, 5), struct.pack('>i3', -2), struct.pack('i16', -1), struct.pack('i0', 1), struct.pack('i9', -2)
return struct.pack('s', 'abc'), struct.pack('c0', 'abc'), struct.pack('c2', 'abc'), pcall(struct.pack, 'c5', 'abc'), struct.pack('c', 'abc'), struct.pack('x'), struct.pack('bxb', 1, 2), struct.pack(' b b ', 1, 2), struct.pack('')
return struct.pack('!4bi', 1, 2), struct.pack('!bd', 1, 2), struct.pack('!2bi', 1, 2), struct.pack('!8bi8', 1, 2), pcall(struct.pack, '!3b', 1), struct.pack('!1bd', 1, 2)
return pcall(struct.pack, 'z', 1), pcall(struct.pack, 'i33', 1), pcall(struct.pack, 'b'), pcall(struct.pack, 'b', 'x'), pcall(struct.pack, 's'), pcall(struct.pack, 's', {}), pcall(struct.pack), pcall(struct.pack, 'bb', 1), pcall(struct.pack, 'i99999999999', 1)
return struct.unpack('bBhHiIlL', struct.pack('bBhHiIlL', -1, 255, -300, 65535, -70000, 4294967295, -5, 7)), struct.unpack('>i3', '\255\255\254'), struct.unpack('<I8', '\255\255\255\255\255\255\255\255'), struct.unpack('f', struct.pack('f', 0.1)), struct.unpack('d', struct.pack('d', 0.1))
return struct.unpack('s', 'abc\0def'), struct.unpack('c3', 'abcdef'), struct.unpack('Bc0', '\3abcdef'), pcall(struct.unpack, 's', 'abc'), pcall(struct.unpack, 'c0', 'abc'), pcall(struct.unpack, 'c5', 'abc'), pcall(struct.unpack, 'Bc0', '\9abc'), pcall(struct.unpack, 'sc0', 'x\0abc')
return struct.unpack('b', 'abc', 2), pcall(struct.unpack, 'b', 'abc', 4), pcall(struct.unpack, 'b', 'abc', 0), pcall(struct.unpack, 'b', 'abc', -1), struct.unpack('', 'abc'), struct.unpack('x', 'abc'), struct.unpack('!4xi', '\0\0\0\0\5\0\0\0'), pcall(struct.unpack, 'b'), pcall(struct.unpack), pcall(struct.unpack, 'b', 'a', 'x')
return struct.size('b'), struct.size('bhilLTfd'), struct.size('!8bd'), struct.size('!bd'), struct.size('bd'), struct.size('c5'), struct.size('x'), struct.size('i3'), struct.size(''), pcall(struct.size, 's'), pcall(struct.size, 'c0'), pcall(struct.size, 'z'), pcall(struct.size)
return struct.unpack('i9', '\1\2\3\4\5\6\7\8\9'), struct.unpack('i16', struct.pack('i16', 5)), struct.pack('I', 2^32 + 5), struct.pack('l', 2^63), struct.pack('L', 2^63), struct.pack('i', 1.9), struct.pack('i', -1.9), struct.pack('b', 300)
struct.pack('z')
struct.unpack('i4', 'abc')
struct.pack('b', {})
`);

export const bitCases: readonly string[] = lines(raw`
return bit.tobit(1), bit.tobit(2^31), bit.tobit(2^32 + 5), bit.tobit(-1), bit.tobit(1.5), bit.tobit(2.5), bit.tobit(-1.5), bit.tobit(2^40 + 7), bit.tobit(2^52), bit.tobit(1e15), bit.tobit('0x10')
return bit.band(0xff, 0x0f), bit.band(-1), bit.bor(1, 2, 4), bit.bxor(5, 3), bit.bnot(0), bit.band(1, 3, 7), bit.bor(0x80000000), bit.bxor(-1, 1)
return bit.lshift(1, 4), bit.lshift(1, 31), bit.lshift(1, 32), bit.lshift(1, -1), bit.rshift(-1, 28), bit.rshift(256, 4), bit.arshift(-256, 4), bit.arshift(2^31, 31), bit.rol(0x12345678, 12), bit.ror(0x12345678, 12), bit.rol(1, 0), bit.ror(1, 0), bit.rol(1, 33)
return bit.bswap(0x12345678), bit.bswap(1), bit.tohex(255), bit.tohex(-1), bit.tohex(255, 2), bit.tohex(255, -4), bit.tohex(255, 0), bit.tohex(255, 20), bit.tohex(255, -20), bit.tohex(0x123456789), bit.tohex(1, nil_or_2 or 3)
return pcall(bit.band), pcall(bit.band, 'x'), pcall(bit.band, 1, {}), pcall(bit.tohex), pcall(bit.tohex, 1, 'x'), pcall(bit.lshift, 1), pcall(bit.bnot), pcall(bit.bswap, nil), pcall(bit.tobit)
bit.band({})
bit.lshift(1)
return bit.band('5', '0x3'), bit.tobit('1e3'), pcall(bit.band, ''), bit.lshift('1', '4')
return bit.tobit(1/0), bit.tobit(-1/0)
`);

export const coroutineCases: readonly string[] = lines(raw`
local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d, e end) return coroutine.resume(co, 1, 2), coroutine.resume(co, 10), coroutine.resume(co, 'x', 'y'), coroutine.resume(co), coroutine.status(co)
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) return co(), co(), co(), co()
local co = coroutine.wrap(function() error('x') end) co()
local co = coroutine.wrap(function() error({}) end) return pcall(co)
local co = coroutine.wrap(function() end) co() co()
local co = coroutine.create(function() error('x') end) return coroutine.resume(co), coroutine.status(co), coroutine.resume(co)
local co = coroutine.create(function() error({1}) end) return coroutine.resume(co)
local co co = coroutine.create(function() return coroutine.status(co), coroutine.running() == co, coroutine.resume(co) end) return coroutine.resume(co)
local a, b a = coroutine.create(function() return coroutine.resume(b) end) b = coroutine.create(function() return coroutine.status(a), coroutine.resume(a) end) return coroutine.resume(a)
return coroutine.running(), pcall(coroutine.yield), pcall(coroutine.create), pcall(coroutine.create, print_or_nil or tostring), pcall(coroutine.resume), pcall(coroutine.resume, 1), pcall(coroutine.status), pcall(coroutine.wrap, 5)
coroutine.yield(1)
local co = coroutine.create(function() pcall(function() coroutine.yield(1) end) return 'after' end) return coroutine.resume(co)
local co = coroutine.create(function() local ok, e = pcall(function() coroutine.yield(1) end) return ok, e end) return coroutine.resume(co)
local co = coroutine.create(function() local t = setmetatable({}, {__index = function(t, k) return coroutine.yield(k) end}) return t.x end) return coroutine.resume(co)
local co = coroutine.create(function() table.sort({2, 1}, function(a, b) coroutine.yield() end) end) return coroutine.resume(co)
local co = coroutine.create(function() for k in function() return coroutine.yield(1) end do return k end end) return coroutine.resume(co)
local co = coroutine.wrap(function() for i = 1, 2 do for j = 1, 2 do coroutine.yield(i, j) end end end) local r = {} for i, j in co do r[#r + 1] = i .. j end return r
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end local s = 0 for v in gen(10) do s = s + v end return s
local function walk(t) if type(t) == 'table' then for _, v in ipairs(t) do walk(v) end else coroutine.yield(t) end end local r = {} for v in coroutine.wrap(function() walk({1, {2, {3, 4}}, 5}) end) do r[#r + 1] = v end return r
local co = coroutine.create(function(...) return select('#', ...), coroutine.yield(...) end) return coroutine.resume(co, nil, nil), coroutine.resume(co, 1, nil)
local co = coroutine.create(function() return coroutine.yield(coroutine.yield(1)) end) return coroutine.resume(co), coroutine.resume(co, 2), coroutine.resume(co, 3)
local obj = {n = 0} function obj:step() self.n = self.n + 1 return coroutine.yield(self.n) end local co = coroutine.wrap(function() while true do obj:step() end end) return co(), co(), obj.n
local t = setmetatable({}, {__call = function(self, x) return coroutine.yield(x) end}) local co = coroutine.wrap(function() return t(5), 'end' end) return co(), co('back')
local co = coroutine.wrap(function() local f = function(a) return coroutine.yield(a) end return f(1) + f(2) end) return co(), co(10), co(20)
local co = coroutine.create(function() local x x() end) return coroutine.resume(co)
local co = coroutine.create(function() return string.rep() end) return coroutine.resume(co)
local co1 = coroutine.wrap(function() local co2 = coroutine.wrap(function() coroutine.yield('inner') end) coroutine.yield(co2()) coroutine.yield('outer') end) return co1(), co1()
local n = 0 local co co = function() n = n + 1 local ok, e = coroutine.resume(coroutine.create(co)) return ok, e end local a, b, c = co() return a, b, c
local function loop(n) if n == 0 then return 'done' end return loop(n - 1) end return coroutine.wrap(function() return loop(10000) end)()
local co = coroutine.wrap(function(...) local a = {...} while true do a = {coroutine.yield(#a)} end end) return co(1, 2), co(), co(1)
return coroutine.resume(coroutine.create(function() error('lvl2', 2) end)), type(coroutine.create(function() end))
local f = loadstring('return coroutine.yield(...)') local co = coroutine.wrap(f) return co(1), co(2)
local fs = {} local co = coroutine.wrap(function() for i = 1, 3 do fs[i] = function() return i end coroutine.yield() end end) co() co() co() return fs[1](), fs[2](), fs[3]()
local co = coroutine.wrap(function() local x = 0 repeat local y = coroutine.yield(x) x = x + (y or 1) until x > 3 return 'end' end) return co(), co(), co(5)
`);

export const redisCases: readonly string[] = lines(raw`
return redis.sha1hex('a'), redis.sha1hex(''), redis.sha1hex(1), redis.sha1hex('a\0b'), pcall(redis.sha1hex), pcall(redis.sha1hex, 1, 2)
return redis.error_reply('My Err'), redis.error_reply('-My Err'), redis.error_reply(1), redis.error_reply(), redis.status_reply('OK'), redis.status_reply('-x'), redis.status_reply({})
return redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING, redis.REPL_ALL, redis.REPL_AOF, redis.REPL_NONE, redis.REPL_REPLICA, redis.REPL_SLAVE
return redis.REDIS_VERSION, redis.REDIS_VERSION_NUM, redis.replicate_commands(), redis.breakpoint(), redis.debug('x'), redis.nope
return pcall(redis.call), pcall(redis.call, {}), pcall(redis.call, 'get', nil), pcall(redis.call, true), redis.pcall(), redis.pcall({})
return pcall(redis.log), pcall(redis.log, 1), pcall(redis.log, 'x', 'y'), pcall(redis.log, 9, 'y'), redis.log(0, 'a', 1, 2)
return pcall(redis.setresp), pcall(redis.setresp, 4), pcall(redis.setresp, 'x'), pcall(redis.setresp, 1, 2), redis.setresp(2), pcall(redis.set_repl), pcall(redis.set_repl, 9), redis.set_repl(3)
redis.call()
redis.error_reply()
redis.nope()
local t = redis.error_reply('x') error(t)
error({err = 'My own'})
return pcall(error, {err = 'My own'}), pcall(error, {err = 5}), pcall(error, {err = {}}), pcall(error, {ok = 1})
error(setmetatable({}, {__tostring = function() return 'custom' end}))
return __redis__err__handler('x').err, __redis__err__handler({err = 'y'}).err
`);
