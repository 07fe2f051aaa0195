/**
 * XREAD and XREADGROUP: the same options and the same reply. A group delivers what is new to a consumer
 * (id >) and remembers that it is pending, or repeats what is pending for it (any other id).
 */
import type { ArgumentVector } from '../../../base/arguments.js';
import { giveBack, newRegion, withRoom } from '../../../base/owned-region.js';
import { copyBytes } from '../../../base/region.js';
import {
  ErrorReply,
  STREAM_ID,
  SYNTAX,
  TIMEOUT_NEGATIVE,
  TIMEOUT_NOT_INTEGER,
  untilNul,
} from '../../../protocol/errors.js';
import { Arguments } from '../../../protocol/parser.js';
import { argumentIs } from '../../../protocol/text.js';
import { Count } from '../../../values/stream/count.js';
import { isStreamKind } from '../../../values/stream/layout.js';
import type { Stream } from '../../../values/stream/stream.js';
import { FORM_STRICT, ID_TEXT_MAX, StreamId } from '../../../values/stream/stream-id.js';
import { waitForPairs } from '../../contract/blocking.js';
import type { Context } from '../../contract/context.js';
import {
  claimEffects,
  emitGroupId,
  estimateRead,
  findGroup,
  groups,
  hasTombstones,
  openConsumer,
  reserveDeliveries,
  saveGroup,
} from './group.js';
import {
  integerAt,
  isCharacter,
  isId,
  isStream,
  replyEntry,
  replyId,
  replyRange,
  streamFound,
} from './values.js';

