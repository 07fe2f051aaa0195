/** Generates JavaScript for the statements of one function, and for the function itself. */
import type { CallExpression, Expression, FunctionBody, Local, Statement } from '../syntax/tree.js';
import { ExpressionCompiler } from './expressions.js';
import { fixedValue } from './fixed-locals.js';
import { inParentheses, isMulti } from './kinds.js';

/** What a call inside a coroutine takes, until it returns: its variables lie on the heap. */
const GENERATOR_BYTES = 500;

/** Where an assignment stores: names of what is evaluated. */
interface Place {
  readonly object: string;
  readonly key: string;
}

function countTick(site = ''): string {
  return `if(--$meter.ticks<0)${site}$meter.tick();`;
}

export class FunctionCompiler extends ExpressionCompiler {
  private loops = 0;

  /** The function as an expression. */
  code(): string {
    const { body, scope, parameters, argTable } = this.body;
    const statements = this.block(body);
    const names = parameters.map((local) => this.localName(local));
    if (scope.isVararg) names.push('...V');
    const lines: string[] = [];
    if (this.temporariesUsed > 0) {
      const all = Array.from({ length: this.temporariesUsed }, (_, i) => `t${i}`);
      lines.push(`var ${all.join(',')};`);
    }
    if (argTable !== undefined) {
      const value = scope.usesVarargs ? 'undefined' : '$argTable(V)';
      lines.push(`var ${this.localName(argTable)}=${value};`);
    }
    if (this.isGenerator) lines.push(`$meter.allocate(${GENERATOR_BYTES});`);
    if (scope.hasCalls) {
      lines.push(countTick());
      lines.push(`if(++$meter.depth>${this.context.depthMax})$overflow();`);
    }
    lines.push(statements);
    if (body.at(-1)?.kind !== 'return') lines.push(`${this.leave()}return $NONE;`);
    const star = this.isGenerator ? '*' : '';
    // Without parentheses around it, V8 compiles it only when it is called.
    return `function${star}(${names.join(',')}){${lines.join('')}}`;
  }

  private leave(): string {
    return this.body.scope.hasCalls ? '$meter.depth--;' : '';
  }

  private block(statements: readonly Statement[]): string {
    return statements.map((statement) => this.statement(statement)).join('');
  }

  private statement(statement: Statement): string {
    this.temporaries = 0;
    switch (statement.kind) {
      case 'local':
        return this.local(statement.locals, statement.values);
      case 'local-function': {
        if (this.hoists(statement.local, statement.body)) return '';
        const name = this.localName(statement.local);
        const code = this.context.functionCode(statement.body);
        return `${this.declare(statement.local)}${name}=${code};`;
      }
      case 'assign':
        return this.assign(statement);
      case 'call':
        return this.callStatement(statement.call);
      case 'do':
        return `{${this.block(statement.body)}}`;
      case 'while':
        return `while(${this.condition(statement.condition)}){${this.loop(statement.body, statement.line)}}`;
      case 'repeat':
        return `for(;;){${this.repeatBody(statement)}}`;
      case 'if':
        return this.conditional(statement);
      case 'numeric-for':
        return this.numericFor(statement);
      case 'generic-for':
        return this.genericFor(statement);
      case 'return':
        return this.return(statement.values);
      case 'break':
        return 'break;';
    }
  }

  /** Nobody sees what a command answers, unless it is an error. */
  private callStatement(call: CallExpression): string {
    if (this.commandOf(call) === 'call') {
      const site = this.context.sites.add(call.line, this.describe(call.callee), '', 'call');
      // In parentheses, as in `callee`.
      return `($perform)${site}(${this.argumentList(call.args, true)});`;
    }
    const raw = this.call(call);
    const t = this.temporary();
    return `if(typeof(${t}=${raw})==="object")$one(${t});`;
  }

  /** Leaves a function to the chunk where it need not be made at each run. */
  private hoists(local: Local, body: FunctionBody): boolean {
    const { context } = this;
    if (this.loops > 0 || !context.canHoist(local, body, this.body)) return false;
    context.hoist(local, this.localName(local), body);
    return true;
  }

  /** Whether a local stands for its value from here on. */
  private isFixed(local: Local, value: Expression): boolean {
    if (local.isChanged) return false;
    if (value.kind === 'function') return this.hoists(local, value.body);
    const fixed = fixedValue(this.context, value);
    if (fixed !== undefined) this.context.fixed.set(local, fixed);
    return fixed !== undefined;
  }

