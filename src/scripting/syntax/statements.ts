/** Parses statements and whole chunks. */
import { chunkIdentifier, END, Lexer, NAME } from './lexer.js';
import { ExpressionParser, endsBlock } from './parser.js';
import { ParserState } from './scope.js';
import type { Chunk, Expression, FunctionBody, Local, Statement } from './tree.js';

/** `level`: calls of library code in progress; they and the nesting of syntax share one limit. */
export function parseChunk(source: string, chunkName: string, level: number): Chunk {
  const lexer = new Lexer(source, chunkName);
  const state = new ParserState(lexer, level);
  const parser = new StatementParser(state);
  state.scope.isVararg = true;
  const scope = state.scope;
  lexer.next();
  const body = parser.block();
  if (lexer.token !== END) lexer.fail(`'${END}' expected`);
  const main = { scope, parameters: [], argTable: undefined, body };
  const { globals, lists } = state;
  return {
    main,
    source: chunkName,
    name: chunkIdentifier(chunkName),
    globals,
    plainLists: lists.plainLists(globals),
  };
}

function parseBody(state: ParserState, isMethod: boolean, line: number): FunctionBody {
  return new StatementParser(state).functionBody(isMethod, line);
}

function noteChange(target: Expression): void {
  if (target.kind === 'local' || target.kind === 'upvalue') target.local.isChanged = true;
}

class StatementParser {
  private readonly lexer: Lexer;
  private readonly expressions: ExpressionParser;

  constructor(private readonly state: ParserState) {
    this.lexer = state.lexer;
    this.expressions = new ExpressionParser(state, parseBody);
  }

  /** Statements up to the end of the block, in a block of their own. */
  block(isLoop = false, locals: readonly Local[] = []): Statement[] {
    this.state.openBlock(isLoop);
    this.state.declare(locals);
    const statements = this.statements();
    this.state.closeBlock();
    return statements;
  }

  private statements(): Statement[] {
    const { lexer, state } = this;
    const statements: Statement[] = [];
    state.enterLevel();
    while (!endsBlock(lexer.token)) {
      const isLast = lexer.token === 'return' || lexer.token === 'break';
      statements.push(this.statement());
      state.accept(';');
      if (isLast) break;
    }
    state.leaveLevel();
    return statements;
  }

  functionBody(isMethod: boolean, line: number): FunctionBody {
    const { lexer, state } = this;
    const scope = state.openFunction(line);
    state.openBlock();
    const parameters: Local[] = [];
    if (isMethod) this.parameter(parameters, 'self');
    state.check('(');
    if (lexer.token !== ')') this.parameters(parameters, scope);
    let argTable: Local | undefined;
    if (scope.isVararg) argTable = state.newLocal('arg', parameters.length);
    state.declare(argTable === undefined ? parameters : [...parameters, argTable]);
    state.check(')');
    const body = this.block();
    if (lexer.token !== 'end') state.checkMatch('end', 'function', line);
    state.closeBlock();
    state.closeFunction();
    lexer.next();
    return { scope, parameters, argTable, body };
  }

  private parameter(parameters: Local[], name: string): void {
    parameters.push(this.state.newLocal(name, parameters.length));
  }

  private parameters(parameters: Local[], scope: { isVararg: boolean }): void {
    const { lexer, state } = this;
    do {
      if (lexer.token === NAME) {
        this.parameter(parameters, state.checkName());
      } else if (lexer.token === '...') {
        lexer.next();
        scope.isVararg = true;
      } else {
        lexer.fail("<name> or '...' expected");
      }
    } while (!scope.isVararg && state.accept(','));
  }

  private statement(): Statement {
    const { lexer } = this;
    const line = lexer.line;
    switch (lexer.token) {
      case 'if':
        return this.ifStatement(line);
      case 'while':
        return this.whileStatement(line);
      case 'do': {
        lexer.next();
        const body = this.block();
        this.state.checkMatch('end', 'do', line);
        return { kind: 'do', body };
      }
      case 'for':
        return this.forStatement(line);
      case 'repeat':
        return this.repeatStatement(line);
      case 'function':
        return this.functionStatement(line);
      case 'local':
        lexer.next();
        if (this.state.accept('function')) return this.localFunction();
        return this.localStatement();
      case 'return':
        return this.returnStatement();
      case 'break':
        lexer.next();
        if (!this.state.isInLoop) lexer.fail('no loop to break');
        return { kind: 'break' };
      default:
        return this.expressionStatement();
    }
  }

  private ifStatement(line: number): Statement {
    const { lexer, state } = this;
    const branches: { condition: Expression; body: Statement[] }[] = [];
    do {
      lexer.next();
      const condition = this.expressions.expression();
      state.check('then');
      branches.push({ condition, body: this.block() });
    } while ((lexer.token as string) === 'elseif');
    const otherwise = state.accept('else') ? this.block() : undefined;
    state.checkMatch('end', 'if', line);
    return { kind: 'if', branches, otherwise };
  }

