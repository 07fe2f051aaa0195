/**
 * The syntax tree. Names are resolved: a variable is a Local of this or an outer function, or a
 * global. Each node that can fail has the line that Lua would report for it.
 */

export interface Local {
  readonly name: string;
  /** The function whose local it is. */
  readonly owner: FunctionScope;
  /** Unique in the chunk: its name in generated code is derived from it. */
  readonly id: number;
  /** An inner function uses it. */
  isCaptured: boolean;
  /** It is given something else than where it is declared. */
  isChanged: boolean;
}

/** One function while it is parsed and compiled. */
export interface FunctionScope {
  readonly outer: FunctionScope | undefined;
  readonly line: number;
  isVararg: boolean;
  /** It uses `...`, so that the table `arg` of Lua 5.0 is not made. */
  usesVarargs: boolean;
  /** It calls something, has a loop or makes a closure: it counts its depth. */
  hasCalls: boolean;
  readonly upvalues: Set<Local>;
  /** Its first constant that is zero: Lua keeps one for 0 and -0. */
  zero: number | undefined;
}

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'
  | '..'
  | '=='
  | '~='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'and'
  | 'or';

export type Expression =
  | { readonly kind: 'nil' | 'true' | 'false' | 'vararg' }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'local'; readonly local: Local }
  | { readonly kind: 'upvalue'; readonly local: Local }
  | { readonly kind: 'global'; readonly name: string; line: number }
  | {
      readonly kind: 'index';
      readonly object: Expression;
      readonly key: Expression;
      line: number;
    }
  | CallExpression
  | { readonly kind: 'function'; readonly body: FunctionBody }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly line: number;
    }
  | {
      readonly kind: 'unary';
      readonly operator: '-' | 'not' | '#';
      readonly operand: Expression;
      readonly line: number;
    }
  | { readonly kind: 'parentheses'; readonly inner: Expression }
  | TableExpression;

export interface CallExpression {
  readonly kind: 'call';
  readonly callee: Expression;
  /** For `object:method(...)`. */
  readonly method: string | undefined;
  readonly methodLine: number;
  readonly args: readonly Expression[];
  readonly line: number;
}

export interface TableExpression {
  readonly kind: 'table';
  /** In the order of the source; without a key the next place of the list. */
  readonly fields: readonly TableField[];
}

export interface TableField {
  readonly key: Expression | undefined;
  readonly value: Expression;
  /** Where it ends. */
  readonly line: number;
}

export interface FunctionBody {
  readonly scope: FunctionScope;
  readonly parameters: readonly Local[];
  /** The local `arg` of a function with `...`: a table if the function does not use `...` itself. */
  readonly argTable: Local | undefined;
  readonly body: readonly Statement[];
}

export type Statement =
  | {
      readonly kind: 'local';
      readonly locals: readonly Local[];
      readonly values: readonly Expression[];
    }
  | {
      readonly kind: 'assign';
      readonly targets: readonly Expression[];
      readonly values: readonly Expression[];
      readonly line: number;
    }
  | { readonly kind: 'call'; readonly call: CallExpression }
  | { readonly kind: 'do'; readonly body: readonly Statement[] }
  | {
      readonly kind: 'while';
      readonly condition: Expression;
      readonly body: readonly Statement[];
      readonly line: number;
    }
  | {
      readonly kind: 'repeat';
      readonly condition: Expression;
      readonly body: readonly Statement[];
      readonly line: number;
    }
  | {
      readonly kind: 'if';
      readonly branches: readonly {
        readonly condition: Expression;
        readonly body: readonly Statement[];
      }[];
      readonly otherwise: readonly Statement[] | undefined;
    }
  | {
      readonly kind: 'numeric-for';
      readonly variable: Local;
      readonly from: Expression;
      readonly to: Expression;
      readonly step: Expression | undefined;
      readonly body: readonly Statement[];
      readonly line: number;
    }
  | {
      readonly kind: 'generic-for';
      readonly variables: readonly Local[];
      readonly values: readonly Expression[];
      readonly body: readonly Statement[];
      readonly line: number;
    }
  | { readonly kind: 'local-function'; readonly local: Local; readonly body: FunctionBody }
  | { readonly kind: 'return'; readonly values: readonly Expression[] }
  | { readonly kind: 'break' };

export interface Chunk {
  readonly main: FunctionBody;
  /** The name that it was given, with its `@` or `=`, or its text. */
  readonly source: string;
  /** How error messages name the chunk. */
  readonly name: string;
  /** Each name that is used as a global. */
  readonly globals: ReadonlySet<string>;
  /** Those of KEYS and ARGV that are only read, at places that the text tells: `KEYS[1]`. */
  readonly plainLists: ReadonlySet<string>;
}