  /** Whoever ends the script at the count of a turn tells the line of the loop. */
  private loop(body: readonly Statement[], line: number): string {
    this.loops++;
    const code = `${countTick(this.context.sites.add(line))}${this.block(body)}`;
    this.loops--;
    return code;
  }

  /** `until` after a return or break is never reached, but JavaScript does not mind it. */
  private repeatBody(statement: Extract<Statement, { kind: 'repeat' }>): string {
    const code = this.loop(statement.body, statement.line);
    this.loops++;
    this.temporaries = 0;
    const condition = this.condition(statement.condition);
    this.loops--;
    return `${code}if(${condition})break;`;
  }

  /**
   * A local that a closure uses is a new variable in each turn of a loop. All others are variables
   * of the function: `var` needs no check that it was initialized.
   */
  private declare(local: Local): string {
    const isFresh = this.loops > 0 && local.isCaptured;
    return `${isFresh ? 'let' : 'var'} ${this.localName(local)};`;
  }

  private local(locals: readonly Local[], values: readonly Expression[]): string {
    const last = values.at(-1);
    const isOpen =
      isMulti(last) && values.length < locals.length + 1 && locals.length !== values.length;
    const lines: string[] = [];
    const fixed = isOpen ? values.length - 1 : values.length;
    const isKnown = locals.map((local, i) => i < fixed && this.isFixed(local, values[i]!));
    for (const [i, local] of locals.entries()) if (!isKnown[i]) lines.push(this.declare(local));
    for (let i = 0; i < Math.max(fixed, locals.length); i++) {
      if (isKnown[i]) continue;
      this.temporaries = 0;
      const local = locals[i];
      if (i >= fixed) {
        if (!isOpen) lines.push(`${this.localName(local!)}=undefined;`);
      } else if (local === undefined) {
        lines.push(this.discard(values[i]!));
      } else {
        lines.push(`${this.localName(local)}=${this.value(values[i]!)};`);
      }
    }
    if (isOpen) lines.push(this.spreadInto(locals.slice(fixed), last!));
    return lines.join('');
  }

  private discard(value: Expression): string {
    const t = this.temporary();
    return `${t}=${this.value(value)};`;
  }

  private spreadInto(locals: readonly Local[], value: Expression): string {
    const t = this.temporary();
    const lines = [`${t}=${this.array(value)};`];
    for (const [i, local] of locals.entries()) lines.push(`${this.localName(local)}=${t}[${i}];`);
    return lines.join('');
  }

  private assign(statement: Extract<Statement, { kind: 'assign' }>): string {
    const { targets, values, line } = statement;
    if (targets.length === 1 && values.length === 1) {
      return this.assignOne(targets[0]!, values[0]!, line);
    }
    const lines: string[] = [];
    const places = this.places(targets, lines);
    const results = this.holdValues(values, targets.length, lines);
    for (let i = targets.length - 1; i >= 0; i--) {
      lines.push(this.store(targets[i]!, places[i], results[i]!, line));
    }
    return lines.join('');
  }

  /**
   * Objects and keys of an assignment are evaluated before the values. Locals are read at the end, but
   * for those that a later target changes: Lua copies these as it comes to that target.
   */
  private places(targets: readonly Expression[], lines: string[]): (Place | undefined)[] {
    const places: (Place | undefined)[] = [];
    for (const target of targets) {
      if (target.kind === 'local') this.copyChanged(target, targets, places, lines);
      places.push(
        target.kind === 'index'
          ? { object: this.hold(target.object, lines), key: this.hold(target.key, lines) }
          : undefined,
      );
    }
    return places;
  }

  private copyChanged(
    changed: Extract<Expression, { kind: 'local' }>,
    targets: readonly Expression[],
    places: (Place | undefined)[],
    lines: string[],
  ): void {
    let copy = '';
    const held = (part: Expression, name: string): string => {
      const inner = inParentheses(part);
      if (inner.kind !== 'local' || inner.local !== changed.local) return name;
      if (copy === '') {
        copy = this.temporary();
        lines.push(`${copy}=${this.value(changed)};`);
      }
      return copy;
    };
    for (const [i, place] of places.entries()) {
      const target = targets[i]!;
      if (place === undefined || target.kind !== 'index') continue;
      places[i] = { object: held(target.object, place.object), key: held(target.key, place.key) };
    }
  }

