/**
 * The first line of a script or a library, `#!lua name=value flags=a,b`: what it is called, and what
 * it promises. A script without one runs in compatibility mode: nothing is checked before it runs.
 */
import { splitArguments } from '../../protocol/inline.js';

export const FLAG_NO_WRITES = 1;
export const FLAG_ALLOW_OOM = 2;
export const FLAG_ALLOW_STALE = 4;
export const FLAG_NO_CLUSTER = 8;
export const FLAG_ALLOW_CROSS_SLOT = 16;
/** No shebang: as scripts were before Redis 7. */
export const FLAG_COMPATIBLE = 32;

/** In the order in which FUNCTION LIST tells them. */
export const SCRIPT_FLAGS: readonly (readonly [name: string, bit: number])[] = [
  ['no-writes', FLAG_NO_WRITES],
  ['allow-oom', FLAG_ALLOW_OOM],
  ['allow-stale', FLAG_ALLOW_STALE],
  ['no-cluster', FLAG_NO_CLUSTER],
  ['allow-cross-slot-keys', FLAG_ALLOW_CROSS_SLOT],
];

export function flagBit(name: string): number | undefined {
  return SCRIPT_FLAGS.find(([known]) => known === name)?.[1];
}

/** Of the first line. */
export const LINE_BYTES_MAX = 1024 * 1024;

/** The words of the first line; null: it does not end, or not before a NUL. */
export function firstLine(source: string): readonly string[] | null {
  const end = source.indexOf('\n');
  if (end < 0 || end > LINE_BYTES_MAX) return null;
  const line = source.slice(0, end);
  return line.includes('\0') ? null : (splitArguments(line) ?? []);
}

/** A shebang of a script that cannot be understood: the text of the error. */
export class ShebangError extends Error {}

/** @throws ShebangError */
export function scriptFlags(source: string): number {
  if (!source.startsWith('#!')) return FLAG_COMPATIBLE;
  const words = firstLine(source);
  if (words === null) throw new ShebangError('ERR Invalid script shebang');
  if (words.length === 0) {
    throw new ShebangError('ERR Invalid engine in script shebang');
  }
  if (words[0] !== '#!lua') {
    throw new ShebangError(`ERR Unexpected engine in script shebang: ${words[0]}`);
  }
  let flags = 0;
  for (const word of words.slice(1)) {
    if (!word.startsWith('flags=')) {
      throw new ShebangError(`ERR Unknown lua shebang option: ${word}`);
    }
    flags |= flagList(word.slice('flags='.length));
  }
  return flags;
}

function flagList(list: string): number {
  if (list === '') return 0;
  let flags = 0;
  for (const name of list.split(',')) {
    const bit = flagBit(name);
    if (bit === undefined) {
      throw new ShebangError(`ERR Unexpected flag in script shebang: ${name}`);
    }
    flags |= bit;
  }
  return flags;
}

/** The code without its shebang. The line end stays, so that lines are counted as they are written. */
export function withoutShebang(source: string): string {
  if (!source.startsWith('#!')) return source;
  const end = source.indexOf('\n');
  return end < 0 ? '' : source.slice(end);
}
