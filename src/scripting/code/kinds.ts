/** What kind of expression it is. */
import type { Expression } from '../syntax/tree.js';

const COMPARISONS: ReadonlySet<string> = new Set(['<', '<=', '>', '>=', '==', '~=']);

export type Concatenation = Extract<Expression, { kind: 'binary' }> & { readonly operator: '..' };

export function isMulti(expression: Expression | undefined): boolean {
  return expression?.kind === 'call' || expression?.kind === 'vararg';
}

export function isConstant(expression: Expression): boolean {
  const { kind } = expression;
  return (
    kind === 'nil' || kind === 'true' || kind === 'false' || kind === 'number' || kind === 'string'
  );
}

export function isTrueConstant(expression: Expression): boolean {
  return expression.kind !== 'nil' && expression.kind !== 'false';
}

export function isBoolean(expression: Expression): boolean {
  if (expression.kind === 'parentheses') return isBoolean(expression.inner);
  if (expression.kind === 'true' || expression.kind === 'false') return true;
  if (expression.kind === 'unary') return expression.operator === 'not';
  if (expression.kind !== 'binary') return false;
  return COMPARISONS.has(expression.operator);
}

export function isConcatenation(expression: Expression): expression is Concatenation {
  return expression.kind === 'binary' && expression.operator === '..';
}

/** Whether it is written as a name, or as a field of one. */
export function isNamed({ kind }: Expression): boolean {
  return kind === 'local' || kind === 'upvalue' || kind === 'global' || kind === 'index';
}

/** Without the parentheses around it. */
export function inParentheses(expression: Expression): Expression {
  let inner = expression;
  while (inner.kind === 'parentheses') inner = inner.inner;
  return inner;
}
