/** Random calls of library functions, most with arguments of the right types. */
import type { Random } from '../../support/random.js';

type Argument = () => string;
type Call = (random: Random, other: Argument) => string;

const TEXTS = [
  "'abc'",
  "'hello world'",
  "'10'",
  "''",
  "'a,b,,c'",
  "'k=v; k2=v2'",
  "'\\1\\2\\255'",
  "'(a(b)c)'",
  "'aXbX'",
];
const PATTERNS = [
  "'%a+'",
  "'.'",
  "'%d*'",
  "'(%w+)=(%w+)'",
  "'^a'",
  "'c$'",
  "'[^,]*'",
  "'%b()'",
  "'()'",
  "'b-c'",
  "'%s'",
  "'[a-c]+'",
  "'(.)(.)'",
  "'X'",
  "'%f[%w]%w+'",
  "'(a)%1'",
  "'['",
  "'%'",
  "'(x'",
];
const FORMATS = [
  "'%d'",
  "'%5.2f|'",
  "'%s'",
  "'%q'",
  "'%x'",
  "'%g'",
  "'%-5s|'",
  "'%05d'",
  "'%e'",
  "'%c'",
  "'%i%%'",
  "'%.3s'",
  "'%u'",
  "'%+d'",
  "'%.14g'",
];
const INTS = ['0', '1', '2', '-1', '3', '5', '10', '-3', '1.5', "'2'"];

const text: Call = (random, other) => (random.chance(0.8) ? random.pick(TEXTS) : other());
/** No large numbers: string.rep and table.insert would take them at their word. */
const int: Call = (random) => (random.chance(0.85) ? random.pick(INTS) : random.pick(NO_INTS));
const NO_INTS = ["'x'", 'nil', '{}', 'true', '0.5', "'0x2'"];
const table: Call = (random, other) =>
  random.chance(0.6) ? random.pick(['c', 'h', '{3, 1, 2}', "{'b', 'a'}", '{x = 1, 5}']) : other();
const pattern: Call = (random) => random.pick(PATTERNS);
const anything: Call = (_, other) => other();

/** A call of the function with these arguments; the last ones may be missing. */
function of(name: string, ...args: Call[]): Call {
  return (random, other) => {
    const given = random.chance(0.1) ? random.below(args.length + 1) : args.length;
    const list = args.slice(0, given).map((make) => make(random, other));
    if (random.chance(0.05)) list.push(random.pick(NO_INTS));
    return `${name}(${list.join(', ')})`;
  };
}

function replacement(random: Random, other: Argument): string {
  return random.pick([
    "'%0%0'",
    "'x'",
    "'<%1>'",
    "''",
    '{a = 1, b = "B"}',
    'string.upper',
    'function(m) return m end',
    'c',
    other(),
  ]);
}

const CALLS: readonly Call[] = [
  of('string.sub', text, int, int),
  of('string.byte', text, int, int),
  of('string.char', int, int),
  of('string.rep', text, int),
  of('string.reverse', text),
  of('string.upper', text),
  of('string.lower', text),
  of('string.len', text),
  of('string.find', text, pattern, int),
  of('string.find', text, text, int, anything),
  of('string.match', text, pattern, int),
  of('string.gsub', text, pattern, replacement),
  of('string.gsub', text, pattern, replacement, int),
  of('string.format', (random) => random.pick(FORMATS), int),
  of('string.format', (random) => random.pick(FORMATS), anything),
  of('table.concat', table, text, int, int),
  of('table.concat', table),
  // Without an extra argument: it would make the value a place, and a large one takes minutes.
  (random, other) => `table.insert(${table(random, other)}, ${other()})`,
  of('table.insert', table, int, anything),
  of('table.remove', table, int),
  of('table.maxn', table),
  of('table.getn', table),
  of('table.sort', table, () => 'function(x, y) return x > y end'),
  of('unpack', table),
  of('unpack', table, int, int),
  of('select', int, anything, anything),
  of('select', () => "'#'", anything, anything),
  of('tonumber', anything),
  of('tonumber', text, int),
  of('type', anything),
  of('next', table),
  of('next', table, anything),
  of('rawget', table, anything),
  of('rawequal', anything, anything),
  of('math.floor', int),
  of('math.ceil', int),
  of('math.abs', int),
  of('math.max', int, int, anything),
  of('math.min', int, int),
  of('math.fmod', int, int),
  of('math.modf', int),
  of('math.frexp', int),
  of('math.ldexp', int, int),
  of('pcall', () => 'string.sub', anything, anything),
  of('pcall', anything, anything),
  of('assert', anything, text),
  of('getmetatable', table),
  of('loadstring', (random) =>
    random.pick(["'return 1'", "'return ...'", "'x ='", "'local a = ... return a.x'"]),
  ),
  of('cjson.encode', anything),
  of('cjson.encode', table),
  of('cjson.decode', (random) =>
    random.pick(["'[1,2,{}]'", '\'{"a":[1],"b":null}\'', '\'"x"\'', "'[1'", "'nul'"]),
  ),
  of('cmsgpack.pack', anything, anything),
  (random, other) => `cmsgpack.unpack(cmsgpack.pack(${table(random, other)}))`,
  of('struct.pack', (random) => random.pick(["'>I2'", "'b'", "'<i4'", "'s'", "'d'"]), int),
  of('struct.unpack', (random) => random.pick(["'>I2'", "'b'", "'c2'"]), text),
  of('bit.band', int, int),
  of('bit.bxor', int, anything),
  of('bit.lshift', int, int),
  of('bit.tohex', int, int),
  of('redis.sha1hex', text),
];

/** A call as an expression; `other` makes an argument of any type. */
export function libraryCall(random: Random, other: Argument): string {
  return random.pick(CALLS)(random, other);
}
