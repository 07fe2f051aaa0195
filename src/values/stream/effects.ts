/**
 * The commands that rebuild a stream: its groups with their consumers, its entries, each followed by what is
 * pending of it, and in the end what the root says.
 *
 *     DEL key
 *     XADD key MAXLEN 0 id x y               when there is no entry, or a group
 *     XSETID key 0-0 ENTRIESADDED n          when there is a group: some servers bound what it has read by that
 *     XGROUP CREATE key group id ENTRIESREAD n
 *     XGROUP CREATECONSUMER key group consumer
 *     XADD key id field value …              for each entry
 *     XCLAIM key group consumer 0 id … TIME ms RETRYCOUNT n FORCE JUSTID
 *     XSETID key id ENTRIESADDED n MAXDELETEDID id
 *
 * A Redis claims nothing that is no longer in the stream, not even by force. So what is pending and gone gets
 * a placeholder among the entries, which goes as soon as it is claimed (gone-messages.ts). And an entry is
 * claimed with the part that has it: when it goes later, while more parts are to come, its claim was there.
 * Neighbours with the same figures are one command.
 *
 * They come in parts. Each part goes on where a place (place.ts) says that the last one has ended.
 */
import { Region } from '../../base/region.js';
import type { PartsPlace } from '../parts-place.js';
import type { PlaceBytes } from '../place-bytes.js';
import { EFFECT_BYTES_MAX, EFFECT_ELEMENTS_MAX } from '../rebuilding.js';
import { PARTS_END, type StoredValue, type ValueEffects } from '../value-type.js';
import { FieldReader } from './block.js';
import { Count } from './count.js';
import { CLAIM_ID_BYTES, GoneMessages } from './gone-messages.js';
import { type GroupName, Groups } from './groups.js';
import { type BlocksPart, blocksPart } from './native-parts.js';
import {
  PLACE_CONSUMERS,
  PLACE_ENTRIES,
  PLACE_GROUPS,
  PLACE_NOTHING,
  StreamPlace,
} from './place.js';
import type { Stream } from './stream.js';
import { addId, StreamId } from './stream-id.js';
import { streamOfValue } from './views.js';

const INTEGER_TEXT_BYTES = 24;
/** Of an entry that goes at once; the last id is set after it. */
const ID_OF_NOTHING = '0-1';
/** About what a command takes besides the names and values in it. */
const COMMAND_BYTES = 64;

const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);
const fields = new FieldReader();
const groups = new Groups();
/** A second view of the same groups, for what is inside one of them. */
const members = new Groups();
const count = new Count();
const time = new Count();
const id = new StreamId();
const deleted = new StreamId();
const wholePlace = new StreamPlace();

/** All of the stream, at once. */
export function emitStream(value: StoredValue, effects: ValueEffects): void {
  let position = PLACE_NOTHING;
  while (position !== PARTS_END) {
    position = emitPart(value, position, EFFECT_BYTES_MAX, effects, wholePlace, null);
  }
  wholePlace.release();
}

/** As ValueParts.emit. Whole blocks go in their own form, where that is taken. */
export function emitStreamPart(
  value: StoredValue,
  position: number,
  budgetBytes: number,
  effects: ValueEffects,
  place: PartsPlace,
): number {
  const blocks = effects.takesParts ? blocksPart : null;
  return emitPart(value, position, budgetBytes, effects, place.stream, blocks);
}

/** @param blocks takes blocks in their own form; null: all goes as commands */
function emitPart(
  value: StoredValue,
  position: number,
  budgetBytes: number,
  effects: ValueEffects,
  place: StreamPlace,
  blocks: BlocksPart | null,
): number {
  part.begin(streamOfValue(value), position, budgetBytes, effects, place, blocks);
  return part.emit();
}

/** The entry that the stream is at. @returns about the bytes that it takes */
function emitEntry(stream: Stream, effects: ValueEffects): number {
  addId(effects.begin('XADD'), stream.id);
  stream.fields(fields);
  let bytes = COMMAND_BYTES;
  while (fields.left > 0) {
    fields.next();
    bytes += fields.nameLength + fields.valueLength;
    effects.bytes(fields.region, fields.nameOffset, fields.nameLength);
    if (fields.isInteger) {
      fields.copyValue(text, 0);
      effects.bytes(text, 0, fields.valueLength);
    } else effects.bytes(fields.region, fields.valueOffset, fields.valueLength);
  }
  effects.end();
  return bytes;
}

/** Makes the stream, without an entry. */
function emitNothing(effects: ValueEffects): void {
  effects.begin('XADD').word('MAXLEN').word('0').word(ID_OF_NOTHING).word('x').word('y').end();
}

