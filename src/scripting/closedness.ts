/**
 * Which keys a script can touch, as far as its text shows. The locks of a *closed* script can be
 * taken before it runs: each call names its command by a constant, and each argument that may be a
 * key is an element of KEYS.
 *
 * The analysis is sound and simple: it looks at calls of the form `redis.call(...)` and
 * `redis.pcall(...)` only. Any other use of the name `redis` than a field that is no call function,
 * and any way to code that it does not see (`_G`, `load`, `loadstring`), makes the script open.
 * KEYS itself may be indexed and measured, and gone through by ipairs; passed on or assigned to it makes
 * the script open. A local that is given an element of KEYS, a constant or `redis.call` where it is
 * declared, and nothing later, stands for that.
 *
 * It knows no command. It classifies the arguments; whoever knows which of a command's arguments
 * are keys decides with `isClosed`.
 */
import { hidesCode } from './syntax/list-uses.js';
import type {
  CallExpression,
  Chunk,
  Expression,
  FunctionBody,
  Local,
  Statement,
} from './syntax/tree.js';

/** constant: text in the script. key: an element of KEYS. other: known only when it runs. */
export type ArgumentKind =
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'key' }
  | { readonly kind: 'other' };

export interface CommandCall {
  /** The command's name as it is written. */
  readonly name: string;
  /** What follows the name. */
  readonly args: readonly ArgumentKind[];
  /** The last argument may stand for any number of arguments: a call, `...` or unpack. */
  readonly isOpenEnded: boolean;
}

export interface Closedness {
  /** All calls of commands, if the text shows them all; undefined when it cannot tell. */
  readonly calls: readonly CommandCall[] | undefined;
}

const CALL_FIELDS = ['call', 'pcall'];

export function analyze(chunk: Chunk): Closedness {
  if (hidesCode(chunk.globals)) return { calls: undefined };
  const analysis = new Analysis();
  analysis.block(chunk.main.body);
  return { calls: analysis.isOpen ? undefined : analysis.calls() };
}

/**
 * Whether each argument that is a key is an element of KEYS.
 * @param keyPositions for a call the places of its keys among the arguments, or undefined when they
 *   cannot be told
 */
export function isClosed(
  { calls }: Closedness,
  keyPositions: (call: CommandCall) => readonly number[] | undefined,
): boolean {
  if (calls === undefined) return false;
  return calls.every((call) => {
    const positions = keyPositions(call);
    return positions?.every((position) => call.args[position]?.kind === 'key') ?? false;
  });
}

function isGlobal(expression: Expression, name: string): boolean {
  return expression.kind === 'global' && expression.name === name;
}

interface FoundCall {
  readonly name: string;
  readonly args: readonly Expression[];
}

class Analysis {
  isOpen = false;
  private readonly found: FoundCall[] = [];
  /** What each local is given where it is declared, if that is of interest. */
  private readonly given = new Map<Local, ArgumentKind>();
  /** Locals that stand for redis.call or redis.pcall. */
  private readonly callers = new Set<Local>();
  /** Locals that are given something else later. */
  private readonly changed = new Set<Local>();

  /** What was found. A local counts only when nothing changed it, before a call or behind it. */
  calls(): readonly CommandCall[] | undefined {
    for (const local of this.callers) if (this.changed.has(local)) return undefined;
    return this.found.map(({ name, args }) => {
      const last = args.at(-1);
      return {
        name,
        args: args.map((arg) => this.classify(arg)),
        isOpenEnded: last?.kind === 'call' || last?.kind === 'vararg',
      };
    });
  }

  private classify(expression: Expression): ArgumentKind {
    switch (expression.kind) {
      case 'string':
        return { kind: 'constant', text: expression.value };
      case 'number':
        if (!Number.isSafeInteger(expression.value)) return { kind: 'other' };
        return { kind: 'constant', text: String(expression.value) };
      case 'parentheses':
        return this.classify(expression.inner);
      case 'index':
        return { kind: isGlobal(expression.object, 'KEYS') ? 'key' : 'other' };
      case 'local':
      case 'upvalue': {
        const kind = this.given.get(expression.local);
        return kind === undefined || this.changed.has(expression.local) ? { kind: 'other' } : kind;
      }
      default:
        return { kind: 'other' };
    }
  }

