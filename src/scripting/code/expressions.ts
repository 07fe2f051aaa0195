/**
 * Generates JavaScript for the expressions of one function.
 *
 * Arithmetic and comparison of numbers stand inline, all else calls a helper of runtime/. A value
 * that is needed twice is put in a temporary. As in Lua, a local that is an operand is read when
 * the operator runs, after the other operand; arguments are read in order.
 *
 * Names in generated code: L12 a local, t3 a temporary, G4 a constant global, V the varargs, all
 * helpers begin with $. No name of Lua is ever a name or a property in JavaScript.
 */
import type {
  CallExpression,
  Expression,
  FunctionBody,
  Local,
  TableExpression,
} from '../syntax/tree.js';
import type { ChunkContext } from './chunk.js';
import { type CommandFunction, fixedValue, placeCode } from './fixed-locals.js';
import {
  type Concatenation,
  inParentheses,
  isBoolean,
  isConcatenation,
  isConstant,
  isMulti,
  isNamed,
  isTrueConstant,
} from './kinds.js';
import { inlineOperation, numberLiteral, quote, sizeHint } from './literals.js';

/** An operand in a temporary, a local or a constant. */
interface Operand {
  /** Evaluates it; '' when there is nothing to do. */
  readonly setup: string;
  readonly name: string;
  /** It is a number for sure. */
  readonly isNumber: boolean;
  /** It may still be an array of results. */
  readonly isRaw: boolean;
}

const ARITHMETIC: Readonly<Record<string, string>> = {
  '+': '$add',
  '-': '$subtract',
  '*': '$multiply',
  '/': '$divide',
  '%': '$modulo',
  '^': '$power',
};
const COMPARISON: Readonly<Record<string, { helper: string; swaps: boolean }>> = {
  '<': { helper: '$lessThan', swaps: false },
  '<=': { helper: '$lessEqual', swaps: false },
  '>': { helper: '$lessThan', swaps: true },
  '>=': { helper: '$lessEqual', swaps: true },
};
/** Lua stores the items of a constructor in portions of so many. */
const LIST_PORTION = 50;

/** The line of the last thing evaluated is not tracked: constants and locals cannot fail. */
export class ExpressionCompiler {
  protected temporaries = 0;
  protected temporariesUsed = 0;

  constructor(
    protected readonly context: ChunkContext,
    protected readonly body: FunctionBody,
    protected readonly isGenerator: boolean,
  ) {}

  protected temporary(): string {
    const name = `t${this.temporaries++}`;
    if (this.temporaries > this.temporariesUsed) this.temporariesUsed = this.temporaries;
    return name;
  }

  localName(local: Local): string {
    return `L${local.id}`;
  }

  /** A local, or what it stands for. */
  private read(local: Local): string {
    return this.context.fixed.get(local)?.code ?? this.localName(local);
  }

  /** JavaScript for one value. */
  value(expression: Expression): string {
    switch (expression.kind) {
      case 'nil':
        return 'undefined';
      case 'true':
      case 'false':
        return expression.kind;
      case 'number':
        return this.number(expression.value);
      case 'string':
        return quote(expression.value);
      case 'vararg':
        return 'V[0]';
      case 'local':
      case 'upvalue':
        return this.read(expression.local);
      case 'global':
        return this.global(expression.name, expression.line);
      case 'index':
        return this.index(expression);
      case 'call':
        return this.numberOfPlace(expression) ?? this.single(this.call(expression));
      case 'function':
        return this.context.functionCode(expression.body);
      case 'parentheses':
        return this.value(expression.inner);
      case 'table':
        return this.table(expression);
      case 'unary':
        return this.unary(expression);
      case 'binary':
        return this.binary(expression);
    }
  }

