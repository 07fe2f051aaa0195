/** What the commands on consumer groups share. */
import { PAGE_BYTES } from '../../../base/limits.js';
import { EVENT_XGROUP_CREATECONSUMER } from '../../../keyspace/events.js';
import { untilNul } from '../../../protocol/errors.js';
import { Count } from '../../../values/stream/count.js';
import { addClaim } from '../../../values/stream/effects.js';
import { Groups, pagesForDeliveries } from '../../../values/stream/groups.js';
import { STREAM_KIND } from '../../../values/stream/layout.js';
import type { Stream } from '../../../values/stream/stream.js';
import { addId, StreamId } from '../../../values/stream/stream-id.js';
import type { Context } from '../../contract/context.js';
import { isStream, streamFound } from './values.js';

export const groups = new Groups();

const first = new StreamId();
const last = new StreamId();
const deleted = new StreamId();

/** An error that quotes arguments as Redis does, up to their first NUL. */
export function replyQuoting(
  context: Context,
  before: string,
  one: number,
  between: string,
  other: number,
  after: string,
): void {
  const [left, right] = [untilNul(context.text(one)), untilNul(context.text(other))];
  context.reply.errorText(`${before}${left}${between}${right}${after}`);
}

/** Opens the group that argument `index` names, of the stream found. */
export function findGroup(context: Context, index: number): boolean {
  const { args } = context;
  groups.open(streamFound(context));
  return groups.findGroup(args.region, args.offset[index]!, args.length[index]!);
}

export function findConsumer({ args }: Context, index: number): boolean {
  return groups.findConsumer(args.region, args.offset[index]!, args.length[index]!);
}

/**
 * Opens the group in argument 2 of the stream in argument 1. Counts a hit or a miss: in Redis all
 * who do so look the key up for reading.
 * @returns false when the error is answered
 */
export function openGroup(context: Context): boolean {
  const { args, keys } = context;
  return openGroupOf(context, keys.seekForRead(args, 1));
}

/** The same when the key has been sought. */
export function openGroupOf(context: Context, found: boolean): boolean {
  if (found && !isStream(context)) return false;
  if (found && findGroup(context, 2)) return true;
  replyQuoting(context, "NOGROUP No such key '", 1, "' or consumer group '", 2, "'");
  return false;
}

/**
 * Sees to it that the deliveries to come find room, and their consumer.
 * @param consumer argument with its name
 * @param streams that may need as much in the same shard
 * @throws StoreFullError before anything has changed
 */
export function reserveDeliveries(
  { args, keys }: Context,
  stream: Stream,
  count: number,
  consumer: number,
  streams = 1,
): void {
  const pages = pagesForDeliveries(stream, count) + pagesForName(args.length[consumer]!);
  if (keys.space.freePages < pages * streams) throw keys.full();
}

/** A name lies in two members; a long one has runs of pages, and they are twice as long if it is zeroes. */
function pagesForName(bytes: number): number {
  return Math.ceil((3 * bytes) / PAGE_BYTES) + 2;
}

/**
 * Opens the consumer that argument `index` names, or makes it, and notes that it was seen.
 * @param group argument with the name of the group, which is open
 * @returns whether it was made: the effect says so
 * @throws StoreFullError
 */
export function openConsumer(context: Context, group: number, index: number): boolean {
  const { args, keys } = context;
  if (findConsumer(context, index)) {
    groups.seeConsumer(seenAt(context));
    return false;
  }
  makeConsumer(context, index);
  const effect = keys.custom(EVENT_XGROUP_CREATECONSUMER, 'XGROUP', 'CREATECONSUMER');
  effect.argument(args, group).argument(args, index).end();
  return true;
}

/** When a consumer is seen. Where effects are replayed the command's clock stands still. */
function seenAt({ now, settings }: Context): number {
  return settings.replaysEffects ? Date.now() : now;
}

