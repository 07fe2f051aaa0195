/**
 * Random programs over the language and its libraries. They end (each loop and function burns
 * fuel), stay small, and avoid what differs by nature: addresses, the sign of NaN, the last digits
 * of transcendental functions. Most programs fail somewhere; the text of the error is compared too.
 */
import type { Random } from '../../support/random.js';
import { libraryCall } from './generator-calls.js';

const PRELUDE =
  'local fuel = 300 local function burn() fuel = fuel - 1 if fuel < 0 then error("no fuel", 0) end end\n' +
  'local function cut(s) if type(s) == "string" then return string.sub(s, 1, 40) end return s end\n' +
  'local function cuts(s, n) return cut(s), n end\n';
/** What makes longer texts of texts: in a loop they would double each time. */
const GROWING = /\.\.|\b(rep|concat|encode|pack|format)\(/;
const GROWING_CALL = /^\w+\.(rep|concat|encode|pack|format)\(/;

const NUMBERS = '0 1 2 3 -1 10 0.5 1.5 -2.5 100 255 1e15 2^31 1e300 7 12345.678 0x10'.split(' ');
const STRINGS = [
  "''",
  "'a'",
  "'abc'",
  "'10'",
  "'0x1f'",
  "' 5 '",
  "'1e1'",
  "'k1'",
  "'k2'",
  "'hello world'",
  "'a\\0b'",
  "'x=1, y=2'",
  "'%d+'",
  "'.'",
];
const FIELDS = ['x', 'y', 'k1', 'n', 'f'];
const NAMES = ['a', 'b', 'c', 'd', 'e', 'g', 'h'];
const ARITHMETIC = ['+', '-', '*', '/', '%'];
const COMPARISON = ['==', '~=', '<', '>', '<=', '>='];
const METAMETHODS =
  '__add __sub __mul __concat __eq __lt __le __index __newindex __call __unm __tostring'.split(' ');

export class ProgramGenerator {
  private names: string[] = [];
  private loops = 0;
  private functions = 0;
  private inCoroutine = false;

  constructor(private readonly random: Random) {}

  /** Parts that run one after another, each protected, so that an early error hides little. */
  program(): string {
    const start = ['local a, b, c, d, e, g, h = 1, "s", {1, 2, 3, x = 4}, nil, "10", 2.5, {}'];
    start.push('local log = {} local function note(...) log[#log + 1] = {...} end');
    this.names = [...NAMES];
    const parts: string[] = [];
    for (let i = this.random.between(3, 6); i > 0; i--) {
      const body = this.block(this.random.between(1, 4), 2);
      parts.push(`note(pcall(function() ${body} return ${this.results()} end))`);
    }
    return `${PRELUDE}${start.join('\n')}\n${parts.join('\n')}\nreturn log, a, b, c, d, e, g, h`;
  }

  private pick<T>(list: readonly T[]): T {
    return this.random.pick(list);
  }

  private block(count: number, depth: number): string {
    const saved = this.names.length;
    const lines: string[] = [];
    for (let i = 0; i < count; i++) lines.push(this.statement(depth));
    this.names.length = saved;
    // Several statements to a line, but not always.
    return lines.join(this.random.chance(0.7) ? '\n' : ' ');
  }

  private name(): string {
    return this.pick(this.names);
  }

  private statement(depth: number): string {
    const roll = this.random.below(100);
    if (depth <= 0 || roll < 40) return this.simpleStatement();
    const size = this.random.between(1, 4);
    if (roll < 48) return this.ifStatement(depth, size);
    if (roll < 55)
      return this.loop(`for i = ${this.bound()}, ${this.bound()} do`, ['i'], size, depth);
    if (roll < 58) {
      const step = this.pick(['1', '2', '-1', '0.5', this.expression(1)]);
      return this.loop(`for j = ${this.bound()}, ${this.bound()}, ${step} do`, ['j'], size, depth);
    }
    if (roll < 64) {
      const iterator = this.pick(['pairs', 'ipairs', 'pairs']);
      return this.loop(
        `for k, v in ${iterator}(${this.pick(['c', 'h', 'c', '{5, 6}', this.expression(1)])}) do`,
        ['k', 'v'],
        size,
        depth,
      );
    }
    if (roll < 67) return this.loop(`while ${this.condition()} do`, [], size, depth);
    if (roll < 70) return this.repeat(size, depth);
    if (roll < 72) {
      const text = this.pick(STRINGS);
      return this.loop(
        `for w in string.gmatch(${text}, ${this.pick(["'%a+'", "'.'", "'%d'", "'()'"])}) do`,
        ['w'],
        size,
        depth,
      );
    }
    if (roll < 74) return `do ${this.block(size, depth - 1)} end`;
    if (roll < 84) return this.localFunction(size, depth);
    if (roll < 90) return this.protectedCall(size, depth);
    if (roll < 94) return this.metatable(depth);
    if (roll < 97) return this.coroutine(size, depth);
    return this.method(size, depth);
  }

  private bound(): string {
    return this.pick(['1', '3', '0', '5', '-2', '#c', 'a', this.number(1)]);
  }

  private simpleStatement(): string {
    const roll = this.random.below(100);
    if (roll < 6) return `${this.pick(['a', 'g'])} = ${this.number(2)}`;
    if (roll < 10) return `${this.pick(['b', 'e'])} = cut(${this.text(2)})`;
    if (roll < 30) return `${this.target()} = ${this.value(3)}`;
    if (roll < 38) return `${this.target()}, ${this.target()} = ${this.value(2)}, ${this.value(2)}`;
    if (roll < 42) return `d, ${this.target()}, ${this.target()} = ${this.call(2)}`;
    if (roll < 55) {
      const name = this.pick([...NAMES, 'p', 'q']);
      const line = `local ${name} = ${this.value(3)}`;
      this.names.push(name);
      return line;
    }
    if (roll < 60) {
      const line = `local p, q = ${this.value(2)}, ${this.call(2)}`;
      this.names.push('p', 'q');
      return line;
    }
    if (roll < 82) return this.callStatement();
    if (roll < 86 && this.loops > 0) return `if ${this.condition()} then break end`;
    if (roll < 90) return `if ${this.condition()} then return ${this.results()} end`;
    if (roll < 91) return `do return ${this.call(2)} end`;
    if (roll < 92)
      return `error(${this.expression(1)}${this.random.chance(0.4) ? `, ${this.random.below(4)}` : ''})`;
    if (roll < 94 && this.inCoroutine) return `${this.name()} = coroutine.yield(${this.results()})`;
    return `${this.target()} = cut(${this.expression(2)})`;
  }

  private results(): string {
    const count = this.random.below(3);
    return Array.from({ length: count }, () => this.value(2)).join(', ');
  }

  private value(depth: number): string {
    const code = this.expression(depth);
    // A string that doubles in a loop would fill the memory.
    return GROWING.test(code) ? `cut(${code})` : code;
  }

  private callable(): string {
    const functions = this.names.filter((name) => /^[fw]\d/.test(name));
    return functions.length > 0 && this.random.chance(0.85) ? this.pick(functions) : this.name();
  }

  private callStatement(): string {
    if (this.random.chance(0.6))
      return `${this.target()} = cut((${libraryCall(this.random, () => this.argument())}))`;
    return this.pick([
      `table.insert(c, ${this.value(2)})`,
      `table.sort(${this.pick(['c', 'h', this.name()])})`,
      `table.remove(c)`,
      `${this.callable()}(${this.results()})`,
      `${this.callable()}(${this.results()})`,
      `${this.name()}.${this.pick(FIELDS)}(${this.results()})`,
      `${this.name()}:${this.pick(FIELDS)}(${this.results()})`,
      `setmetatable(${this.name()}, ${this.pick(['nil', 'h', this.name()])})`,
    ]);
  }

  private argument(): string {
    return this.random.chance(0.35) ? this.name() : this.expression(1);
  }

  private target(): string {
    const roll = this.random.below(10);
    if (roll < 3) return this.pick(['d', 'p', 'd']).replace('p', this.name());
    if (roll < 6) return this.pick(['c', 'h']).concat('.', this.pick(FIELDS));
    if (roll < 7) return `${this.name()}.${this.pick(FIELDS)}`;
    return `${this.pick(['c', 'h', this.name()])}[${this.key()}]`;
  }

  /** Keys that have the same hash everywhere: no tables, no functions. */
  private key(): string {
    return this.pick([
      ...NUMBERS,
      "'k1'",
      "'k2'",
      'true',
      '#c + 1',
      '(tonumber(a) or 1)',
      `(${this.expression(1)} or 1) == 1`,
    ]);
  }

  private condition(): string {
    const roll = this.random.below(10);
    if (roll < 4)
      return `${this.expression(1)} ${this.pick(['==', '~=', '<'])} ${this.expression(1)}`;
    if (roll < 6) return `not ${this.expression(1)}`;
    if (roll < 8) return `${this.expression(1)} ${this.pick(['and', 'or'])} ${this.expression(1)}`;
    return this.expression(2);
  }

  private ifStatement(depth: number, size: number): string {
    const parts = [`if ${this.condition()} then ${this.block(size, depth - 1)}`];
    if (this.random.chance(0.3)) {
      parts.push(`elseif ${this.condition()} then ${this.block(size, depth - 1)}`);
    }
    if (this.random.chance(0.5)) parts.push(`else ${this.block(size, depth - 1)}`);
    return `${parts.join(' ')} end`;
  }

  private loop(head: string, names: string[], size: number, depth: number): string {
    const saved = this.names.length;
    this.names.push(...names);
    this.loops++;
    const body = this.block(size, depth - 1);
    this.loops--;
    this.names.length = saved;
    return `${head} burn() ${body} end`;
  }

  private repeat(size: number, depth: number): string {
    this.loops++;
    const body = this.block(size, depth - 1);
    this.loops--;
    return `repeat burn() ${body} until ${this.condition()}`;
  }

  /** A function's text from its parameters on. */
  private functionBody(size: number, depth: number): string {
    const saved = this.names.length;
    const loops = this.loops;
    this.loops = 0;
    const parameters = this.pick([[], ['p'], ['p', 'q'], ['a', 'p']]);
    const isVararg = this.random.chance(0.3);
    this.names.push(...parameters);
    const body = this.block(size, depth - 1);
    const result = isVararg && this.random.chance(0.6) ? '...' : this.results();
    this.names.length = saved;
    this.loops = loops;
    const list = [...parameters, ...(isVararg ? ['...'] : [])].join(', ');
    return `(${list}) burn() ${body} ${this.random.chance(0.8) ? `return ${result} ` : ''}end`;
  }

  private localFunction(size: number, depth: number): string {
    const name = `f${this.functions++ % 5}`;
    const isEarly = this.random.chance(0.5);
    if (isEarly) this.names.push(name);
    const body = this.functionBody(size, depth);
    if (!isEarly) this.names.push(name);
    return isEarly ? `local function ${name}${body}` : `local ${name} = function${body}`;
  }

  private protectedCall(size: number, depth: number): string {
    const call = this.random.chance(0.8)
      ? `pcall(function${this.functionBody(size, depth)}, ${this.expression(1)})`
      : `xpcall(function${this.functionBody(size, depth)}, function(m) return type(m) end)`;
    const line = `local p, q = ${call}`;
    this.names.push('p', 'q');
    return line;
  }

  private metatable(depth: number): string {
    const fields = Array.from({ length: this.random.between(1, 4) }, () => {
      const event = this.pick(METAMETHODS);
      const value = this.random.chance(0.8)
        ? `function${this.functionBody(1, Math.min(depth, 1))}`
        : this.expression(1);
      return `${event} = ${value}`;
    });
    const table = this.pick(['h', 'c', '{}', this.name()]);
    return `${this.name()} = setmetatable(${table}, {${fields.join(', ')}})`;
  }

  private coroutine(size: number, depth: number): string {
    const was = this.inCoroutine;
    this.inCoroutine = true;
    const body = this.functionBody(size + 1, depth);
    this.inCoroutine = was;
    if (this.random.chance(0.5)) {
      const name = `w${this.functions++ % 3}`;
      this.names.push(name);
      return `local ${name} = coroutine.wrap(function${body})`;
    }
    const line =
      `local co = coroutine.create(function${body}) ` +
      `local p, q = coroutine.resume(co, ${this.expression(1)}) p = coroutine.status(co) ` +
      `q = select('#', coroutine.resume(co, 1))`;
    this.names.push('p', 'q');
    return line;
  }

  private method(size: number, depth: number): string {
    const separator = this.pick(['.', ':']);
    const body = this.functionBody(size, depth);
    return `function ${this.pick(['c', 'h', this.name()])}${separator}${this.pick(FIELDS)}${body}`;
  }

  private call(depth: number): string {
    const roll = this.random.below(10);
    if (roll < 5) return this.libraryCall();
    if (roll < 7) return `${this.callable()}(${this.results()})`;
    if (roll < 8) return `${this.name()}.${this.pick(FIELDS)}(${this.expression(depth - 1)})`;
    if (roll < 9)
      return `${this.name()}:${this.pick([...FIELDS, 'len', 'upper'])}(${this.expression(depth - 1)})`;
    return `(function${this.functionBody(1, 1)})(${this.results()})`;
  }

  private libraryCall(): string {
    const call = libraryCall(this.random, () => this.argument());
    if (call.startsWith('string.gsub')) return `cuts(${call})`;
    return GROWING_CALL.test(call) ? `cut(${call})` : call;
  }

  /** Mostly of the type that an operator wants. */
  private number(depth: number): string {
    const roll = this.random.below(100);
    if (roll < 8) return this.atom();
    if (depth <= 0 || roll < 50)
      return this.pick([...NUMBERS, 'a', 'g', 'a', 'g', '#c', "'10'", '#b']).replace(/^-/, ' -');
    if (roll < 80)
      return `(${this.number(depth - 1)} ${this.pick(ARITHMETIC)} ${this.number(depth - 1)})`;
    if (roll < 90) return `(tonumber(${this.expression(depth - 1)}) or ${this.number(0)})`;
    return `#(${this.text(depth - 1)})`;
  }

  private text(depth: number): string {
    const roll = this.random.below(100);
    if (roll < 6) return this.atom();
    if (depth <= 0 || roll < 55) return this.pick([...STRINGS, 'b', 'e', 'b']);
    if (roll < 80)
      return `(${this.text(depth - 1)} .. ${this.pick([this.text(depth - 1), this.number(depth - 1)])})`;
    return `type(${this.expression(depth - 1)})`;
  }

  private expression(depth: number): string {
    const roll = this.random.below(100);
    if (depth <= 0 || roll < 22) return this.atom();
    if (roll < 38) return this.number(depth);
    if (roll < 48) return this.text(depth);
    if (roll < 53) {
      const kind = this.random.chance(0.5);
      const [x, y] = kind ? [this.number(1), this.number(1)] : [this.text(1), this.text(1)];
      return `(${x} ${this.pick(COMPARISON)} ${y})`;
    }
    if (roll < 55)
      return `(${this.expression(depth - 1)} ${this.pick(COMPARISON)} ${this.expression(depth - 1)})`;
    if (roll < 62)
      return `(${this.expression(depth - 1)} ${this.pick(['and', 'or'])} ${this.expression(depth - 1)})`;
    if (roll < 66) return `${this.pick(['not ', 'not ', '-', '#'])}${this.atom()}`;
    if (roll < 73)
      return `${this.pick(['c', 'h', 'c', 'h', this.name()])}${this.pick([`.${this.pick(FIELDS)}`, `[${this.key()}]`])}`;
    if (roll < 80) return this.table(depth);
    if (roll < 83) return `function${this.functionBody(1, Math.min(1, depth))}`;
    if (roll < 85) return `(${this.call(depth)})`;
    return this.call(depth);
  }

  private table(depth: number): string {
    const fields = Array.from({ length: this.random.below(5) }, () => {
      const value = this.value(depth - 1);
      const roll = this.random.below(10);
      if (roll < 5) return value;
      if (roll < 8) return `${this.pick(FIELDS)} = ${value}`;
      return `[${this.key()}] = ${value}`;
    });
    if (this.random.chance(0.15)) fields.push(this.call(1));
    return `{${fields.join(this.pick([', ', '; ']))}}`;
  }

  private atom(): string {
    const roll = this.random.below(100);
    if (roll < 45) return this.name();
    if (roll < 68) return this.pick(NUMBERS).replace(/^-/, ' -');
    if (roll < 88) return this.pick(STRINGS);
    return this.pick(['nil', 'true', 'false', '{}', '{1, 2, 3}']);
  }
}
