/**
 * Where Darter answers differently from Redis 7.0 on purpose. Each entry has its reason; a
 * difference that has no good reason is a bug and does not belong here.
 */
import { TEXT_BYTES_MAX } from '../../src/base/region.js';
import { isList, type Reply } from '../support/reply.js';

export interface IntendedDifference {
  /** The command, or command and subcommand, in lower case; ANY. */
  readonly command: string;
  readonly reason: string;
  /** Whether these two replies differ in just the intended way. */
  readonly accepts: (ours: Reply, theirs: Reply, args: readonly string[]) => boolean;
}

const ANY = '*';

export const intendedDifferences: readonly IntendedDifference[] = [
  {
    command: 'object idletime',
    reason: 'recency is an order of slots, there is no time of the last access: always 0',
    accepts: (ours, theirs) => isInteger(ours, '0') && isInteger(theirs),
  },
  {
    command: 'object refcount',
    reason: 'Redis makes an unshared copy of a small shared integer in COPY',
    accepts: (ours, theirs) => isInteger(ours, '2147483647') && isInteger(theirs, '1'),
  },
  {
    command: 'object refcount',
    reason: 'Redis still refers to a new value from the command that made it, inside EXEC',
    accepts: (ours, theirs) => isInteger(ours, '1') && isInteger(theirs, '2'),
  },
  {
    command: 'sort',
    reason: 'Redis takes the errno of an earlier command (a number out of range) for that of SORT',
    accepts: isSortOfStaleErrno,
  },
  {
    command: 'sort_ro',
    reason: 'Redis takes the errno of an earlier command (a number out of range) for that of SORT',
    accepts: isSortOfStaleErrno,
  },
  {
    command: 'hello',
    reason: 'id and version are of the connection and of the server',
    accepts: (ours, theirs) =>
      helloKey(ours) === helloKey(theirs) && isList(ours) && ours.type === theirs.type,
  },
  {
    command: ANY,
    reason:
      'an error quotes the first bytes of a long argument, so that no error is as long as that',
    accepts: isCutQuotation,
  },
];

/**
 * Where the data would differ from then on, so that the random commands avoid it:
 *
 * - BITFIELD's SET with OVERFLOW SAT, of a value some 2^63 below the type's range, gives the
 *   minimum; Redis overflows in its own check and gives the maximum.
 */

/** Whether the replies differ in an intended way. */
export function isIntended(args: readonly string[], ours: Reply, theirs: Reply): boolean {
  const name = (args[0] ?? '').toLowerCase();
  const both = `${name} ${(args[1] ?? '').toLowerCase()}`;
  for (const each of intendedDifferences) {
    const isMeant = [name, both, ANY].includes(each.command);
    if (isMeant && each.accepts(ours, theirs, args)) {
      return true;
    }
  }
  return false;
}

/** Only of keys whose elements the random commands make numbers, and where the data stays the same. */
function isSortOfStaleErrno(ours: Reply, theirs: Reply, args: readonly string[]): boolean {
  if (!isList(ours) || isList(theirs) || theirs.type !== 'error') return false;
  if (theirs.text !== "ERR One or more scores can't be converted into double") return false;
  return /^sort:n\d$/.test(args[1] ?? '') && !args.some((word) => /^store$/i.test(word));
}

function isCutQuotation(ours: Reply, theirs: Reply, args: readonly string[]): boolean {
  if (isList(ours) || isList(theirs) || ours.type !== 'error' || theirs.type !== 'error')
    return false;
  if (!args.some((word) => word.length > TEXT_BYTES_MAX)) return false;
  const [before, after, ...others] = ours.text.split('...');
  if (after === undefined || others.length > 0 || before!.length < TEXT_BYTES_MAX) return false;
  return theirs.text.startsWith(before!) && theirs.text.endsWith(after);
}

function isInteger(reply: Reply, text?: string): boolean {
  return !isList(reply) && reply.type === 'integer' && (text ?? reply.text) === reply.text;
}

function helloKey(reply: Reply): string {
  if (!isList(reply)) return 'no list';
  const fields: string[] = [];
  for (let i = 0; i + 1 < reply.items.length; i += 2) {
    const name = reply.items[i] as Reply;
    const value = reply.items[i + 1] as Reply;
    const text = isList(name) ? '' : name.text;
    const skipped = text === 'id' || text === 'version' || isList(value);
    fields.push(`${text}=${skipped ? value.type : `${value.type}:${value.text}`}`);
  }
  return fields.join(' ');
}