const GROUP_IN_XREAD = new ErrorReply(
  'ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.',
);
const NOACK_IN_XREAD = new ErrorReply(
  'ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.',
);
const UNBALANCED = new ErrorReply(
  "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);
const GROUP_MISSING = new ErrorReply('ERR Missing GROUP option for XREADGROUP');
const DOLLAR_IN_GROUP = new ErrorReply(
  'ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.',
);
const NEW_WITHOUT_GROUP = new ErrorReply(
  'ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.',
);
const KEY_GONE = new ErrorReply('UNBLOCKED the stream key no longer exists');
const GROUP_GONE = new ErrorReply(
  'NOGROUP the consumer group this client was blocked on no longer exists',
);
function blockInScript(name: string): ErrorReply {
  return new ErrorReply(`ERR ${name} command is not allowed with BLOCK option from scripts`);
}

/** Redis answers a client that has waited with so many entries when it names no number. */
const SERVED_COUNT = 1000;
/** No clock gets there: such a wait has no end. */
const FOR_EVER_MS = 2 ** 52;
const FIRST_BYTES = 1024;
const KEPT_BYTES = 1 << 16;
const DOLLAR = 36;
const GREATER = 62;
const ID_WORDS = 4;
export const WAIT_NONE = -1;

const once = new Count();
once.set(1);
const start = new StreamId();
const probe = new StreamId();
const deliveries = new Count();
const highest = new StreamId().setHighest();

/** The arguments of one call. One for each thread. */
class ReadArguments {
  isGroup = false;
  count = 0;
  timeoutMs = WAIT_NONE;
  noAck = false;
  /** Arguments with the names. */
  group = 0;
  consumer = 0;
  /** First key, and how many streams there are. */
  first = 0;
  streams = 0;
  /** Ids that are to be exceeded. The highest one stands for >. */
  private ids = new Int32Array(64 * ID_WORDS);
  private bytes = newRegion(FIRST_BYTES);
  private readonly vector = new Arguments();

  parse(context: Context, isGroup: boolean): boolean {
    this.isGroup = isGroup;
    this.count = 0;
    this.timeoutMs = WAIT_NONE;
    this.noAck = false;
    this.group = 0;
    this.first = 0;
    const { args, reply } = context;
    for (let i = 1; i < args.count && this.first === 0; ) {
      const next = this.parseOption(context, i);
      if (next < 0) return false;
      i = next;
    }
    if (context.isServed && this.count === 0) this.count = SERVED_COUNT;
    if (this.first === 0) reply.error(SYNTAX);
    else if (isGroup && this.group === 0) reply.error(GROUP_MISSING);
    else return this.parseIds(context);
    return false;
  }

  /** @returns the argument behind the option, -1 when the error is answered */
  private parseOption(context: Context, index: number): number {
    const { args, reply } = context;
    const more = args.count - index - 1;
    if (more > 0 && argumentIs(args, index, 'BLOCK')) {
      if (context.inScript && !context.isServed) {
        reply.error(blockInScript(context.text(0)));
        return -1;
      }
      this.timeoutMs = integerAt(context, index + 1, TIMEOUT_NOT_INTEGER);
      if (this.timeoutMs > FOR_EVER_MS) this.timeoutMs = 0;
      if (this.timeoutMs >= 0) return index + 2;
      if (this.timeoutMs < 0) reply.error(TIMEOUT_NEGATIVE);
      return -1;
    }
    if (more > 0 && argumentIs(args, index, 'COUNT')) {
      this.count = Math.max(0, integerAt(context, index + 1));
      return Number.isNaN(this.count) ? -1 : index + 2;
    }
    if (more > 0 && argumentIs(args, index, 'STREAMS')) return this.parseStreams(context, index);
    if (more > 1 && argumentIs(args, index, 'GROUP')) {
      this.group = index + 1;
      this.consumer = index + 2;
      if (this.isGroup) return index + 3;
      reply.error(GROUP_IN_XREAD);
      return -1;
    }
    if (argumentIs(args, index, 'NOACK')) {
      this.noAck = true;
      if (this.isGroup) return index + 1;
      reply.error(NOACK_IN_XREAD);
      return -1;
    }
    reply.error(SYNTAX);
    return -1;
  }

  private parseStreams({ args, reply }: Context, index: number): number {
    this.first = index + 1;
    const both = args.count - this.first;
    this.streams = both >> 1;
    if (both % 2 === 0) return args.count;
    reply.error(UNBALANCED);
    return -1;
  }

  private parseIds(context: Context): boolean {
    if (this.ids.length < this.streams * ID_WORDS) {
      this.ids = new Int32Array(this.streams * 2 * ID_WORDS);
    }
    for (let i = 0; i < this.streams; i++) {
      if (!this.parseId(context, i)) return false;
      const { ids } = this;
      ids[i * ID_WORDS] = start.msHigh;
      ids[i * ID_WORDS + 1] = start.msLow;
      ids[i * ID_WORDS + 2] = start.seqHigh;
      ids[i * ID_WORDS + 3] = start.seqLow;
    }
    return true;
  }

  /** Takes the id of a stream to `start`. False: the error is answered */
  private parseId(context: Context, stream: number): boolean {
    const { args, keys, reply } = context;
    const key = this.first + stream;
    const index = key + this.streams;
    const found = keys.seekForRead(args, key);
    if (context.isServed && !(found && isStreamKind(keys.kind))) {
      reply.error(KEY_GONE);
      return false;
    }
    if (found && !isStream(context)) return false;
    if (this.isGroup && !(found && findGroup(context, this.group))) {
      if (context.isServed) reply.error(GROUP_GONE);
      else replyNoGroup(context, key, this.group);
      return false;
    }
    if (isCharacter(context, index, DOLLAR)) {
      if (this.isGroup) {
        reply.error(DOLLAR_IN_GROUP);
        return false;
      }
      if (found) streamFound(context).lastId(start);
      else start.setLowest();
      return true;
    }
    if (isCharacter(context, index, GREATER)) {
      start.setHighest();
      if (this.isGroup) return true;
      reply.error(NEW_WITHOUT_GROUP);
      return false;
    }
    if (isId(context, index, FORM_STRICT, 0, start)) return true;
    reply.error(STREAM_ID);
    return false;
  }

  /** Whether the one stream and its group are those that were found when the arguments were read. */
  get isOpen(): boolean {
    return this.isGroup && this.streams === 1;
  }

  /** The command waits. `$` is what it is now. */
  wait(context: Context): void {
    const { args } = context;
    const end = this.first + this.streams;
    waitForPairs(context, this.resolved(args), this.first, end, this.timeoutMs);
    if (this.bytes.length > KEPT_BYTES) {
      giveBack(this.bytes);
      this.bytes = newRegion(FIRST_BYTES);
    }
  }

  /** The vector with the ids written out. */
  private resolved(args: ArgumentVector): ArgumentVector {
    const firstId = this.first + this.streams;
    let bytes = 0;
    for (let i = 0; i < args.count; i++) bytes += Math.max(args.length[i]!, ID_TEXT_MAX);
    this.bytes = withRoom(this.bytes, 0, bytes);
    const { vector } = this;
    vector.count = 0;
    vector.region = this.bytes;
    let at = 0;
    for (let i = 0; i < args.count; i++) {
      let length = args.length[i]!;
      if (i >= firstId && !this.isGroup) {
        length = this.idOf(i - firstId, start).writeText(this.bytes, at);
      } else copyBytes(this.bytes, at, args.region, args.offset[i]!, length);
      vector.push(at, length);
      at += length;
    }
    return vector;
  }

  idOf(stream: number, into: StreamId): StreamId {
    const { ids } = this;
    const at = stream * ID_WORDS;
    return into.set(ids[at]!, ids[at + 1]!, ids[at + 2]!, ids[at + 3]!);
  }
}

function replyNoGroup(context: Context, key: number, group: number): void {
  const keyText = untilNul(context.text(key));
  const groupText = untilNul(context.text(group));
  context.reply.errorText(
    `NOGROUP No such key '${keyText}' or consumer group '${groupText}' in XREADGROUP with GROUP option`,
  );
}

export const read = new ReadArguments();

/** Runs XREAD or XREADGROUP as far as it can be served at once. @returns streams answered */
export function serveRead(context: Context): number {
  const { args, reply } = context;
  if (read.isGroup) reserve(context);
  const mark = reply.mark();
  let served = 0;
  for (let i = 0; i < read.streams; i++) {
    const key = read.first + i;
    if (!isFound(context, key)) continue;
    read.idOf(i, start);
    const stream = streamFound(context);
    const serve = read.isGroup ? prepareGroup(context, stream) : hasMore(context, stream);
    if (serve === SERVE_NOTHING) continue;
    if (read.isGroup) openConsumer(context, read.group, read.consumer);
    served++;
    if (reply.protocol === 2) reply.array(2);
    reply.bulk(args.region, args.offset[key]!, args.length[key]!);
    start.increment();
    if (serve === SERVE_HISTORY) replyHistory(context, stream);
    else if (read.isGroup) replyNew(context, stream);
    else replyRange(reply, stream, start, highest, read.count);
  }
  if (served === 0) reply.rewind(mark);
  else if (reply.protocol === 2) reply.patchArray(mark, served);
  else reply.patchMap(mark, served);
  return served;
}

/** Seeks the key of a stream once more: after the arguments were read, others may have been sought. */
function isFound({ args, keys, isServed }: Context, key: number): boolean {
  if (read.isOpen) {
    if (!isServed) keys.hits++;
    return true;
  }
  return isServed ? keys.seek(args, key) : keys.seekForRead(args, key);
}

/** Before the first stream changes: all of them find room for what is delivered. */
function reserve(context: Context): void {
  const { args, keys } = context;
  for (let i = 0; i < read.streams; i++) {
    if (!read.isOpen && !keys.seek(args, read.first + i)) continue;
    const stream = streamFound(context);
    const isNew = read.idOf(i, start).isHighest && !read.noAck;
    const most = isNew ? Math.min(read.count || stream.length, stream.length) : 0;
    reserveDeliveries(context, stream, most, read.consumer, read.streams);
  }
}

const SERVE_NOTHING = 0;
const SERVE_NEW = 1;
const SERVE_HISTORY = 2;

/**
 * Whether the stream has entries above `start`. For who has waited it is enough that there were some:
 * Redis answers with none when they are gone already.
 */
function hasMore({ isServed }: Context, stream: Stream): number {
  if (isServed) return stream.lastId(probe).compare(start) > 0 ? SERVE_NEW : SERVE_NOTHING;
  if (stream.length === 0) return SERVE_NOTHING;
  return stream.topId(probe).compare(start) > 0 ? SERVE_NEW : SERVE_NOTHING;
}

/** Opens the group; for what is new, `start` is what the group has read. */
function prepareGroup(context: Context, stream: Stream): number {
  if (!read.isOpen) findGroup(context, read.group);
  if (!start.isHighest) return SERVE_HISTORY;
  start.copyFrom(groups.lastId);
  return hasMore(context, stream);
}

/** Delivers what is new, from `start` on. */
function replyNew(context: Context, stream: Stream): void {
  const { now, reply } = context;
  claimEffects.begin(context, read.group, read.consumer);
  const mark = reply.mark();
  let replied = 0;
  for (let more = stream.seek(start); more; more = stream.next()) {
    replyEntry(reply, stream);
    replied++;
    advance(stream);
    if (!read.noAck) {
      if (!groups.deliver(stream.id, now, once)) throw new Error('stream: no room was reserved');
      claimEffects.add(stream.id, now, once);
    }
    if (replied === read.count) break;
  }
  reply.patchArray(mark, replied);
  claimEffects.end();
  saveGroup(context, read.group);
  emitGroupId(context, read.group);
}

/** The open group has read the entry that the stream is at. */
function advance(stream: Stream): void {
  const { id } = stream;
  if (id.compare(groups.lastId) <= 0) return;
  const { entriesRead } = groups;
  if (!entriesRead.isUnknown && !hasTombstones(stream, id)) entriesRead.increment();
  else if (!stream.neverAdded) estimateRead(stream, id, entriesRead);
  groups.lastId.copyFrom(id);
}

/** Repeats what is pending for the consumer, from `start` on. */
function replyHistory(context: Context, stream: Stream): void {
  const { now, reply } = context;
  claimEffects.begin(context, read.group, read.consumer);
  const mark = reply.mark();
  let replied = 0;
  for (let more = groups.seekOwned(start); more; more = groups.nextOwned()) {
    probe.copyFrom(groups.id);
    if (stream.find(probe)) {
      replyEntry(reply, stream);
      groups.findPending(probe);
      deliveries.copyFrom(groups.deliveries).increment();
      groups.deliver(probe, now, deliveries);
      claimEffects.add(probe, now, deliveries);
    } else {
      reply.array(2);
      replyId(reply, probe);
      reply.nullArray();
    }
    if (++replied === read.count) break;
  }
  reply.patchArray(mark, replied);
  claimEffects.end();
}
