/**
 * Parses Lua 5.1 by recursive descent into a tree with resolved names, with Lua's error texts and
 * limits. Expressions are parsed here, statements in statements.ts, on one state.
 *
 * Lines follow Lua's code generator, which gives an instruction the line of the last token that was
 * read when it was emitted: a call has the line of its opening parenthesis, an operator that of the
 * end of its second operand.
 */
import { moduloNumbers, powerNumbers } from '../runtime/arithmetic.js';
import { END, type Lexer, NAME, NUMBER, STRING } from './lexer.js';
import type { ParserState } from './scope.js';
import type {
  BinaryOperator,
  CallExpression,
  Expression,
  FunctionBody,
  TableField,
} from './tree.js';

/** Left and right priority of the binary operators. */
const PRIORITY: Readonly<Record<string, readonly [left: number, right: number]>> = {
  '+': [6, 6],
  '-': [6, 6],
  '*': [7, 7],
  '/': [7, 7],
  '%': [7, 7],
  '^': [10, 9],
  '..': [5, 4],
  '~=': [3, 3],
  '==': [3, 3],
  '<': [3, 3],
  '<=': [3, 3],
  '>': [3, 3],
  '>=': [3, 3],
  and: [2, 2],
  or: [1, 1],
};
const UNARY_PRIORITY = 8;
/** Lua has 250 registers for the values of one function. */
const VALUES_MAX = 250;

/** Parses the body of a function, after its keyword: statements.ts gives it. */
export type ParseFunctionBody = (
  state: ParserState,
  isMethod: boolean,
  line: number,
) => FunctionBody;

export class ExpressionParser {
  readonly lexer: Lexer;
  constructor(
    readonly state: ParserState,
    private readonly parseBody: ParseFunctionBody,
  ) {
    this.lexer = state.lexer;
  }

  expression(limit = 0): Expression {
    const { lexer, state } = this;
    state.enterLevel();
    let left = this.operand();
    for (;;) {
      const operator = lexer.token;
      const priority = Object.hasOwn(PRIORITY, operator) ? PRIORITY[operator] : undefined;
      if (priority === undefined || priority[0] <= limit) break;
      lexer.next();
      // The left operand is loaded only now that the operator was read.
      if (left.kind === 'index' || left.kind === 'global') left.line = lexer.lastLine;
      const right = this.expression(priority[1]);
      left = fold(operator, left, right) ?? {
        kind: 'binary',
        operator: operator as BinaryOperator,
        left,
        right,
        line: lexer.lastLine,
      };
    }
    state.leaveLevel();
    return left;
  }

  list(): Expression[] {
    const values = [this.expression()];
    while (this.state.accept(',')) {
      values.push(this.expression());
      if (values.length > VALUES_MAX) this.lexer.fail('function or expression too complex');
    }
    return values;
  }

  private operand(): Expression {
    const { lexer } = this;
    const operator = lexer.token;
    if (operator === 'not' || operator === '-' || operator === '#') {
      lexer.next();
      const operand = this.expression(UNARY_PRIORITY);
      return this.unary(operator, operand);
    }
    return this.simple();
  }

  /** A negated number is a constant: Lua folds it, and it then has no operand to complain about. */
  private unary(operator: '-' | 'not' | '#', operand: Expression): Expression {
    if (operator === '-' && operand.kind === 'number' && !Number.isNaN(operand.value)) {
      return { kind: 'number', value: -operand.value };
    }
    return { kind: 'unary', operator, operand, line: this.lexer.lastLine };
  }

  private simple(): Expression {
    const { lexer, state } = this;
    switch (lexer.token) {
      case NUMBER: {
        const value = lexer.number;
        lexer.next();
        return { kind: 'number', value };
      }
      case STRING: {
        const value = lexer.text;
        lexer.next();
        return { kind: 'string', value };
      }
      case 'nil':
      case 'true':
      case 'false': {
        const kind = lexer.token;
        lexer.next();
        return { kind };
      }
      case '...':
        if (!state.scope.isVararg) lexer.fail("cannot use '...' outside a vararg function");
        state.scope.usesVarargs = true;
        lexer.next();
        return { kind: 'vararg' };
      case '{':
        return this.table();
      case 'function': {
        lexer.next();
        return { kind: 'function', body: this.parseBody(state, false, lexer.line) };
      }
      default:
        return this.suffixed();
    }
  }