  block(statements: readonly Statement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  private statement(statement: Statement): void {
    switch (statement.kind) {
      case 'local':
        statement.values.forEach((value, i) => {
          this.declare(statement.locals[i], value);
        });
        break;
      case 'return':
        this.all(statement.values);
        break;
      case 'assign':
        this.all(statement.targets);
        this.all(statement.values);
        // KEYS[1] = x makes an element of KEYS something that nobody declared.
        for (const target of statement.targets) this.target(target);
        break;
      case 'call':
        this.expression(statement.call);
        break;
      case 'do':
        this.block(statement.body);
        break;
      case 'while':
      case 'repeat':
        this.expression(statement.condition);
        this.block(statement.body);
        break;
      case 'if':
        for (const { condition, body } of statement.branches) {
          this.expression(condition);
          this.block(body);
        }
        this.block(statement.otherwise ?? []);
        break;
      default:
        this.loopOrFunction(statement);
    }
  }

  private declare(local: Local | undefined, value: Expression): void {
    if (local !== undefined && isCaller(value)) {
      this.callers.add(local);
      return;
    }
    this.expression(value);
    if (local === undefined) return;
    const kind = this.classify(value);
    if (kind.kind !== 'other') this.given.set(local, kind);
  }

  /** `for i, key in ipairs(KEYS)`: the second variable is an element of KEYS. @returns whether it is one */
  private loopOverKeys(variables: readonly Local[], values: readonly Expression[]): boolean {
    const [iterator] = values;
    if (values.length !== 1 || iterator?.kind !== 'call' || iterator.method !== undefined) {
      return false;
    }
    const [table] = iterator.args;
    const isOverKeys = isGlobal(iterator.callee, 'ipairs') && iterator.args.length === 1;
    if (!isOverKeys || table === undefined || !isGlobal(table, 'KEYS')) return false;
    const key = variables[1];
    if (key !== undefined) this.given.set(key, { kind: 'key' });
    return true;
  }

  private loopOrFunction(statement: Statement): void {
    if (statement.kind === 'numeric-for') {
      this.all([statement.from, statement.to]);
      if (statement.step !== undefined) this.expression(statement.step);
      this.block(statement.body);
    } else if (statement.kind === 'generic-for') {
      if (!this.loopOverKeys(statement.variables, statement.values)) this.all(statement.values);
      this.block(statement.body);
    } else if (statement.kind === 'local-function') this.function(statement.body);
  }

  private target(target: Expression): void {
    if (target.kind === 'index' && isGlobal(target.object, 'KEYS')) this.isOpen = true;
    if (target.kind === 'local' || target.kind === 'upvalue') this.changed.add(target.local);
  }

  private function({ body }: FunctionBody): void {
    this.block(body);
  }

  private all(expressions: readonly Expression[]): void {
    for (const expression of expressions) this.expression(expression);
  }

  private expression(expression: Expression): void {
    switch (expression.kind) {
      case 'global':
        // As a value it can go anywhere.
        if (expression.name === 'redis' || expression.name === 'KEYS') this.isOpen = true;
        break;
      case 'local':
      case 'upvalue':
        // As a value, redis.call can go anywhere.
        if (this.callers.has(expression.local)) this.isOpen = true;
        break;
      case 'index':
        this.index(expression.object, expression.key);
        break;
      case 'call':
        this.call(expression);
        break;
      case 'function':
        this.function(expression.body);
        break;
      case 'binary':
        this.all([expression.left, expression.right]);
        break;
      case 'unary':
        if (expression.operator !== '#' || !isGlobal(expression.operand, 'KEYS')) {
          this.expression(expression.operand);
        }
        break;
      case 'parentheses':
        this.expression(expression.inner);
        break;
      case 'table':
        for (const { key, value } of expression.fields) {
          if (key !== undefined) this.expression(key);
          this.expression(value);
        }
        break;
      default:
        break;
    }
  }

  private index(object: Expression, key: Expression): void {
    if (isGlobal(object, 'redis')) {
      // redis.sha1hex and the like are harmless; redis.call as a value is not.
      const isHarmless = key.kind === 'string' && !CALL_FIELDS.includes(key.value);
      if (!isHarmless) this.isOpen = true;
      return;
    }
    if (!isGlobal(object, 'KEYS')) this.expression(object);
    this.expression(key);
  }

  private call(call: CallExpression): void {
    const { callee, args, method } = call;
    const isLocal = callee.kind === 'local' || callee.kind === 'upvalue';
    const isCommand = isCaller(callee) || (isLocal && this.callers.has(callee.local));
    if (isCommand && method === undefined) this.command(args);
    else {
      this.expression(callee);
      // unpack(KEYS) gives elements of KEYS, but how many and where is not known here.
      this.all(args);
    }
  }

  private command(args: readonly Expression[]): void {
    const [name, ...rest] = args;
    for (const arg of rest) this.expression(arg);
    if (name?.kind !== 'string') {
      this.isOpen = true;
      return;
    }
    this.found.push({ name: name.value, args: rest });
  }
}

/** Whether it is `redis.call` or `redis.pcall`. */
function isCaller(expression: Expression): boolean {
  return (
    expression.kind === 'index' &&
    isGlobal(expression.object, 'redis') &&
    expression.key.kind === 'string' &&
    CALL_FIELDS.includes(expression.key.value)
  );
}