/** Begins making the consumer that argument `index` names; a commit follows. */
export function makeConsumer(context: Context, index: number): void {
  const { args, keys } = context;
  const offset = args.offset[index]!;
  const seenMs = seenAt(context);
  if (!groups.addConsumer(args.region, offset, args.length[index]!, seenMs)) throw keys.full();
  keys.beginEdit(STREAM_KIND, keys.valueLength, true);
}

/** Writes what the open group, whose name argument `index` is, has read. */
export function saveGroup({ args }: Context, index: number): void {
  groups.saveGroup(args.region, args.offset[index]!, args.length[index]!);
}

/** The effect of a change of the open group's last id, which is complete. */
export function emitGroupId({ args, keys }: Context, group: number): void {
  keys.beginEdit(STREAM_KIND, keys.valueLength, true);
  const effect = keys.customUnsignalled('XGROUP', 'SETID').argument(args, group);
  // Without a sink numbers are not written as text.
  if (effect.active) {
    groups.entriesRead.addTo(addId(effect, groups.lastId).word('ENTRIESREAD'));
  }
  effect.end();
}

/**
 * Effects of deliveries: neighbours with the same figures are one command.
 *
 *     XCLAIM key group consumer 0 id … TIME ms RETRYCOUNT n FORCE JUSTID
 */
export class ClaimEffects {
  private context: Context | null = null;
  private deliveredMs = 0;
  private readonly deliveries = new Count();
  private group = 0;
  private consumer = 0;
  private isOpen = false;
  private ids = 0;

  /** @param group argument with the group's name, `consumer` with the consumer's */
  begin(context: Context, group: number, consumer: number): void {
    this.context = context;
    this.group = group;
    this.consumer = consumer;
    this.isOpen = false;
    this.ids = 0;
  }

  add(id: StreamId, deliveredMs: number, deliveries: Count): void {
    const { keys, args } = this.context!;
    const isSame = deliveredMs === this.deliveredMs && deliveries.isSame(this.deliveries);
    if (this.isOpen && (!isSame || this.ids === IDS_MAX)) this.close();
    if (!this.isOpen) {
      keys.beginEdit(STREAM_KIND, keys.valueLength, true);
      const effect = keys.customUnsignalled('XCLAIM');
      effect.argument(args, this.group).argument(args, this.consumer).word('0');
      this.deliveredMs = deliveredMs;
      this.deliveries.copyFrom(deliveries);
      this.isOpen = true;
      this.ids = 0;
    }
    this.ids++;
    if (keys.effects.active) addId(keys.effects, id);
  }

  /** Ends the last command. */
  end(): void {
    if (this.isOpen) this.close();
    this.context = null;
  }

  private close(): void {
    this.isOpen = false;
    const { effects: effect } = this.context!.keys;
    if (effect.active) addClaim(effect, this.deliveredMs, this.deliveries);
    effect.end();
  }
}

/** Ids in one effect: a replica applies it in one go. */
const IDS_MAX = 512;
export const claimEffects = new ClaimEffects();

/** Whether XDEL has removed entries from this id on, among those that are left. */
export function hasTombstones(stream: Stream, from: StreamId): boolean {
  if (stream.length === 0) return false;
  stream.deletedId(deleted);
  if (deleted.isZero || stream.firstId(first).compare(deleted) > 0) return false;
  return from.compare(deleted) <= 0;
}

/** How many entries were added up to an id, as far as that is known. */
export function estimateRead(stream: Stream, id: StreamId, into: Count): Count {
  stream.added(into);
  if (into.isZero) return into;
  const order = id.compare(stream.lastId(last));
  if ((stream.length === 0 && order < 1) || order === 0) return into;
  if (order > 0) return into.setUnknown();
  stream.firstId(first);
  stream.deletedId(deleted);
  if (deleted.isZero || deleted.compare(first) < 0) {
    const place = id.compare(first);
    if (place < 0) return into.subtractNumber(stream.length);
    if (place === 0) return into.subtractNumber(stream.length - 1);
  }
  return into.setUnknown();
}