  /** `tonumber(ARGV[1])`, which needs no string; undefined for all other calls. */
  private numberOfPlace({ callee, args, method }: CallExpression): string | undefined {
    const [only] = args;
    if (method !== undefined || args.length !== 1 || !isNamed(callee)) return undefined;
    const place = this.context.placeOf(only!);
    if (place === undefined || !fixedValue(this.context, callee)?.readsNumber) return undefined;
    return `${place.isKey ? '$keyNumber' : '$argumentNumber'}(${place.place})`;
  }

  private number(value: number): string {
    if (value !== 0) return numberLiteral(value);
    const { scope } = this.body;
    scope.zero ??= value;
    return numberLiteral(scope.zero);
  }

  /** Results as they come: one value bare, several as an array. */
  raw(expression: Expression): string {
    if (expression.kind === 'vararg') return 'V';
    if (expression.kind === 'call') return this.call(expression);
    return this.value(expression);
  }

  /** All values as an array, to be spread. */
  array(expression: Expression): string {
    return expression.kind === 'vararg' ? 'V' : `$array(${this.raw(expression)})`;
  }

  private single(raw: string): string {
    const mark = this.temporaries;
    const t = this.temporary();
    this.temporaries = mark;
    return `(typeof(${t}=${raw})==="object"?$one(${t}):${t})`;
  }

  /** A JavaScript boolean. */
  condition(expression: Expression): string {
    switch (expression.kind) {
      case 'nil':
      case 'false':
        return 'false';
      case 'true':
      case 'number':
      case 'string':
      case 'function':
        return isConstant(expression) ? 'true' : `(${this.value(expression)},true)`;
      case 'local': {
        const name = this.read(expression.local);
        if (this.context.placeOf(expression) !== undefined) return `(${name}!==undefined)`;
        return `(${name}!==undefined&&${name}!==false)`;
      }
      case 'parentheses':
        return this.condition(expression.inner);
      case 'unary':
        if (expression.operator === 'not') return `!${this.condition(expression.operand)}`;
        break;
      case 'binary':
        if (expression.operator === 'and' || expression.operator === 'or') {
          const operator = expression.operator === 'and' ? '&&' : '||';
          return `(${this.condition(expression.left)}${operator}${this.condition(expression.right)})`;
        }
        if (isBoolean(expression)) return this.value(expression);
        break;
      default:
        break;
    }
    const mark = this.temporaries;
    const t = this.temporary();
    const code = `((${t}=${this.value(expression)})!==undefined&&${t}!==false)`;
    this.temporaries = mark;
    return code;
  }

  private global(name: string, line: number): string {
    const constant = this.context.constantGlobal(name);
    if (constant !== undefined) return constant;
    const read = `${this.context.sites.add(line)}$global(${quote(name)})`;
    if (name === 'KEYS') return `($environment.keysTable??${read})`;
    if (name === 'ARGV') return `($environment.argvTable??${read})`;
    return read;
  }

  private index(expression: Extract<Expression, { kind: 'index' }>): string {
    const { object, key, line } = expression;
    const place = this.context.placeOf(expression);
    if (place !== undefined) return placeCode(place);
    if (object.kind === 'global' && key.kind === 'string') {
      const constant = this.context.constantField(object.name, key.value);
      if (constant !== undefined) return constant;
    }
    const site = this.context.sites.add(line, this.describe(object));
    if (key.kind === 'string') {
      return `${site}$indexString(${this.value(object)},${quote(key.value)})`;
    }
    const inner = inParentheses(object);
    if (inner.kind === 'local' && inner.local.isCaptured && !isConstant(key)) {
      const mark = this.temporaries;
      const t = this.temporary();
      const code = `(${t}=${this.value(key)},${site}$index(${this.value(object)},${t}))`;
      this.temporaries = mark;
      return code;
    }
    return `${site}$index(${this.value(object)},${this.value(key)})`;
  }

