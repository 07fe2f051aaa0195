/** Replies as the server sends them to the page, and as text. */
import { quoted, toText } from './words.js';

export type Reply =
  | null
  | number
  | string
  | { readonly status: string }
  | { readonly error: string }
  | { readonly integer: string }
  | readonly Reply[];

/** Lines of a reply that are shown at most. */
const LINES_MAX = 1000;

export function errorOf(reply: Reply): string | null {
  const isObject = typeof reply === 'object' && reply !== null && !Array.isArray(reply);
  return isObject && 'error' in reply ? reply.error : null;
}

export function listOf(reply: Reply): readonly Reply[] {
  return Array.isArray(reply) ? reply : [];
}

/** A status, a string or a number as text; '' for all else. */
export function plainText(reply: Reply | undefined): string {
  if (typeof reply === 'string') return toText(reply);
  if (typeof reply === 'number') return String(reply);
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) return '';
  const { status, integer } = reply as { status?: string; integer?: string };
  return status ?? integer ?? '';
}

/** Fields and values, one after the other, as the RESP2 form of a map. */
export function mapOf(reply: Reply | undefined): ReadonlyMap<string, Reply> {
  const map = new Map<string, Reply>();
  const list = listOf(reply ?? null);
  for (let i = 0; i + 1 < list.length; i += 2) map.set(plainText(list[i]), list[i + 1]!);
  return map;
}

/** As redis-cli shows it. */
export function describe(reply: Reply): string {
  const lines = linesOf(reply);
  const hidden = lines.length - LINES_MAX;
  if (hidden <= 0) return lines.join('\n');
  return [...lines.slice(0, LINES_MAX), `… ${hidden} more lines`].join('\n');
}

function linesOf(reply: Reply): string[] {
  const error = errorOf(reply);
  if (error !== null) return [`(error) ${toText(error)}`];
  if (reply === null) return ['(nil)'];
  if (typeof reply === 'number') return [`(integer) ${reply}`];
  if (typeof reply === 'string') return stringLines(reply);
  if (!Array.isArray(reply)) return [scalarLine(reply as { status?: string; integer?: string })];
  if (reply.length === 0) return ['(empty array)'];
  const width = String(reply.length).length;
  return reply.flatMap((item, index) => {
    const mark = `${String(index + 1).padStart(width)}) `;
    return linesOf(item).map((line, i) => (i === 0 ? mark : ' '.repeat(mark.length)) + line);
  });
}

function scalarLine({ status, integer }: { status?: string; integer?: string }): string {
  return integer === undefined ? toText(status ?? '') : `(integer) ${integer}`;
}

/** Reports such as INFO are text of several lines; all else is quoted, and UTF-8 left as it is. */
function stringLines(word: string): string[] {
  if (/^[\x20-\x7e]*(\r?\n[\x20-\x7e]*)+$/.test(word))
    return word.replace(/\r?\n$/, '').split(/\r?\n/);
  const text = toText(word);
  return [
    text.startsWith('"') && text === quoted(word) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`,
  ];
}