  /** A name or a parenthesized expression, with what follows it: indexes and calls. */
  suffixed(): Expression {
    const { lexer } = this;
    let expression = this.prefix();
    for (;;) {
      switch (lexer.token) {
        case '.': {
          lexer.next();
          const key: Expression = { kind: 'string', value: this.state.checkName() };
          expression = { kind: 'index', object: expression, key, line: lexer.lastLine };
          break;
        }
        case '[': {
          lexer.next();
          const key = this.expression();
          this.state.check(']');
          expression = { kind: 'index', object: expression, key, line: lexer.lastLine };
          this.state.lists.noteIndex(expression);
          break;
        }
        case ':': {
          lexer.next();
          const method = this.state.checkName();
          expression = this.call(expression, method, lexer.lastLine);
          break;
        }
        case '(':
        case STRING:
        case '{':
          expression = this.call(expression, undefined, 0);
          break;
        default:
          return expression;
      }
    }
  }

  private prefix(): Expression {
    const { lexer, state } = this;
    if (lexer.token === '(') {
      const line = lexer.line;
      lexer.next();
      const inner = this.expression();
      state.checkMatch(')', '(', line);
      return inner.kind === 'number' ? inner : { kind: 'parentheses', inner };
    }
    if (lexer.token === NAME) {
      const name = lexer.text;
      lexer.next();
      return state.variable(name, lexer.lastLine);
    }
    return lexer.fail('unexpected symbol');
  }

  private call(callee: Expression, method: string | undefined, methodLine: number): CallExpression {
    const { lexer, state } = this;
    const line = lexer.line;
    state.scope.hasCalls = true;
    let args: Expression[];
    if (lexer.token === STRING) {
      args = [{ kind: 'string', value: lexer.text }];
      lexer.next();
    } else if (lexer.token === '{') {
      args = [this.table()];
    } else if (lexer.token === '(') {
      if (line !== lexer.lastLine) lexer.fail('ambiguous syntax (function call x new statement)');
      lexer.next();
      args = (lexer.token as string) === ')' ? [] : this.list();
      state.checkMatch(')', '(', line);
    } else {
      return lexer.fail('function arguments expected');
    }
    return { kind: 'call', callee, method, methodLine, args, line };
  }

  private table(): Expression {
    const { lexer, state } = this;
    const line = lexer.line;
    const fields: TableField[] = [];
    state.check('{');
    while (lexer.token !== '}') {
      fields.push(this.field());
      if (!state.accept(',') && !state.accept(';')) break;
    }
    state.checkMatch('}', '{', line);
    return { kind: 'table', fields };
  }

  private field(): TableField {
    const { lexer, state } = this;
    let key: Expression | undefined;
    if (lexer.token === '[') {
      lexer.next();
      key = this.expression();
      state.check(']');
      state.check('=');
    } else if (lexer.token === NAME && lexer.peek() === '=') {
      key = { kind: 'string', value: lexer.text };
      lexer.next();
      lexer.next();
    }
    const value = this.expression();
    return { key, value, line: lexer.lastLine };
  }
}

/** Arithmetic of two numbers is a constant, except where Lua leaves it to run time. */
function fold(operator: string, left: Expression, right: Expression): Expression | undefined {
  if (left.kind !== 'number' || right.kind !== 'number') return undefined;
  const value = compute(operator, left.value, right.value);
  return value === undefined || Number.isNaN(value) ? undefined : { kind: 'number', value };
}

function compute(operator: string, a: number, b: number): number | undefined {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? undefined : a / b;
    case '%':
      return b === 0 ? undefined : moduloNumbers(a, b);
    case '^':
      return powerNumbers(a, b);
    default:
      return undefined;
  }
}

/** Tokens that end a block. */
export function endsBlock(token: string): boolean {
  return (
    token === 'else' || token === 'elseif' || token === 'end' || token === END || token === 'until'
  );
}