  /** How an error names the value of an expression: `local 'x'`; '' when it has no name. */
  describe(expression: Expression): string {
    switch (expression.kind) {
      case 'global':
        return `global '${expression.name}'`;
      case 'local':
        return `local '${expression.local.name}'`;
      case 'upvalue':
        return `upvalue '${expression.local.name}'`;
      case 'index': {
        const key = inParentheses(expression.key);
        return `field '${key.kind === 'string' ? key.value : '?'}'`;
      }
      case 'parentheses':
        return this.describe(expression.inner);
      case 'binary': {
        // Of `nil or x` and `true and x` Lua keeps x only.
        const { operator, right } = expression;
        const left = inParentheses(expression.left);
        const isOr = operator === 'or' && (left.kind === 'nil' || left.kind === 'false');
        const isAnd = operator === 'and' && isConstant(left) && !isOr && isTrueConstant(left);
        return isOr || isAnd ? this.describe(right) : '';
      }
      default:
        return '';
    }
  }

  protected operand(expression: Expression): Operand {
    const inner = inParentheses(expression);
    if (isConstant(inner)) {
      const isNumber = inner.kind === 'number';
      return { setup: '', name: this.value(inner), isNumber, isRaw: false };
    }
    if (inner.kind === 'local' && this.context.placeOf(inner) === undefined) {
      const isNumber = this.context.fixed.get(inner.local)?.isNumber ?? false;
      return { setup: '', name: this.read(inner.local), isNumber, isRaw: false };
    }
    const isRaw = inner.kind === 'call' && this.numberOfPlace(inner) === undefined;
    const code = isRaw ? this.call(inner) : this.value(inner);
    const name = this.temporary();
    return { setup: `${name}=${code},`, name, isNumber: false, isRaw };
  }

  private unary(expression: Extract<Expression, { kind: 'unary' }>): string {
    const { operator, operand, line } = expression;
    if (operator === 'not') return `!${this.condition(operand)}`;
    const mark = this.temporaries;
    const { setup, name, isNumber, isRaw } = this.operand(operand);
    const site = this.context.sites.add(line, this.describe(operand));
    this.temporaries = mark;
    const one = isRaw ? `$one(${name})` : name;
    if (operator === '#') return `(${setup}${site}$length(${one}))`;
    if (isNumber) return `(${setup}-${name})`;
    return `(${setup}typeof ${name}==="number"?-${name}:${site}$negate(${one}))`;
  }

  private binary(expression: Extract<Expression, { kind: 'binary' }>): string {
    const { operator } = expression;
    if (operator === 'and' || operator === 'or') return this.logic(expression);
    if (operator === '==' || operator === '~=') return this.equality(expression);
    if (isConcatenation(expression)) return this.concatenation(expression);
    const mark = this.temporaries;
    const left = this.operand(expression.left);
    const right = this.operand(expression.right);
    this.temporaries = mark;
    const site = this.context.sites.add(
      expression.line,
      isConstant(expression.left) ? '' : this.describe(expression.left),
      isConstant(expression.right) ? '' : this.describe(expression.right),
    );
    const checks: string[] = [];
    for (const side of [left, right]) {
      if (!side.isNumber) checks.push(`typeof ${side.name}==="number"`);
    }
    const fast = inlineOperation(operator, left.name, right.name);
    const [a, b] = [left, right].map((side) => (side.isRaw ? `$one(${side.name})` : side.name));
    const comparison = COMPARISON[operator];
    const slow =
      comparison === undefined
        ? `${ARITHMETIC[operator]}(${a},${b})`
        : `${comparison.helper}(${comparison.swaps ? `${b},${a}` : `${a},${b}`})`;
    const setup = `${left.setup}${right.setup}`;
    if (checks.length === 0) return `(${setup}${fast})`;
    return `(${setup}${checks.join('&&')}?${fast}:${site}${slow})`;
  }

