/**
 * The manifest of an append-only file of Redis 7: which files make it up, in their order. Only read.
 *
 *     file appendonly.aof.1.base.rdb seq 1 type b
 *     file appendonly.aof.1.incr.aof seq 1 type i
 *
 * b: what there was when the file was last rewritten; i: what was written since; h: history, of which
 * nothing is needed any more. A line is words as a configuration file has them; # begins a comment.
 *
 * Redis reads lines in pieces of 1,024 bytes. It refuses a line that is longer, but for a comment: of that
 * each piece is taken for a line. A number is what its first digits say (atoll), of a type the first
 * letter counts.
 */
import { untilNul } from '../../protocol/errors.js';
import { splitArguments } from '../../protocol/inline.js';
import { AofError } from './error.js';

export interface AofManifest {
  /** Null when nothing was rewritten yet. */
  readonly base: string | null;
  /** In the order in which they were written. */
  readonly increments: readonly string[];
}

interface Line {
  readonly file: string;
  readonly sequence: bigint;
  readonly kind: string;
}

/** Of a line, its end included. */
const LINE_BYTES_MAX = 1024;
const SEQUENCE_MAX = 2n ** 63n - 1n;

/** @throws AofError with the line */
export function parseManifest(text: string): AofManifest {
  if (text === '') throw new AofError('The manifest is empty', 'line 1');
  let base: string | null = null;
  const increments: string[] = [];
  let last = 0n;
  for (const [index, piece] of piecesOf(text).entries()) {
    if (piece.startsWith('#')) continue;
    const place = `line ${index + 1}`;
    if (!untilNul(piece).endsWith('\n')) {
      throw new AofError('The line has no end, or is too long', place);
    }
    const { file, sequence, kind } = parseLine(piece, place);
    if (kind === 'b') {
      if (base !== null) throw new AofError('There is a second base file', place);
      base = file;
    } else if (kind === 'i') {
      if (sequence <= last) throw new AofError('Sequence numbers do not ascend', place);
      last = sequence;
      increments.push(file);
    }
  }
  return { base, increments };
}

/** Lines with their ends, those that are too long in pieces. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += pieces.at(-1)!.length) {
    const end = text.indexOf('\n', at);
    const length = end < 0 ? LINE_BYTES_MAX : end + 1 - at;
    pieces.push(text.slice(at, at + Math.min(length, LINE_BYTES_MAX)));
  }
  return pieces;
}

function parseLine(line: string, place: string): Line {
  const words = splitArguments(line.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, ''));
  if (words === null || words.length < 6 || words.length % 2 !== 0) {
    throw new AofError('It is no line of a manifest', place);
  }
  const { file, seq, type } = fieldsOf(words, place);
  const sequence = sequenceOf(seq ?? '');
  const kind = type?.[0] ?? '';
  if (file === undefined || sequence === 0n || !/^[bhi]$/.test(kind)) {
    throw new AofError('It is no line of a manifest', place);
  }
  return { file, sequence, kind };
}

/** What the text begins with, 0 when that is no number. */
function sequenceOf(text: string): bigint {
  const digits = /^\s*([+-]?)0*(\d*)/.exec(text)!;
  const value = digits[2]!.length > 19 ? SEQUENCE_MAX : BigInt(digits[2]!);
  const bounded = value > SEQUENCE_MAX ? SEQUENCE_MAX : value;
  return digits[1] === '-' ? -bounded : bounded;
}

/** Names and values in turn, the last of a name counts; names that are not known are left out, as in Redis. */
function fieldsOf(words: readonly string[], place: string): Record<string, string | undefined> {
  const fields: Record<string, string | undefined> = {};
  for (let i = 0; i < words.length; i += 2) {
    const name = untilNul(words[i]!).toLowerCase();
    fields[name] = untilNul(words[i + 1]!);
    if (name === 'file' && /[/\\]/.test(fields[name])) {
      throw new AofError('A file may not be a path', place);
    }
  }
  return fields;
}
