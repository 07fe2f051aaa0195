/** Pieces of generated code that depend on no context: literals, sizes, operators. */
import type { BinaryOperator } from '../syntax/tree.js';

export function quote(text: string): string {
  return JSON.stringify(text);
}

export function numberLiteral(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '(-0)' : '0';
  if (!Number.isFinite(value)) return value > 0 ? '(1/0)' : '(-1/0)';
  return value < 0 ? `(${value})` : `${value}`;
}

/** Sizes in Lua's NEWTABLE are rounded up to m * 2^e with m < 16 ("floating point byte"). */
export function sizeHint(count: number): number {
  let exponent = 0;
  let x = count;
  while (x >= 16) {
    x = (x + 1) >> 1;
    exponent++;
  }
  return x * 2 ** exponent;
}

export function inlineOperation(operator: BinaryOperator, a: string, b: string): string {
  if (operator === '%') return `$moduloNumbers(${a},${b})`;
  if (operator === '^') return `$powerNumbers(${a},${b})`;
  return `${a}${operator}${b}`;
}