/** What the root says. All entries are there. */
function emitFigures(stream: Stream, effects: ValueEffects): void {
  stream.lastId(id);
  stream.deletedId(deleted);
  // XSETID has lowered the last id: one command cannot say both.
  const isLowered = id.compare(deleted) < 0;
  addId(effects.begin('XSETID'), isLowered ? deleted : id);
  stream.added(count).addTo(effects.word('ENTRIESADDED'));
  addId(effects.word('MAXDELETEDID'), deleted).end();
  if (isLowered) addId(effects.begin('XSETID'), id).end();
}

/** A part. One for each thread. */
class StreamPart {
  private stream!: Stream;
  private effects!: ValueEffects;
  private place!: StreamPlace;
  private blocks: BlocksPart | null = null;
  private position = PLACE_NOTHING;
  private left = 0;
  private readonly deliveries = new Count();
  private readonly gone = new GoneMessages();
  /** A window: what is pending from `start` on, up to `limit`, or to `end` where the budget has ended it. */
  private readonly start = new StreamId();
  private readonly limit = new StreamId();
  private readonly end = new StreamId();

  begin(
    stream: Stream,
    position: number,
    budgetBytes: number,
    effects: ValueEffects,
    place: StreamPlace,
    blocks: BlocksPart | null,
  ): void {
    groups.open(stream);
    members.open(stream);
    this.stream = stream;
    this.position = position;
    this.left = budgetBytes;
    this.effects = effects;
    this.place = place;
    this.blocks = blocks;
  }

  /** @returns the position after it, or PARTS_END */
  emit(): number {
    if (this.position === PLACE_NOTHING) this.emitBeginning();
    if (this.position < PLACE_ENTRIES && !this.emitGroups()) return this.position;
    return this.emitWindows() ? PARTS_END : PLACE_ENTRIES;
  }

  private emitBeginning(): void {
    const { stream, effects, place } = this;
    const hasGroups = groups.firstGroup();
    if (hasGroups || stream.length === 0) emitNothing(effects);
    if (hasGroups) {
      addId(effects.begin('XSETID'), id.setLowest());
      stream.added(count).addTo(effects.word('ENTRIESADDED')).end();
    }
    this.position = PLACE_GROUPS;
    place.name.clear();
  }

  /** @returns whether these are all */
  private emitGroups(): boolean {
    const { name, inner, claimed } = this.place;
    let more = groups.seekGroup(name.region, 0, name.length);
    if (this.position === PLACE_CONSUMERS && !(more && isNamed(groups.name, name))) {
      throw new Error('stream: a group has gone while it was shipped');
    }
    for (; more; more = groups.nextGroup()) {
      if (this.position === PLACE_GROUPS) {
        name.set(groups.name.region, groups.name.offset, groups.name.length);
        if (this.left <= 0) return false;
        this.emitGroup();
      }
      members.number = groups.number;
      if (!this.emitConsumers()) return false;
      this.position = PLACE_GROUPS;
    }
    this.position = PLACE_ENTRIES;
    inner.setId(id.setLowest());
    claimed.setId(id);
    return true;
  }

  private spend(bytes: number): void {
    this.left -= bytes + COMMAND_BYTES;
  }

  private emitGroup(): void {
    const { effects, place } = this;
    const { name, lastId, entriesRead } = groups;
    beginOf(effects, name, 'XGROUP', 'CREATE');
    entriesRead.addTo(addId(effects, lastId).word('ENTRIESREAD')).end();
    this.spend(name.length);
    this.position = PLACE_CONSUMERS;
    place.inner.clear();
  }

  /** @returns whether these are all */
  private emitConsumers(): boolean {
    const { effects, place } = this;
    const { name } = groups;
    const { inner } = place;
    let more = members.seekConsumer(inner.region, 0, inner.length);
    for (; more; more = members.nextConsumer()) {
      const { consumerName } = members;
      if (this.left <= 0) {
        inner.set(consumerName.region, consumerName.offset, consumerName.length);
        return false;
      }
      beginOf(effects, name, 'XGROUP', 'CREATECONSUMER');
      effects.bytes(consumerName.region, consumerName.offset, consumerName.length).end();
      this.spend(name.length + consumerName.length);
    }
    return true;
  }

  /** Entries with what is pending of them, and the figures behind the last one. @returns whether that was all */
  private emitWindows(): boolean {
    while (this.left > 0) {
      if (!this.emitWindow()) continue;
      emitFigures(this.stream, this.effects);
      return true;
    }
    return false;
  }