  private logic(expression: Extract<Expression, { kind: 'binary' }>): string {
    const { operator, left, right } = expression;
    if (isBoolean(left)) {
      const condition = this.condition(left);
      const other = this.value(right);
      return operator === 'and' ? `(${condition}?${other}:false)` : `(${condition}||${other})`;
    }
    const mark = this.temporaries;
    const { setup, name, isRaw } = this.operand(left);
    const one = isRaw ? `${name}=$one(${name}),` : '';
    // The left value is still needed when the right side is not evaluated, never afterwards.
    this.temporaries = mark;
    const other = this.value(right);
    const isFalse = `${name}===undefined||${name}===false`;
    return operator === 'and'
      ? `(${setup}${one}${isFalse}?${name}:${other})`
      : `(${setup}${one}${isFalse}?${other}:${name})`;
  }

  private equality(expression: Extract<Expression, { kind: 'binary' }>): string {
    const { left, right, line } = expression;
    const isEqual = expression.operator === '==';
    if (isConstant(left) || isConstant(right)) {
      const sign = isEqual ? '===' : '!==';
      return `(${this.value(left)}${sign}${this.value(right)})`;
    }
    const mark = this.temporaries;
    const a = this.operand(left);
    const b = this.operand(right);
    this.temporaries = mark;
    const setup = `${a.setup}${b.setup}`;
    const ones = [a, b].map((side) => (side.isRaw ? `${side.name}=$one(${side.name}),` : ''));
    const site = this.context.sites.add(line);
    const test = `(${a.name}===${b.name}||${site}$equals(${a.name},${b.name}))`;
    return `(${setup}${ones.join('')}${isEqual ? '' : '!'}${test})`;
  }

  /**
   * `a .. b .. c` and `a .. (b .. c)` are one operation in Lua, with the line of its last part: the
   * operands are evaluated first.
   */
  private concatenation(expression: Concatenation): string {
    const parts: Expression[] = [expression.left];
    let last = expression;
    for (
      let rest = inParentheses(last.right);
      isConcatenation(rest);
      rest = inParentheses(last.right)
    ) {
      parts.push(rest.left);
      last = rest;
    }
    parts.push(last.right);
    const values = parts.map((part) => this.value(part));
    // The names are in the site: the helper finds which operand failed by its place.
    const names = parts.map((part) => (isConstant(part) ? '' : this.describe(part)));
    const site = this.context.sites.add(last.line, names.join('\n'));
    if (parts.length === 2) return `${site}$concat2(${values.join(',')})`;
    return `${site}$concat([${values.join(',')}])`;
  }

  /** The arguments of a call or items of a return, the last one with all its values. */
  argumentList(args: readonly Expression[], isCommand = false): string {
    return args
      .map((arg, i) =>
        i === args.length - 1 && isMulti(arg)
          ? `...${this.array(arg)}`
          : this.argument(arg, isCommand),
      )
      .join(',');
  }

  /**
   * Keys and arguments that are passed on to a command are not made strings, and a constant is written
   * once.
   */
  protected argument(expression: Expression, isCommand: boolean): string {
    if (!isCommand) return this.value(expression);
    const place = this.context.placeOf(expression);
    if (place !== undefined) return this.context.reference(place);
    const word = fixedValue(this.context, expression)?.word;
    return word === undefined ? this.value(expression) : this.context.word(word);
  }

  /** Which of redis.call and redis.pcall is called: their arguments may be references. */
  protected commandOf({ callee, method }: CallExpression): CommandFunction | undefined {
    if (method !== undefined || !isNamed(callee)) return undefined;
    return fixedValue(this.context, callee)?.command;
  }

