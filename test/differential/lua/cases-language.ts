/** Chunks of Lua whose results and errors are compared: the language itself. */
/** Backslashes are for Lua. */
const { raw } = String;

export const languageCases: readonly string[] = raw`
return 1, nil, 'a', 2.5, true
return ...
return select('#', ...)
return (...)
return 0x10, 1e3, .5, 3., 0xff, 1e-3, 5e+2
return 1/3, 2^53, 2^63, 1e15, 1e14, 123456789012345, -1e100
return 7 % 3, -7 % 3, 7 % -3, -7 % -3, 5.5 % 2, 5 % (1/0), -5 % (1/0)
return 2^10, 2^-1, 2^0.5, (-8)^(1/3)
return "10" + 5, "0x10" * 2, " 3 " - 1, 10 .. 20, -"2", "1e1" / 2
return 10 == "10", 0 == -0, "a" == "a", nil == false
return 1 < 2, "a" < "b", "a" < "B", "" < "a", "a\0b" < "a\0c", "Z" < "a"
return not nil, not 0, not "", not false
return nil and 1, false or nil, 1 and 2, nil or 'x', false and nil, 1 or error('no')
return 1 .. '', 1.5 .. 'x', -0 .. '', 1e20 .. '', 2^53 .. ''
return #"abc", #"", #{1,2,3}, #{1,2,nil,4}, #{nil,nil,3}, #{n=1}
return 2^3^2, -2^2, not 1 == 2, 1 .. 2 .. 3, 2 * 3 + 4, 2 + 3 * 4
local a <1 then end
local t = {} t.x = 1 t['y'] = 2 t[1] = 3 t[1.5] = 4 t[true] = 5 return t
local t = {1, 2, x = 3, 4, [10] = 5, [2] = 'lost', 6; 7} return t
local t = {(function() return 1, 2, 3 end)()} return t
local t = {(function() return 1, 2, 3 end)(), 10} return t
local t = {((function() return 1, 2, 3 end)())} return t
local t = {...} return t
local t = {f = function() return 'f' end} return t.f()
local t = {v = 1} function t:get(x) return self.v + x end return t:get(5)
local t = {a = {b = {}}} function t.a.b.f(x) return x end function t.a.b:g() return self == t.a.b end return t.a.b.f(3), t.a.b:g()
local a, b, c = 1, 2 return a, b, c
local a, b = (function() return 1, 2, 3 end)() return a, b
local a, b, c = 0, (function() return 1, 2 end)() return a, b, c
local a = {} local i = 1 i, a[i] = i + 1, 20 return i, a
local a, b = 1, 2 a, b = b, a return a, b
local f = tonumber return f('0x10'), f(nil)
local f = tonumber return f()
local f, g = tostring, f return f(1), g
local f = string.rep f = string.len return f('abc')
local f = math.pi return f()
local t, k = {}, 'x' t[k] = 1 return t.x, k.y.z
local k = 'x' return k.y.z
local n = 5 return n.x.y
local n, m = 5, -2 return -n, -m, n - m, n .. m, n + nil
local yes, no = true, false return yes and 1 or 2, no and 1 or 2, not yes, yes == no, yes()
local s = 'a' return s < 5
local s = ('a') return s + 1
local f = redis.sha1hex return f('x'), (f)('y')
local f = cjson.encode local g = f return g({1}), g == f, f == cjson.encode
local c = redis.call return c()
local c = redis.call c({})
local key = KEYS[1] return key, key == nil, not key, key or 'none', type(key)
local key = KEYS[1] return redis.call('get', key)
local key = KEYS[1] return key .. 'x'
local key = ARGV[1] return key.x
local key = ARGV[1] return key()
local function f(n) if n == 0 then return 'end' end return f(n - 1) end return f(100)
local function f() return f end return f() == f, f() == f()
local function f() end local g = f return f == g, f == function() end
local n = 0 local function f() n = n + 1 return n end f() return f(), n
local t = {} for i = 1, 2 do local function f() return 1 end t[i] = f end return t[1] == t[2], t[1](), t[2]()
local t = {} for i = 1, 2 do local v = 'x' local function f() return v end t[i] = f end return t[1] == t[2], t[1]()
local function made() local function f() return 1 end return f end return made() == made(), made()()
local function f(x) return x.y end local function g(x) return f(x) end return g(nil)
local function f(x) local y = x.y return y end local function g(x) local z = f(x) return z end return g(nil)
local f = function(n) return f end return f(1)
local function f() return 1 end f = nil return f()
local function f() return 1 end do local function f() return 2 end return f() end
local function f() return 1 end local function g() return f() + 1 end f = function() return 5 end return g()
if true then local function f() return 'in a block' end return f() end
local function f(...) return select('#', ...), ... end return f(1, nil, 2)
local function f() error({code = 5}) end return pcall(f)
local function f() local x = nil return x.y end return pcall(f)
local s = 0 local function sum(t) for _, v in ipairs(t) do s = s + v end return s end return sum({1, 2}), sum({3})
local t = {1, 2} local i = 1 t[i], i = 'x', 2 return t, i
local d = 5 d, d[1] = (function() d = false return {}, 1 end)()
local d = 5 d[1], d = (function() d = false return {}, 1 end)()
local d, x = 5 x, d[1] = (function() d = false return {}, 1 end)()
local d = 5 (d)[1], d = (function() d = false return {}, 1 end)()
local d = 5 (d)[1] = (function() d = false return 1 end)()
local d = 5 return ((d))[(function() d = false return 1 end)()]
local d, t = 1, {} t[d], t[2], d = (function() d = 3 return 'a', 'b', 'c' end)() return t, d
local d, t = 1, {} t[d], t[(function() d = 9 return 5 end)()], d = 'a', 'b', 'c' return t, d
local t = {1} local u = t t[1], t = 5, 6 return u, t
local b return pcall(function() return 'a' .. (b .. 'c') end)
local t = {} return pcall(function() return t[('x')] + 1 end)
local t = {} return pcall(function() return t[(('x'))].y end)
local t = {} return pcall(function() return t[('x')]() end)
local b return pcall(function() return 'a' .. ((b .. 'c')) end)
local b return pcall(function() return ('a' .. b) .. 'c' end)
local z = setmetatable({}, {__concat = function() return nil end}) return 'a' .. (z .. 'b')
local z = setmetatable({}, {__concat = function() return {} end}) return 'a' .. 'q' .. (z .. 'b' .. 'c')
local t = {} t.a, t.b = 1, 2 return t
local x = 1 do local x = 2 end return x
local x = 1 local x = x + 1 return x
local n = 0 for i = 1, 10 do n = n + i end return n
local n = 0 for i = 10, 1, -2 do n = n + i end return n
local t = {} for i = 1, 3, 0.5 do t[#t + 1] = i end return t
local t = {} for i = 0.1, 1, 0.1 do t[#t + 1] = i end return t
for i = 1, 'x' do end
for i = 'x', 2 do end
for i = 1, 2, {} do end
local n = 0 for i = '1', '3' do n = n + i end return n
for i = 1, 0 do error('never') end return 'ok'
local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end return fs[1](), fs[1](), fs[2](), fs[3]()
local fs = {} local i = 1 while i <= 3 do local j = i fs[i] = function() j = j + 10 return j end i = i + 1 end return fs[1](), fs[1](), fs[2]()
local i = 0 repeat local done = i >= 3 i = i + 1 until done return i
local fs = {} local i = 0 repeat local k = i fs[#fs + 1] = function() return k end i = i + 1 until k == 2 return fs[1](), fs[3]()
local t = {} for k, v in pairs({1, 2, 3, a = 1}) do t[#t + 1] = tostring(k) .. tostring(v) end return t
local t = {} for i, v in ipairs({1, 2, nil, 4}) do t[#t + 1] = v end return t
for i = 1, 10 do if i == 5 then break end end return 'out'
while true do break end return 1
local n = 0 while n < 5 do n = n + 1 if n == 3 then break end end return n
for k, v in next, {a = 1} do return k, v end
for k, v in 5 do end
local c = {1, 2, 3, x = 4} for k in pairs(c) do table.insert(c, -1, '') end return c
for i = -2, -2, 1e300 do return i end return 'none'
for k, v in nil do end
local t = setmetatable({}, {__call = function(self, s, c) c = (c or 0) + 1 if c < 4 then return c end end}) local r = {} for i in t do r[#r + 1] = i end return r
local function f(...) return select('#', ...), ... end return f(nil, nil)
local function f(...) local a, b = ... return a, b end return f(1, 2, 3)
local function f(a, ...) return a, {...}, arg end return f(1, 2, 3)
local function f(a, ...) return a, arg end return f(1, 2, 3)
local function f(...) return arg.n, arg[1] end return f('x', nil)
local function f(...) return (...) end return f(1, 2)
local function f() return 1, 2 end return f(), f()
local function f() return 1, 2 end return (f())
local function f() end return f()
local function f() end return (f())
local function f() end return tostring(f())
local function f() return nil end return tostring(f())
local function f() return end return {f()}, {f(), f()}
local function f(n) if n == 0 then return 'end' end return f(n - 1) end return f(50000)
local function f(a, b, c) return a, b, c end return f(1), f(1, 2, 3, 4)
return (function(...) return select('#', ...) end)(nil, nil, nil)
return [[long
string]], [==[with ]] in it]==], [[
first newline skipped]]
return 'a\tb\n\065\10\\\'\"\z'
return "\a\b\f\v\r\0end", "\
newline"
return 1 --[[comment]] + --[==[ long
comment ]==] 2 -- short
local x; return x.y
local x = {} return x.y.z
local x = {y = {}} return x.y.z.w
local x = 5 return x.y.z
local x return x[1]
local x = {} x.y.z = 1
local x x.y = 1
x.y = 1
x = 1
x()
local x x()
local x = {} x.y()
local x = {} x:y()
local x = 5 x:y()
local s = 'abc' s:nope()
local t = {} t[1]()
local t = {{}} t[1].x()
local t = {} t.x.y()
(function() end)().x = 1
return (1)()
return ('x')()
return ({})()
local a = nil return a + 1
local a = {} return a + 1
local a = {} return 1 + a
local a = 'x' return a + 1
local a = {b = 'x'} return a.b * 2
local a return a .. 'x'
local a return 'x' .. a
local a = {} return 'x' .. a.b
local a = {} return a.b .. 'x'
local a return 'x' .. a .. 'y'
local a, b = 1, {} return 'x' .. a .. b
return 1 .. {} .. 2
return nil .. 'x'
return -{}
local a = {} return -a
return #5
local a return #a
return #nil
return {} < {}
return 1 < 'x'
return 'x' < 1
return nil < 1
return {} <= {}
return true < false
local f = function() end return f < f
return 1 > nil
return {} == {}
local up local function f() return up.x end return f()
local up local function f() up() end f()
local up local function f() up.x = 1 end f()
local up = {} local function f() return up.x.y end f()
local t = {} t[nil] = 1
local t = {} t[0/0] = 1
local t = {} return t[nil], t[0/0]
local t = {[nil] = 1}
return (nil)[1]
return ({}).x.y
return ('x').y.z
local a, b return (a or b).x
local a, b return (a and b).x
return (nil or math.nope).x
local t = {} return (t.x or t.y).z
local t = {} return (t.x and t.y).z
local a = false return a.x
local a = true return a.x
local function f() return f() + 1 end return f()
local function f() return f() + 1 end return pcall(f)
local function f() f() return 1 end return pcall(f)
local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) return t.x, t[1], rawget(t, 'x')
local t = setmetatable({}, {__index = {x = 1}}) return t.x, t.y
local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.x = 5 t.x = 7 return t
local log = {} local t = setmetatable({}, {__newindex = log}) t.x = 5 return t, log
local mt = {} mt.__add = function(a, b) return 'add' end mt.__concat = function(a, b) return 'cat' end local t = setmetatable({}, mt) return t + 1, 1 + t, t .. 'x', 'x' .. t, 1 .. t, t .. t
local mt = {__sub = function() return 1 end, __mul = function() return 2 end, __div = function() return 3 end, __mod = function() return 4 end, __pow = function() return 5 end, __unm = function(a, b) return rawequal(a, b) end} local t = setmetatable({}, mt) return t - 1, t * 1, t / 1, t % 1, t ^ 1, -t
local mt = {__eq = function() return true end} local a, b = setmetatable({}, mt), setmetatable({}, mt) return a == b, a ~= b, a == {}, a == 1
local mt = {__lt = function(a, b) return 1 end} local a, b = setmetatable({}, mt), setmetatable({}, mt) return a < b, a > b, a <= b, a >= b
local mt = {__le = function(a, b) return nil end} local a, b = setmetatable({}, mt), setmetatable({}, mt) return a <= b, a >= b
local a = setmetatable({}, {__lt = function() return true end}) return a < {}
local a = setmetatable({}, {__lt = function() return true end}) return a < 1
local t = setmetatable({}, {__call = function(self, ...) return 'called', ... end}) return t(1, 2)
local t = setmetatable({}, {__call = 5}) return t()
local t = setmetatable({}, {__len = function() return 42 end}) return #t
local t = setmetatable({}, {__tostring = function() return 'me' end}) return tostring(t)
local t = setmetatable({}, {__tostring = function() return 5 end}) return tostring(t)
local t = setmetatable({}, {__metatable = 'locked'}) return getmetatable(t), pcall(setmetatable, t, {})
local t = {} setmetatable(t, {__index = t}) return t.x
local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return pcall(function() return t[1] end)
local a = setmetatable({}, {__index = function() error('deep') end}) return a.x
local a = setmetatable({}, {__index = function() error('deep', 2) end}) return a.x
local a = setmetatable({}, {__add = function() error({code = 5}) end}) return pcall(function() return a + 1 end)
error('plain')
error('level 2', 2)
error('level 0', 0)
error({1, 2})
error()
error(nil)
error(5)
error(true)
local function f() error('in f') end f()
local function f() error('in f', 2) end f()
local function f() error('in f', 2) end local function g() f() end g()
local function f() error('in f', 3) end local function g() f() end g()
local function f() error('tail', 2) end local function g() return f() end g()
local function f() error('tail', 3) end local function g() return f() end g()
return pcall(error)
return pcall(error, 'x')
return pcall(error, 'x', 2)
return pcall(error, {1})
return pcall(pcall)
return pcall(pcall, error, 'x')
return pcall(nil)
return pcall(5, 6)
return pcall(function(...) return ... end, 1, nil, 3)
return xpcall(function() error('x') end, function(m) return m .. '!' end)
return xpcall(function() return 1, 2 end, 5)
return xpcall(function() error('x') end, 5)
return xpcall(function() error('x') end, function(m) error('again') end)
return xpcall(function() error('x') end, function() return 1, 2 end)
return xpcall(function() local x = nil; x() end, function(m) return m end)
local ok, e = pcall(function() local t = {} t.x.y = 1 end) return ok, e
return pcall(string.rep), pcall(string.rep, 'x'), pcall(('x').rep, {}, 1)
return string.rep()
return ('x'):rep()
return ('x').rep()
local r = string.rep r()
local t = {f = string.rep} t.f()
local t = {f = string.rep} t:f()
local t = {string.rep} t[1]()
return tostring()
return setmetatable(1, 2)
return setmetatable({})
return getmetatable('').__index == string, getmetatable('x').__name
return ipairs()
return next({}, 'nope')
return next({}), next({1}), next({1}, 1)
return rawset({}, nil, 1)
return select(0)
return select(-1, 1, 2), select(2, 'a', 'b', 'c')
return select('x')
return unpack({1, 2, 3}), unpack({1, 2, 3}, 2), unpack({1, 2, 3}, 2, 5)
return unpack({}, 1, 3), (unpack({1, 2}))
return pcall(unpack, {}, 1, 1e8)
return type(nil), type(1), type('x'), type({}), type(print_or_nil), type(type), pcall(type)
return assert(1, 2, 3)
assert(false)
assert(nil, 'message')
assert(false, {1})
return pcall(assert, false, 'x'), pcall(assert)
return tonumber('10'), tonumber('0x1F'), tonumber('  5  '), tonumber('5x'), tonumber(''), tonumber(' '), tonumber('1e5'), tonumber('1e'), tonumber('.'), tonumber('.5')
return tonumber('10', 2), tonumber('ff', 16), tonumber('zz', 36), tonumber('8', 8), tonumber('7', 8), tonumber('-ff', 16), tonumber('0xff', 16), tonumber(10, 8), tonumber('1.5', 10)
return tonumber('10', 1)
return tonumber('10', 37)
return tonumber(nil), tonumber({}), tonumber(true)
return tonumber()
return tonumber('inf'), tonumber('-inf'), tonumber('infinity'), tonumber('nan'), tonumber('0x'), tonumber('0x.8p1'), tonumber('1_0'), tonumber('1\0'), tonumber('\n1\t')
return tonumber('0x1p-1074'), tonumber('0x1.fffffffffffff8p0'), tonumber('4.9e-324'), tonumber('1e400'), tonumber('-1e400'), tonumber('2.4703282292062327e-324')
return tostring(1e15), tostring(1e14), tostring(0.1), tostring(1/3), tostring(100), tostring(-1.5), tostring(1e100), tostring(2^31), tostring(123456.789e3)
return tostring(12345678901234.5), tostring(0.5), tostring(1e-5), tostring(1e-4), tostring(123456789012345678), tostring(5e-324), tostring(1.7976931348623157e308)
return loadstring('return 1 + 1')(), loadstring('syntax error here'), loadstring('return ...')(5)
return loadstring('x =')
return loadstring('x =', '@file'), loadstring('x =', '=name'), loadstring('x =\n', 'line one\nline two')
return loadstring('error("x")', '=chunk')()
return loadstring('local x; x()', 'some code that is long enough to be cut by the limit of sixty characters')()
return load(function() return nil end)
local parts = {'return ', '4', '2'} local i = 0 return load(function() i = i + 1 return parts[i] end)()
return load(function() return {} end)
return load(function() error('x') end)
return load('return 1')
return pcall(loadstring)
local f = loadstring('local a, b = ... return b, a') return f(1, 2)
return rawequal('a', 'a'), rawequal({}, {}), rawequal(1, 1.0)
local t = {} for i = 1, 10 do t[i] = i end for i = 1, 9 do t[i] = nil end return #t, next(t)
local t = {} for i = 10, 1, -1 do t[i] = i end return #t, t
local t = {} t[1] = 1 t[2] = 2 t[4] = 4 return #t, t
local t = {10, 20, 30, nil} return #t
local t = {10, 20, 30, nil, 50} return #t
local t = {n = 1, 10, 20, nil, nil} return #t
local t = {} for i = 1, 20 do t['k' .. i] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return table.concat(r, ' ')
local t = {} for i = 1, 30 do t[i * 1.5] = i end local r = {} for k in pairs(t) do r[#r + 1] = k end return table.concat(r, ' ')
local t = {} for i = 1, 20 do t['k' .. i] = i end for k in pairs(t) do t[k] = nil end t.z = 1 return t
local t = {a = 1, b = 2, c = 3} for k, v in pairs(t) do t[k .. 'x'] = nil t[k] = v + 1 end return t
local t = {} for i = 1, 10 do t[-i] = i end return t
local t = {[true] = 1, [false] = 2, [1] = 3, ['1'] = 4, [1.5] = 5, [-1] = 6, [0] = 7} return t
return collectgarbage('collect'), collectgarbage('stop'), collectgarbage('step'), type(collectgarbage('count'))
collectgarbage('nope')
return _VERSION, type(_G), _G._G == _G, _G.string == string
return _G.nope
_G.x = 1
rawset(_G, 'x', 1)
string.x = 1
table.insert(string, 1)
setmetatable(_G, nil)
setmetatable(string, {})
getmetatable('').__index = nil
getmetatable(_G).__index = nil
return KEYS, ARGV
KEYS[1] = 'x' return KEYS
KEYS = 5
return pcall(function() local a = {} ; return a.b.c end)
local t = {} t['a b'] = {} return t['a b'].c.d
local t = {} t.t = t return t.t.t.t == t
local a = 1 local function f() return a end a = 2 return f()
local function counter() local n = 0 return function() n = n + 1 return n end end local a, b = counter(), counter() return a(), a(), b()
local a = 1 local b = a + (function() a = 10 return 1 end)() return a, b
local t = {1} local r = t[(function() t = {5} return 1 end)()] return r
local function f(a) a = a or 'default' return a end return f(), f(false), f(1)
do return 1 end
if nil then return 1 elseif false then return 2 else return 3 end
local x = 3 if x == 1 then return 'a' elseif x == 3 then return 'c' end
return ('x'):upper():lower():rep(3)
return #'abc' + 1, -2 ^ 2, not nil == true
return 1e308 * 10, -1e308 * 10, 1 / 0, -1 / 0
return math.huge == 1 / 0, -math.huge
return 2^53 + 1, 9007199254740993
local a = {10, 20, 30} a[#a + 1] = 40 return a, #a
local s = '' for i = 1, 5 do s = s .. i end return s
local t = {} for w in string.gmatch('one two', '%a+') do t[#t + 1] = w end return t
local r = {} for i = 3, 1, -1 do r[#r + 1] = i end return r
local x = 0 for _ = 1, 3 do for _ = 1, 3 do x = x + 1 if x == 5 then break end end end return x
goto continue
local function f() return 1 end; (f)() return 'x'
return f
local a, b, c = ..., 'x' return a, b, c
local t = {...; 'x', ...} return t
return "unfinished
return 'bad \400 escape'
return [==[ unfinished
return 0x
return 1..2
return 3x
x = = 2
for i in 1 do
for 1 = 1, 2 do end
for i = 1 do end
if x then
while true
repeat
local function
local function f( return end
function f(a, b, end
function f(..., a) end
return function(a b) end
local 1 = 2
a.b:c = 1
a + 1
f() = 1
(a) = 1
break
return return
return 1,
local t = {1, 2
local t = {1 2}
local t = {[1] 2}
return }
end
else
return ...
function f() return ... end
x = }
x = 'a' 'b'
a b
a.1
a:b
a:b.c()
return a..
return not
return #
return -
return 1 +
return (1
return ((1)
f(1
f(1,
f{1
@
$
x = ~ 1
x != 1
x = 1 & 2
return 1 // 2
local x <const> = 1
::label::
--[[ unfinished comment
return --[==[ ok ]==] 5
local a; local a; return a
return 'a' == "a", [[a]] == 'a'
;
return 1;
return 1; ;
local function f() end f
f "x" = 1
f
(1)
return 'tab	inside', "quote'inside", 'quote"inside'
`
  .split('\n')
  .filter((line) => line !== '');

