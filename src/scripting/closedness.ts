/**
 * Which keys a script can touch, as far as its text shows. The locks of a *closed* script can be
 * taken before it runs: each call names its command by a constant, and each argument that may be a
 * key is an element of KEYS.
 *
 * The analysis is sound and simple: it looks at calls of the form `redis.call(...)` and
 * `redis.pcall(...)` only. Any other use of the name `redis` than a field that is no call function,
 * and any way to code that it does not see (`_G`, `load`, `loadstring`), makes the script open.
 * KEYS itself may be indexed and measured; passed on or assigned to it makes the script open.
 *
 * It knows no command. It classifies the arguments; whoever knows which of a command's arguments
 * are keys decides with `isClosed`.
 */
import type { CallExpression, Chunk, Expression, FunctionBody, Statement } from './syntax/tree.js';

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

/** Names that lead to code or tables which the analysis does not follow. */
const HIDING_NAMES = ['_G', 'load', 'loadstring'];
const CALL_FIELDS = ['call', 'pcall'];

export function analyze(chunk: Chunk): Closedness {
  if (HIDING_NAMES.some((name) => chunk.globals.has(name))) return { calls: undefined };
  const analysis = new Analysis();
  analysis.block(chunk.main.body);
  return { calls: analysis.isOpen ? undefined : analysis.calls };
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

class Analysis {
  readonly calls: CommandCall[] = [];
  isOpen = false;

  block(statements: readonly Statement[]): void {
    for (const statement of statements) this.statement(statement);
  }

  private statement(statement: Statement): void {
    switch (statement.kind) {
      case 'local':
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

  private loopOrFunction(statement: Statement): void {
    if (statement.kind === 'numeric-for') {
      this.all([statement.from, statement.to]);
      if (statement.step !== undefined) this.expression(statement.step);
      this.block(statement.body);
    } else if (statement.kind === 'generic-for') {
      this.all(statement.values);
      this.block(statement.body);
    } else if (statement.kind === 'local-function') this.function(statement.body);
  }

  private target(target: Expression): void {
    if (target.kind === 'index' && isGlobal(target.object, 'KEYS')) this.isOpen = true;
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
    const isCommand =
      method === undefined &&
      callee.kind === 'index' &&
      isGlobal(callee.object, 'redis') &&
      callee.key.kind === 'string' &&
      CALL_FIELDS.includes(callee.key.value);
    if (isCommand) this.command(args);
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
    const last = rest.at(-1);
    this.calls.push({
      name: name.value,
      args: rest.map(classify),
      isOpenEnded: last?.kind === 'call' || last?.kind === 'vararg',
    });
  }
}

function classify(expression: Expression): ArgumentKind {
  switch (expression.kind) {
    case 'string':
      return { kind: 'constant', text: expression.value };
    case 'parentheses':
      return classify(expression.inner);
    case 'index':
      return { kind: isGlobal(expression.object, 'KEYS') ? 'key' : 'other' };
    default:
      return { kind: 'other' };
  }
}