  private whileStatement(line: number): Statement {
    const { lexer, state } = this;
    lexer.next();
    const condition = this.expressions.expression();
    state.check('do');
    const body = this.loopBody();
    state.checkMatch('end', 'while', line);
    return { kind: 'while', condition, body, line };
  }

  private loopBody(locals: readonly Local[] = []): Statement[] {
    this.state.scope.hasCalls = true;
    return this.block(true, locals);
  }

  /** The condition sees the locals of the body. */
  private repeatStatement(line: number): Statement {
    const { lexer, state } = this;
    state.scope.hasCalls = true;
    lexer.next();
    state.openBlock(true);
    state.openBlock();
    const body = this.statements();
    state.checkMatch('until', 'repeat', line);
    const condition = this.expressions.expression();
    state.closeBlock();
    state.closeBlock();
    return { kind: 'repeat', condition, body, line };
  }

  private forStatement(line: number): Statement {
    const { lexer, state } = this;
    lexer.next();
    const name = state.checkName();
    let statement: Statement;
    if (lexer.token === '=') statement = this.numericFor(name);
    else if (lexer.token === ',' || lexer.token === 'in') statement = this.genericFor(name, line);
    else return lexer.fail("'=' or 'in' expected");
    state.checkMatch('end', 'for', line);
    return statement;
  }

  /** Lua keeps three hidden locals for the loop, which count for the limit. */
  private numericFor(name: string): Statement {
    const { lexer, state } = this;
    const hidden = this.hiddenLocals();
    const variable = state.newLocal(name, 3);
    state.check('=');
    const from = this.expressions.expression();
    state.check(',');
    const to = this.expressions.expression();
    const step = state.accept(',') ? this.expressions.expression() : undefined;
    state.openBlock(true);
    state.declare(hidden);
    state.check('do');
    const line = lexer.lastLine;
    const body = this.loopBody([variable]);
    state.closeBlock();
    return { kind: 'numeric-for', variable, from, to, step, body, line };
  }

  private genericFor(name: string, line: number): Statement {
    const { state } = this;
    const hidden = this.hiddenLocals();
    const variables = [state.newLocal(name, 3)];
    while (state.accept(',')) {
      variables.push(state.newLocal(state.checkName(), 3 + variables.length));
    }
    state.check('in');
    const values = this.expressions.list();
    state.openBlock(true);
    state.declare(hidden);
    state.check('do');
    const body = this.loopBody(variables);
    state.closeBlock();
    return { kind: 'generic-for', variables, values, body, line };
  }

  private hiddenLocals(): Local[] {
    return ['(for generator)', '(for state)', '(for control)'].map((name, index) =>
      this.state.newLocal(name, index),
    );
  }

  private functionStatement(line: number): Statement {
    const { lexer, state } = this;
    lexer.next();
    let target: Expression = state.variable(state.checkName(), lexer.lastLine);
    let isMethod = false;
    while (lexer.token === '.' || lexer.token === ':') {
      isMethod = lexer.token === ':';
      lexer.next();
      const key: Expression = { kind: 'string', value: state.checkName() };
      target = { kind: 'index', object: target, key, line: lexer.lastLine };
      if (isMethod) break;
    }
    noteChange(target);
    const body = this.functionBody(isMethod, line);
    const value: Expression = { kind: 'function', body };
    return { kind: 'assign', targets: [target], values: [value], line };
  }

  private localFunction(): Statement {
    const { lexer, state } = this;
    const local = state.newLocal(state.checkName(), 0);
    state.declare([local]);
    return { kind: 'local-function', local, body: this.functionBody(false, lexer.line) };
  }

  private localStatement(): Statement {
    const { state } = this;
    const locals: Local[] = [];
    do {
      locals.push(state.newLocal(state.checkName(), locals.length));
    } while (state.accept(','));
    const values = state.accept('=') ? this.expressions.list() : [];
    state.declare(locals);
    return { kind: 'local', locals, values };
  }

  private returnStatement(): Statement {
    const { lexer } = this;
    lexer.next();
    const isEmpty = endsBlock(lexer.token) || lexer.token === ';';
    return { kind: 'return', values: isEmpty ? [] : this.expressions.list() };
  }

  private expressionStatement(): Statement {
    const first = this.expressions.suffixed();
    if (first.kind === 'call') return { kind: 'call', call: first };
    return this.assignment(first);
  }

  private assignment(first: Expression): Statement {
    const { lexer } = this;
    const targets = [first];
    this.checkTarget(first);
    while (this.state.accept(',')) {
      const target = this.expressions.suffixed();
      this.checkTarget(target);
      targets.push(target);
      this.state.checkTargets(targets.length - 1);
    }
    this.state.check('=');
    const values = this.expressions.list();
    return { kind: 'assign', targets, values, line: lexer.lastLine };
  }

  private checkTarget(target: Expression): void {
    const { kind } = target;
    this.state.lists.noteTarget(target);
    noteChange(target);
    if (kind === 'local' || kind === 'upvalue' || kind === 'global' || kind === 'index') return;
    this.lexer.fail('syntax error');
  }
}
