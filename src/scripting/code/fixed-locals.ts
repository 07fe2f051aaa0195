/**
 * Locals that nothing changes and that are given, where they are declared, what is known when code is made: a
 * constant, a function of the libraries (`local rcall = redis.call`), a place of KEYS or ARGV
 * (`local key = KEYS[1]`), or a function that needs to be made once only. Code that reads such a local has
 * what it stands for in its place, also in inner functions; the local itself does not exist.
 */
import { type ListPlace, placeOf } from '../syntax/list-uses.js';
import type { Expression, Local } from '../syntax/tree.js';
import type { ChunkContext } from './chunk.js';
import { inParentheses } from './kinds.js';
import { numberLiteral, quote } from './literals.js';

export interface FixedValue {
  /** What is read in place of the local. */
  readonly code: string;
  /** It is a function for sure. */
  readonly isFunction: boolean;
  readonly isNumber: boolean;
  /** `redis.call` or `redis.pcall`. */
  readonly command: CommandFunction | undefined;
  /** `tonumber`. */
  readonly readsNumber: boolean;
  /** The text that commands get. */
  readonly word: string | undefined;
  /** It is read by a call of a helper. */
  readonly place: ListPlace | undefined;
}

export type FixedLocals = Map<Local, FixedValue>;
export type CommandFunction = 'call' | 'pcall';

export const PLAIN = {
  ...{ isFunction: false, isNumber: false, readsNumber: false },
  ...{ command: undefined, place: undefined, word: undefined },
} as const;
/** Longer texts are not written several times. */
const TEXT_MAX = 100;

/** What a local stands for that is given this value, or undefined. */
export function fixedValue(context: ChunkContext, given: Expression): FixedValue | undefined {
  const value = inParentheses(given);
  switch (value.kind) {
    case 'local':
    case 'upvalue':
      return context.fixed.get(value.local);
    case 'true':
    case 'false':
      return { ...PLAIN, code: value.kind };
    case 'string':
      if (value.value.length > TEXT_MAX) return undefined;
      return { ...PLAIN, code: quote(value.value), word: value.value };
    case 'number':
      // Which zero a function has depends on its first one.
      if (value.value === 0 || Number.isNaN(value.value)) return undefined;
      return {
        ...PLAIN,
        code: numberLiteral(value.value),
        isNumber: true,
        word: Number.isSafeInteger(value.value) ? `${value.value}` : undefined,
      };
    case 'global':
      return fixedGlobal(context, value.name, undefined);
    case 'index':
      return fixedElement(context, value);
    default:
      return undefined;
  }
}

function fixedElement(
  context: ChunkContext,
  value: Extract<Expression, { kind: 'index' }>,
): FixedValue | undefined {
  const place = placeOf(value, context.plainLists);
  if (place !== undefined) return { ...PLAIN, code: placeCode(place), place };
  const { object, key } = value;
  if (object.kind !== 'global' || key.kind !== 'string') return undefined;
  return fixedGlobal(context, object.name, key.value);
}

function fixedGlobal(
  context: ChunkContext,
  name: string,
  field: string | undefined,
): FixedValue | undefined {
  const f = context.constantFunction(name, field);
  if (f !== undefined) {
    const command = commandFunction(name, field);
    const readsNumber = name === 'tonumber' && field === undefined;
    return { ...PLAIN, code: f, isFunction: true, command, readsNumber };
  }
  const code = context.constantValue(name, field);
  return code === undefined ? undefined : { ...PLAIN, code };
}

/** Whether a function of the libraries is `redis.call` or `redis.pcall`. */
function commandFunction(name: string, field: string | undefined): CommandFunction | undefined {
  return name === 'redis' && (field === 'call' || field === 'pcall') ? field : undefined;
}

/** Reads a place of KEYS or ARGV. */
export function placeCode({ isKey, place }: ListPlace): string {
  return `${isKey ? '$key' : '$argument'}(${place})`;
}