  /** What is called, as a JavaScript function; for a method the object is in the temporary. */
  protected callee(expression: CallExpression): { code: string; self: string; name: string } {
    const { callee, method } = expression;
    const check = (f: string): string => {
      if (!this.isGenerator) return `typeof ${f}==="function"?${f}:$callable(${f})`;
      return `typeof ${f}==="function"?$resumable(${f}):$resumable($callable(${f}))`;
    };
    if (method !== undefined) {
      const self = this.temporary();
      const f = this.temporary();
      const site = this.context.sites.add(expression.methodLine, this.describe(callee));
      const setup = `${self}=${this.value(callee)},${f}=${site}$indexString(${self},${quote(method)})`;
      const code = `(${setup},${check(f)})`;
      return { code, self, name: `method '${method}'` };
    }
    const name = this.describe(callee);
    const fixed = isNamed(callee) ? fixedValue(this.context, callee) : undefined;
    if (fixed?.isFunction === true) {
      // In parentheses, so that the line of the call is that of its arguments.
      const code = this.isGenerator ? `$resumable(${fixed.code})` : `(${fixed.code})`;
      return { code, self: '', name };
    }
    if (fixed === undefined && (callee.kind === 'local' || callee.kind === 'upvalue')) {
      const f = this.localName(callee.local);
      return { code: `(${check(f)})`, self: '', name };
    }
    const f = this.temporary();
    const value = this.value(callee);
    const code = `(${f}=${value},${check(f)})`;
    return { code, self: '', name };
  }

  /** A call, its results as they come. */
  call(expression: CallExpression): string {
    const mark = this.temporaries;
    const { code, self, name } = this.callee(expression);
    // JavaScript holds function and arguments from here on: the temporaries are free.
    this.temporaries = mark;
    const args = this.argumentList(expression.args, this.commandOf(expression) !== undefined);
    const list = [self, args].filter((part) => part !== '').join(',');
    const { sites } = this.context;
    const plain = `${code}${sites.add(expression.line, name, '', 'call')}(${list})`;
    if (!this.isGenerator) return plain;
    const t = this.temporary();
    this.temporaries = mark;
    const site = sites.add(expression.line, name, '', 'call');
    return `((${t}=${plain})instanceof $Generator?(${site}yield*$settle(${t})):${t})`;
  }

  private table(expression: TableExpression): string {
    const { fields } = expression;
    const items = fields.filter((field) => field.key === undefined);
    const last = fields.at(-1);
    const isOpen = last !== undefined && last.key === undefined && isMulti(last.value);
    const itemCount = isOpen ? items.length - 1 : items.length;
    const sizes = `${sizeHint(itemCount)},${sizeHint(fields.length - items.length)}`;
    if (fields.length === 0) return `new $Table(0,0)`;
    const isList = fields.length === items.length && itemCount <= LIST_PORTION;
    if (isList && !isOpen && sizeHint(itemCount) === itemCount) {
      return `$items([undefined,${items.map((item) => this.value(item.value)).join(',')}])`;
    }
    if (isList) {
      return `$list(new $Table(${sizes}),[${this.argumentList(items.map((item) => item.value))}],0)`;
    }
    return this.mixedTable(expression, sizes);
  }

  /** Keys are stored as they come, items in portions of 50 and at the end: later ones win. */
  private mixedTable({ fields }: TableExpression, sizes: string): string {
    const mark = this.temporaries;
    const table = this.temporary();
    const pending = this.temporary();
    const steps = [`${table}=new $Table(${sizes})`, `${pending}=[]`];
    let count = 0;
    let stored = 0;
    for (const [i, { key, value, line }] of fields.entries()) {
      if (key !== undefined) {
        const site = this.context.sites.add(line);
        steps.push(`${site}$field(${table},${this.value(key)},${this.value(value)})`);
        continue;
      }
      // A full portion is stored before the next field is evaluated.
      if (count === LIST_PORTION) {
        steps.push(`$list(${table},${pending},${stored})`, `${pending}=[]`);
        stored += count;
        count = 0;
      }
      const isOpen = i === fields.length - 1 && isMulti(value);
      steps.push(`${pending}.push(${isOpen ? `...${this.array(value)}` : this.value(value)})`);
      count++;
    }
    if (stored > 0 || count > 0) steps.push(`$list(${table},${pending},${stored})`);
    this.temporaries = mark;
    return `(${steps.join(',')},${table})`;
  }
}
