/** What the stream commands share: the stream sought, ids among the arguments, entries as replies. */
import { newRegion, withRoom } from '../../../base/owned-region.js';
import { copyBytes, type Region } from '../../../base/region.js';
import { ErrorReply, NOT_INTEGER, STREAM_ID, WRONG_TYPE } from '../../../protocol/errors.js';
import { parseIndex } from '../../../protocol/numbers.js';
import type { Reply } from '../../../protocol/reply.js';
import { FieldReader } from '../../../values/stream/block.js';
import { isStreamKind, STREAM_KIND, STREAM_ROOT_BYTES } from '../../../values/stream/layout.js';
import type { Stream } from '../../../values/stream/stream.js';
import {
  FORM_EDGES,
  FORM_STRICT,
  type IdForm,
  idParser,
  idText,
  type StreamId,
} from '../../../values/stream/stream-id.js';
import { builtRoot, openStream } from '../../../values/stream/views.js';
import type { Context } from '../../contract/context.js';
import type { ArgumentSpecification } from '../../contract/definition.js';

export const KEY: ArgumentSpecification = { name: 'key', type: 'key', keySpecIndex: 0 };

/** An optional argument behind a word. */
export function optionalInteger(name: string, token: string): ArgumentSpecification {
  return { name, type: 'integer', token, flags: ['optional'] };
}

const INVALID_START = new ErrorReply('ERR invalid start ID for the interval');
const INVALID_END = new ErrorReply('ERR invalid end ID for the interval');
const OPEN_PARENTHESIS = 40;
/** Fills the sequence number of a text that has none, for the end of a range. */
export const SEQUENCE_HIGHEST = -1;

const fields = new FieldReader();

/** Whether the key found holds a stream; if not, the error is answered. */
export function isStream({ keys, reply }: Context): boolean {
  if (isStreamKind(keys.kind)) return true;
  reply.error(WRONG_TYPE);
  return false;
}

/** The stream of the key found. Right until the entry moves or the next stream is opened. */
export function streamFound({ keys }: Context): Stream {
  return openStream(keys);
}

/**
 * Begins storing what `buildStream` has made under the key sought, which is not there. A commit
 * follows.
 * @throws StoreFullError when there is no room; what was built is given back
 */
export function storeBuilt({ keys }: Context, stream: Stream): void {
  let at = 0;
  try {
    at = keys.beginEdit(STREAM_KIND, STREAM_ROOT_BYTES, false);
  } catch (error) {
    stream.clear();
    throw error;
  }
  copyBytes(keys.region, at, builtRoot, 0, STREAM_ROOT_BYTES);
}

/** Argument `index` as an id. False: the error is answered. */
export function idAt(context: Context, index: number, into: StreamId): boolean {
  if (isId(context, index, FORM_STRICT, 0, into)) return true;
  context.reply.error(STREAM_ID);
  return false;
}

export function isId(
  { args }: Context,
  index: number,
  form: IdForm,
  missing: number,
  into: StreamId,
): boolean {
  return idParser.parse(args.region, args.offset[index]!, args.length[index]!, form, missing, into);
}

/** Parses an end of a range. @returns 1 when it is exclusive, 0 when not, -1 for no id */
function parseEdge({ args }: Context, index: number, missing: number, into: StreamId): number {
  const { region } = args;
  const offset = args.offset[index]!;
  const length = args.length[index]!;
  if (length > 1 && region.bytes[offset] === OPEN_PARENTHESIS) {
    return idParser.parse(region, offset + 1, length - 1, FORM_STRICT, missing, into) ? 1 : -1;
  }
  return idParser.parse(region, offset, length, FORM_EDGES, missing, into) ? 0 : -1;
}

/** Argument `index` as the start of a range. False: the error is answered. */
export function startAt(context: Context, index: number, into: StreamId): boolean {
  const edge = parseEdge(context, index, 0, into);
  if (edge === 0 || (edge === 1 && into.increment())) return true;
  context.reply.error(edge < 0 ? STREAM_ID : INVALID_START);
  return false;
}

/** Argument `index` as the end of a range. False: the error is answered. */
export function endAt(context: Context, index: number, into: StreamId): boolean {
  const edge = parseEdge(context, index, SEQUENCE_HIGHEST, into);
  if (edge === 0 || (edge === 1 && into.decrement())) return true;
  context.reply.error(edge < 0 ? STREAM_ID : INVALID_END);
  return false;
}

/** Argument `index` as an integer, NaN when the error is answered. */
export function integerAt({ args, reply }: Context, index: number, error = NOT_INTEGER): number {
  const value = parseIndex(args.region, args.offset[index]!, args.length[index]!);
  if (Number.isNaN(value)) reply.error(error);
  return value;
}

/** Whether argument `index` is this one character. */
export function isCharacter({ args }: Context, index: number, code: number): boolean {
  return args.length[index] === 1 && args.region.bytes[args.offset[index]!] === code;
}

export function replyId(reply: Reply, id: StreamId): void {
  reply.bulk(idText, 0, id.writeText(idText, 0));
}

/** The entry that the stream is at: its id, and its fields with their values. */
export function replyEntry(reply: Reply, stream: Stream): void {
  reply.array(2);
  replyId(reply, stream.id);
  stream.fields(fields);
  reply.array(fields.left * 2);
  while (fields.left > 0) {
    fields.next();
    reply.bulk(fields.region, fields.nameOffset, fields.nameLength);
    if (!fields.isInteger) {
      reply.bulk(fields.region, fields.valueOffset, fields.valueLength);
      continue;
    }
    reply.beginBulk(fields.valueLength);
    fields.copyValue(reply.region, reply.position);
    reply.position += fields.valueLength;
    reply.endBulk();
  }
}

/**
 * Entries from one id to another, both inclusive, as an array.
 * @param count the most that are answered, 0 for all
 * @returns how many there are
 */
export function replyRange(
  reply: Reply,
  stream: Stream,
  start: StreamId,
  end: StreamId,
  count: number,
  isReversed = false,
): number {
  const mark = reply.mark();
  let replied = 0;
  let more = isReversed ? stream.seekLast(end) : stream.seek(start);
  while (more && (isReversed ? stream.id.compare(start) >= 0 : stream.id.compare(end) <= 0)) {
    replyEntry(reply, stream);
    replied++;
    if (replied === count) break;
    more = isReversed ? stream.previous() : stream.next();
  }
  reply.patchArray(mark, replied);
  return replied;
}

/** A list of ids, 16 bytes each. */
export class IdList {
  count = 0;
  private region: Region = newRegion(1024);

  clear(): void {
    this.count = 0;
    if (this.region.length > 1 << 20) this.region = newRegion(1024);
  }

  add(id: StreamId): void {
    const at = this.count * 16;
    this.region = withRoom(this.region, at, at + 16);
    id.write(this.region, at);
    this.count++;
  }

  get(index: number, into: StreamId): StreamId {
    return into.read(this.region, index * 16);
  }
}

export const ids = new IdList();

/** Takes the arguments `[first, end)` as ids. False: the error is answered. */
export function takeIds(context: Context, first: number, end: number, scratch: StreamId): boolean {
  ids.clear();
  for (let i = first; i < end; i++) {
    if (!idAt(context, i, scratch)) return false;
    ids.add(scratch);
  }
  return true;
}
