/** Names while a chunk is parsed: which local, upvalue or global a name is, and Lua's limits. */
import { type Lexer, NAME } from './lexer.js';
import { ListUses } from './list-uses.js';
import type { Expression, FunctionScope, Local } from './tree.js';

const LOCALS_MAX = 200;
const UPVALUES_MAX = 60;
/** Nested levels of syntax; calls of library code in progress count too. */
const LEVELS_MAX = 200;

interface Block {
  readonly outer: Block | undefined;
  readonly names: Map<string, Local>;
  readonly isLoop: boolean;
}

interface OpenFunction extends FunctionScope {
  block: Block | undefined;
  localCount: number;
  readonly enclosing: OpenFunction | undefined;
}

export class ParserState {
  scope: OpenFunction;
  readonly globals = new Set<string>();
  readonly lists = new ListUses();
  private level: number;
  private localId = 0;

  /** `level`: calls of library code in progress, which Lua counts as nesting too. */
  constructor(
    readonly lexer: Lexer,
    level: number,
  ) {
    this.level = level;
    this.scope = this.newFunction(undefined, 0);
  }

  private newFunction(enclosing: OpenFunction | undefined, line: number): OpenFunction {
    return {
      outer: enclosing,
      enclosing,
      line,
      isVararg: false,
      usesVarargs: false,
      hasCalls: false,
      upvalues: new Set(),
      zero: undefined,
      block: undefined,
      localCount: 0,
    };
  }

  openFunction(line: number): OpenFunction {
    this.scope.hasCalls = true;
    this.scope = this.newFunction(this.scope, line);
    return this.scope;
  }

  closeFunction(): void {
    if (this.scope.enclosing !== undefined) this.scope = this.scope.enclosing;
  }

  openBlock(isLoop = false): void {
    this.scope.block = { outer: this.scope.block, names: new Map(), isLoop };
  }

  closeBlock(): void {
    const block = this.scope.block!;
    this.scope.localCount -= this.counts.get(block) ?? 0;
    this.scope.block = block.outer;
  }

  /** Locals that each block declared: a name may be declared twice. */
  private readonly counts = new WeakMap<Block, number>();

  get isInLoop(): boolean {
    for (let block = this.scope.block; block !== undefined; block = block.outer) {
      if (block.isLoop) return true;
    }
    return false;
  }

  /** Checks the limit when the name is read; declare() makes it visible. */
  newLocal(name: string, pending: number): Local {
    if (this.scope.localCount + pending + 1 > LOCALS_MAX) {
      throw this.limitError(LOCALS_MAX, 'local variables');
    }
    return { name, owner: this.scope, id: ++this.localId, isCaptured: false, isChanged: false };
  }

  declare(locals: readonly Local[]): void {
    const block = this.scope.block!;
    for (const local of locals) block.names.set(local.name, local);
    this.scope.localCount += locals.length;
    this.counts.set(block, (this.counts.get(block) ?? 0) + locals.length);
  }

  variable(name: string, line: number): Expression {
    const local = this.find(this.scope, name);
    if (local === undefined) {
      this.globals.add(name);
      this.lists.note(name);
      return { kind: 'global', name, line };
    }
    return { kind: local.owner === this.scope ? 'local' : 'upvalue', local };
  }

  private find(scope: OpenFunction | undefined, name: string): Local | undefined {
    if (scope === undefined) return undefined;
    for (let block = scope.block; block !== undefined; block = block.outer) {
      const local = block.names.get(name);
      if (local !== undefined) return local;
    }
    const local = this.find(scope.enclosing, name);
    if (local !== undefined && !scope.upvalues.has(local)) {
      if (scope.upvalues.size + 1 > UPVALUES_MAX)
        throw this.limitError(UPVALUES_MAX, 'upvalues', scope);
      scope.upvalues.add(local);
      local.isCaptured = true;
    }
    return local;
  }

  private limitError(limit: number, what: string, scope: FunctionScope = this.scope) {
    const where = scope.line === 0 ? 'main function' : `function at line ${scope.line}`;
    return this.lexer.error(`${where} has more than ${limit} ${what}`);
  }

  /** Lua parses the targets of an assignment by recursion, so they count as nesting. */
  checkTargets(count: number): void {
    const limit = LEVELS_MAX - this.level;
    if (count > limit) throw this.limitError(limit, 'variables in assignment');
  }

  enterLevel(): void {
    if (++this.level > LEVELS_MAX) throw this.lexer.error('chunk has too many syntax levels');
  }

  leaveLevel(): void {
    this.level--;
  }

  accept(token: string): boolean {
    if (this.lexer.token !== token) return false;
    this.lexer.next();
    return true;
  }

  check(token: string): void {
    if (this.lexer.token !== token) this.lexer.fail(`'${token}' expected`);
    this.lexer.next();
  }

  checkName(): string {
    if (this.lexer.token !== NAME) this.lexer.fail(`'${NAME}' expected`);
    const name = this.lexer.text;
    this.lexer.next();
    return name;
  }

  checkMatch(token: string, opening: string, line: number): void {
    if (this.lexer.token !== token) {
      if (line === this.lexer.line) this.lexer.fail(`'${token}' expected`);
      this.lexer.fail(`'${token}' expected (to close '${opening}' at line ${line})`);
    }
    this.lexer.next();
  }
}
