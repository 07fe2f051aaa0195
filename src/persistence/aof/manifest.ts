/**
 * The manifest of an append-only file of Redis 7: which files make it up, in their order. Only read.
 *
 *     file appendonly.aof.1.base.rdb seq 1 type b
 *     file appendonly.aof.1.incr.aof seq 1 type i
 *
 * b: what there was when the file was last rewritten; i: what was written since; h: history, of which
 * nothing is needed any more. A line is words as a configuration file has them; # begins a comment.
 */
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
  readonly sequence: number;
  readonly kind: string;
}

/** Redis takes no longer line, its end included. */
const LINE_BYTES_MAX = 1024;

/** @throws AofError with the line */
export function parseManifest(text: string): AofManifest {
  let base: string | null = null;
  const increments: string[] = [];
  let last = 0;
  if (text === '') throw new AofError('The manifest is empty', 'line 1');
  const lines = text.split('\n');
  if (lines.pop() !== '')
    throw new AofError('The last line has no end', `line ${lines.length + 1}`);
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#')) continue;
    const place = `line ${index + 1}`;
    if (line.length >= LINE_BYTES_MAX) throw new AofError('The line is too long', place);
    const { file, sequence, kind } = parseLine(line, place);
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

function parseLine(line: string, place: string): Line {
  const words = splitArguments(line.trim());
  if (words === null || words.length < 6 || words.length % 2 !== 0) {
    throw new AofError('It is no line of a manifest', place);
  }
  const { file, seq, type: kind } = fieldsOf(words);
  if (file === '' || !/^[1-9]\d{0,15}$/.test(seq) || !/^[bhi]$/.test(kind)) {
    throw new AofError('It is no line of a manifest', place);
  }
  if (file.includes('/')) throw new AofError('A file may not be a path', place);
  return { file, sequence: Number(seq), kind };
}

/** Names and values in turn; names that are not known are left out, as in Redis. */
function fieldsOf(words: readonly string[]): { file: string; seq: string; type: string } {
  const fields = { file: '', seq: '', type: '' };
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i]!.toLowerCase();
    if (name in fields) fields[name as keyof typeof fields] = words[i + 1]!;
  }
  return fields;
}