  private hold(expression: Expression, lines: string[]): string {
    const { setup, name, isRaw } = this.operand(expression);
    if (setup !== '') lines.push(`${setup.slice(0, -1)};`);
    if (isRaw) lines.push(`${name}=$one(${name});`);
    return name;
  }

  /** Evaluates the values of an assignment: the names of `count` results. */
  private holdValues(values: readonly Expression[], count: number, lines: string[]): string[] {
    const names: string[] = [];
    for (const [i, value] of values.entries()) {
      const t = this.temporary();
      if (i === values.length - 1 && isMulti(value) && values.length < count) {
        lines.push(`${t}=${this.array(value)};`);
        for (let j = 0; names.length < count; j++) names.push(`${t}[${j}]`);
      } else {
        lines.push(`${t}=${this.value(value)};`);
        names.push(t);
      }
    }
    while (names.length < count) names.push('undefined');
    return names;
  }

  private assignOne(target: Expression, value: Expression, line: number): string {
    if (target.kind !== 'index') return this.store(target, undefined, this.value(value), line);
    const { object, key } = target;
    const isLate = [object, key].some((part) => {
      const inner = inParentheses(part);
      return inner.kind === 'local' && inner.local.isCaptured;
    });
    if (!isLate) {
      const place = { object: this.value(object), key: this.value(key) };
      return this.store(target, place, this.value(value), line);
    }
    const lines: string[] = [];
    const place = {
      object: this.hold(object, lines),
      key: this.hold(key, lines),
    };
    const t = this.temporary();
    lines.push(`${t}=${this.value(value)};`);
    return `${lines.join('')}${this.store(target, place, t, line)}`;
  }

  private store(target: Expression, place: Place | undefined, value: string, line: number): string {
    switch (target.kind) {
      case 'local':
      case 'upvalue':
        return `${this.localName(target.local)}=${value};`;
      case 'global': {
        const site = this.context.sites.add(line);
        return `${site}$setGlobal(${JSON.stringify(target.name)},${value});`;
      }
      case 'index': {
        const site = this.context.sites.add(line, this.describe(target.object));
        const helper = target.key.kind === 'string' ? '$setString' : '$setIndex';
        return `${site}${helper}(${place!.object},${place!.key},${value});`;
      }
      default:
        throw new Error(`cannot assign to ${target.kind}`);
    }
  }

  private conditional(statement: Extract<Statement, { kind: 'if' }>): string {
    const parts = statement.branches.map(({ condition, body }) => {
      this.temporaries = 0;
      return `if(${this.condition(condition)}){${this.block(body)}}`;
    });
    const otherwise =
      statement.otherwise === undefined ? '' : `else{${this.block(statement.otherwise)}}`;
    return `${parts.join('else ')}${otherwise}`;
  }

  /** Lua first takes the step off and then adds it, which matters for large numbers. */
  private numericFor(statement: Extract<Statement, { kind: 'numeric-for' }>): string {
    const { variable, from, to, step, body, line } = statement;
    const [i, limit, by] = this.context.hiddenNames(3) as [string, string, string];
    const lines = [`var ${i}=${this.value(from)},${limit}=${this.value(to)},`];
    lines.push(`${by}=${step === undefined ? '1' : this.value(step)};`);
    const stepValue = step === undefined ? 1 : step.kind === 'number' ? step.value : undefined;
    const isPlain =
      from.kind === 'number' &&
      stepValue !== undefined &&
      from.value - stepValue + stepValue === from.value;
    const checks = [i, limit, by].map((name) => `typeof ${name}!=="number"`).join('||');
    const site = this.context.sites.add(line);
    lines.push(`if(${checks}){[${i},${limit},${by}]=${site}$forNumbers(${i},${limit},${by});}`);
    if (!isPlain) lines.push(`${i}=${i}-${by}+${by};`);
    let test = `${by}>0?${i}<=${limit}:${i}>=${limit}`;
    if (stepValue !== undefined) test = stepValue > 0 ? `${i}<=${limit}` : `${i}>=${limit}`;
    this.loops++;
    const declared = this.declare(variable);
    this.loops--;
    const name = this.localName(variable);
    const inner = `${declared}${name}=${i};${this.loop(body, line)}`;
    return `${lines.join('')}for(;${test};${i}+=${by}){${inner}}`;
  }