/** Chunks of several lines: the lines of errors. */
export const multiLineCases: readonly string[] = [
  'local x\n\nlocal y = x.z',
  'local x = 1\n  +\n nil',
  'local t = {\n 1,\n nil + 1,\n}',
  'local f\nf(\n1,\n2\n)',
  'local t = {}\nt\n.x\n.y = 1',
  'return\n nil\n .. \n"x"',
  'local a = {}\nlocal b =\n a.x.y\n',
  'for i = 1,\n "x"\ndo\nend',
  'for k in\n pairs(nil)\ndo end',
  'local s = "a\\\nb"\nerror(s)',
  'local s = [[\n\n]]\nerror("after")',
  '--[[\n\n]] error("after comment")',
  'local function f()\n error("in f")\nend\nlocal function g()\n f()\nend\ng()',
  'local call = redis.call\nlocal function f(x)\n\n call("get", x)\nend\nf()',
  'local call, key = redis.call, KEYS[1]\nlocal function f()\n return call("get",\n key)\nend\nreturn f()',
  'local key = KEYS[1]\nlocal function f()\n return key\n .. "x"\nend\nreturn f()',
  'local function f()\n error("in f", 2)\nend\nlocal function g()\n\n f()\nend\ng()',
  'return string.rep(\n"x",\n{}\n)',
  'local x = {}\nx:foo(\n1,\n2)',
  'local x = {}\nx\n:foo(1)',
  'local x\nif x\n.y then end',
  'while\n nil + 1 do end',
  'repeat\nuntil nil + 1',
  'return 1 <\n\n{}',
  'return -\n\n{}',
  'x\n= 1',
  'local a = 1\na\n()',
  'return (\n1',
  'if true then\n\nreturn (1',
  'while true do\n\n',
  'function f()\n\n',
  'for i=1,2 do\n x = 1 = 2 end',
  'local t = {\n1,\n2',
  'repeat\n local x = 1\n',
  'local s = "abc\n"',
  'f(\n1\n2)',
  'return pcall(\nerror,\n"x")',
  'local ok, e = pcall(function()\n local t = nil\n t.x = 1\nend)\nreturn e',
  'local co = coroutine.create(function()\n local x\n x()\nend)\nreturn coroutine.resume(co)',
  'local b\nreturn "a" ..\n (b\n ..\n "c"\n ..\n (b\n .. "d")\n)',
];