  /** @returns whether nothing is left behind it */
  private emitWindow(): boolean {
    const { place, gone, stream, start, limit, end } = this;
    const finds = !this.effects.takesParts;
    if (!place.claimed.readId(start).increment()) return true;
    gone.look(groups, members, stream, start, limit, this.left, finds);
    place.inner.readId(end);
    const isCut = this.emitEntries();
    if (!isCut && end.compare(limit) < 0) end.copyFrom(limit);
    place.inner.setId(end);
    // A block may go on behind the window.
    if (end.compare(limit) > 0) end.copyFrom(limit);
    for (let more = groups.firstGroup(); more; more = groups.nextGroup()) {
      members.number = groups.number;
      this.emitPending();
    }
    this.removePlaceholders();
    place.claimed.setId(end);
    return !isCut && limit.isHighest;
  }

  /** Those of the window, and placeholders among them. @returns whether the budget has ended it */
  private emitEntries(): boolean {
    const { stream, gone, limit, end, effects, blocks } = this;
    const hasMore = id.copyFrom(end).increment() && stream.seek(id);
    let more = hasMore && stream.id.compare(limit) <= 0;
    let isCut = false;
    for (;;) {
      const isGone = gone.isNext(more ? stream.id : limit);
      if (!isGone && !more) break;
      isCut = this.left <= 0;
      if (isCut) break;
      if (isGone) {
        this.left -= COMMAND_BYTES;
        end.copyFrom(gone.takeNext());
        addId(effects.begin('XADD'), end).word('x').word('y').end();
        continue;
      }
      const bytes = blocks?.add(stream, effects) ?? 0;
      if (bytes > 0) stream.toBlockEnd();
      else blocks?.flush(effects);
      this.left -= bytes > 0 ? bytes : emitEntry(stream, effects);
      end.copyFrom(stream.id);
      more = stream.next() && stream.id.compare(limit) <= 0;
    }
    blocks?.flush(effects);
    return isCut;
  }

  /** What they were for is claimed. */
  private removePlaceholders(): void {
    const { gone, stream, effects } = this;
    if (stream.length === 0) {
      if (gone.takeTrimmed()) effects.begin('XTRIM').word('MAXLEN').word('0').end();
    } else if (gone.findTrimmed(stream, id)) addId(effects.begin('XTRIM').word('MINID'), id).end();
    while (gone.undeleted > 0) {
      effects.begin('XDEL');
      for (let i = Math.min(gone.undeleted, EFFECT_ELEMENTS_MAX); i > 0; i--) {
        addId(effects, gone.nextDeleted());
      }
      effects.end();
    }
  }

  /** What is pending of the window in the open group. */
  private emitPending(): void {
    const { effects, start, end } = this;
    const { name } = groups;
    let more = members.seekPending(start) && members.id.compare(end) <= 0;
    while (more) {
      const owner = members.nameOfOwner();
      beginOf(effects, name, 'XCLAIM').bytes(owner.region, owner.offset, owner.length).word('0');
      this.spend(name.length + owner.length);
      more = this.emitClaims();
    }
  }

  /**
   * The pending entry at hand, and those behind it with the same figures.
   * @returns whether another one of the window follows
   */
  private emitClaims(): boolean {
    const { effects, end } = this;
    const { owner, deliveredMs } = members;
    this.deliveries.copyFrom(members.deliveries);
    let more = true;
    let ids = 0;
    while (more && ids < EFFECT_ELEMENTS_MAX) {
      if (members.owner !== owner || members.deliveredMs !== deliveredMs) break;
      if (!members.deliveries.isSame(this.deliveries)) break;
      addId(effects, members.id);
      ids++;
      more = members.nextPending() && members.id.compare(end) <= 0;
    }
    addClaim(effects, deliveredMs, this.deliveries).end();
    this.spend(ids * CLAIM_ID_BYTES);
    return more;
  }
}

const part = new StreamPart();

function isNamed({ region, offset, length }: GroupName, name: PlaceBytes): boolean {
  return name.compare(region, offset, length) === 0;
}

function beginOf(
  effects: ValueEffects,
  name: GroupName,
  verb: string,
  subcommand = '',
): ValueEffects {
  return effects.begin(verb, subcommand).bytes(name.region, name.offset, name.length);
}

/** The options of XCLAIM that say what a pending entry is. */
export function addClaim(
  effects: ValueEffects,
  deliveredMs: number,
  deliveries: Count,
): ValueEffects {
  time.set(deliveredMs);
  time.addTo(effects.word('TIME'));
  deliveries.addTo(effects.word('RETRYCOUNT'));
  return effects.word('FORCE').word('JUSTID');
}