  /**
   * `pairs` and `ipairs` over a table need no call and no array per turn. A key that is inserted
   * meanwhile may move others: then the place of the last key is looked up again, as `next` does.
   */
  private genericFor(statement: Extract<Statement, { kind: 'generic-for' }>): string {
    const { variables, values, body, line } = statement;
    const names = this.context.hiddenNames(6) as [string, string, string, string, string, string];
    const [f, state, control, mode, position, results] = names;
    const lines: string[] = [];
    const held = this.holdValues(values, 3, lines);
    lines.push(`var ${f}=${held[0]},${state}=${held[1]},${control}=${held[2]},${results},`);
    lines.push(`${mode}=$loopMode(${f},${state},${control}),${position}=0;`);
    this.loops++;
    const declared = variables.map((variable) => this.declare(variable)).join('');
    this.loops--;
    const locals = variables.map((variable) => this.localName(variable));
    const [first, second] = locals;
    const rest = locals.slice(2).map((name) => `${name}=undefined;`);
    const isNext =
      `${position}=$nextPosition(${state},${control},${position});if(${position}===0)break;` +
      `${first}=${control}=${state}.keyAt(${position});` +
      (second === undefined ? '' : `${second}=${state}.valueAt(${position});`);
    const isList =
      `${results}=${state}.getNumber(++${control});if(${results}===undefined)break;` +
      `${first}=${control};${second === undefined ? '' : `${second}=${results};`}`;
    const site = this.context.sites.add(line, "local '(for generator)'", '', 'call');
    const isCall =
      `${results}=${site}$iterate(${f},${state},${control});` +
      locals.map((name, i) => `${name}=${results}[${i}];`).join('') +
      `if(${first}===undefined)break;${control}=${first};`;
    const step =
      `if(${mode}===1){${isNext}${rest.join('')}}else if(${mode}===2){${isList}${rest.join('')}}` +
      `else{${isCall}}`;
    return `${lines.join('')}for(;;){${declared}${step}${this.loop(body, line)}}`;
  }

  private return(values: readonly Expression[]): string {
    const leave = this.body.scope.hasCalls ? '$meter.depth--,' : '';
    const only = values.length === 1 ? values[0]! : undefined;
    if (values.length === 0) return `return ${leave}$NONE;`;
    if (only === undefined) {
      const t = this.temporary();
      return `return ${t}=[${this.argumentList(values)}],${leave}${t};`;
    }
    if (only.kind === 'call') return this.tailCall(only);
    if (leave === '') return `return (${this.raw(only)});`;
    const t = this.temporary();
    return `return ${t}=${this.raw(only)},${leave}${t};`;
  }

  /** The frame is left before the call. Every 64th such call is made by the caller instead. */
  private tailCall(call: Extract<Expression, { kind: 'call' }>): string {
    const { code, self, name } = this.callee(call);
    const f = this.temporary();
    const setup = [`${f}=${code}`];
    const args: string[] = self === '' ? [] : [self];
    const isCommand = this.commandOf(call) !== undefined;
    for (const [i, arg] of call.args.entries()) {
      const isOpen = i === call.args.length - 1 && isMulti(arg);
      const t = this.temporary();
      setup.push(`${t}=${isOpen ? this.array(arg) : this.argument(arg, isCommand)}`);
      args.push(isOpen ? `...${t}` : t);
    }
    const list = args.join(',');
    const { sites } = this.context;
    const site = sites.add(call.line, name, '', 'tail-call');
    const leave = '$meter.depth--';
    const direct = `${f}${site}(${list})`;
    const count = '($meter.tails=$meter.tails+1&63)===0';
    const bounce = `${count}?${sites.add(call.line, name, '', 'tail-call')}$tailCall(${f},[${list}])`;
    if (!this.isGenerator) return `return ${setup.join(',')},${leave},${bounce}:${direct};`;
    const t = this.temporary();
    const next = sites.add(call.line, name, '', 'tail-call');
    const made = `(${t}=${direct})instanceof $Generator?(${next}yield*${t}):${t}`;
    return `return ${setup.join(',')},${leave},${bounce}:${made};`;
  }
}
