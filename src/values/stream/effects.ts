/**
 * The commands that rebuild a stream: its entries, what the root says beyond them, then each group with
 * its consumers and pending entries.
 *
 *     DEL key
 *     XADD key id field value …              for each entry
 *     XADD key MAXLEN 0 id x y               when there is none
 *     XSETID key id ENTRIESADDED n MAXDELETEDID id
 *     XGROUP CREATE key group id ENTRIESREAD n
 *     XGROUP CREATECONSUMER key group consumer
 *     XCLAIM key group consumer 0 id … TIME ms RETRYCOUNT n FORCE JUSTID
 *
 * Who replays XCLAIM takes a pending entry also when the stream has that entry no longer. Neighbours
 * with the same figures are one command.
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
import { type GroupName, Groups } from './groups.js';
import { type BlocksPart, blocksPart } from './native-parts.js';
import {
  PLACE_CONSUMERS,
  PLACE_ENTRIES,
  PLACE_GROUPS,
  PLACE_NOTHING,
  PLACE_PENDING,
  StreamPlace,
} from './place.js';
import type { Stream } from './stream.js';
import { idText, StreamId } from './stream-id.js';
import { streamOfValue } from './views.js';

const INTEGER_TEXT_BYTES = 24;
/** An id that any stream's last id may follow. */
const ID_OF_NOTHING = '0-1';
/** About what a command takes besides the names and values in it. */
const COMMAND_BYTES = 64;
const CLAIM_ID_BYTES = 24;

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
  const stream = streamOfValue(value);
  if (position < PLACE_GROUPS) {
    return emitEntries(stream, position, budgetBytes, effects, place, blocks);
  }
  part.begin(stream, position, budgetBytes, effects, place);
  return part.emit();
}

function emitEntries(
  stream: Stream,
  position: number,
  budgetBytes: number,
  effects: ValueEffects,
  place: StreamPlace,
  blocks: BlocksPart | null,
): number {
  let more: boolean;
  if (position === PLACE_NOTHING) {
    more = stream.seek(id.setLowest());
    if (!more) emitNothing(effects);
  } else more = place.inner.readId(id).increment() && stream.seek(id);
  for (let left = budgetBytes; more; more = stream.next()) {
    const bytes = blocks?.add(stream, effects) ?? 0;
    if (bytes > 0) stream.toBlockEnd();
    else blocks?.flush(effects);
    left -= bytes > 0 ? bytes : emitEntry(stream, effects);
    if (left > 0) continue;
    blocks?.flush(effects);
    // The last entry may be among these: the next part finds that out.
    place.inner.setId(stream.id);
    return PLACE_ENTRIES;
  }
  blocks?.flush(effects);
  emitFigures(stream, effects);
  place.name.clear();
  return PLACE_GROUPS;
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

/** A part of the groups. One for each thread. */
class GroupsPart {
  private effects!: ValueEffects;
  private place!: StreamPlace;
  private position = PLACE_GROUPS;
  private left = 0;
  private readonly deliveries = new Count();

  begin(
    stream: Stream,
    position: number,
    budgetBytes: number,
    effects: ValueEffects,
    place: StreamPlace,
  ): void {
    groups.open(stream);
    members.open(stream);
    this.position = position;
    this.left = budgetBytes;
    this.effects = effects;
    this.place = place;
  }

  /** @returns the position after it, or PARTS_END */
  emit(): number {
    const { name } = this.place;
    let more = groups.seekGroup(name.region, 0, name.length);
    if (this.position !== PLACE_GROUPS && !(more && isNamed(groups.name, name))) {
      throw new Error('stream: a group has gone while it was shipped');
    }
    for (; more; more = groups.nextGroup()) {
      if (this.position === PLACE_GROUPS) {
        name.set(groups.name.region, groups.name.offset, groups.name.length);
        if (this.left <= 0) return PLACE_GROUPS;
        this.emitGroup();
      }
      members.number = groups.number;
      if (this.position === PLACE_CONSUMERS && !this.emitConsumers()) return this.position;
      if (!this.emitPending()) return this.position;
      this.position = PLACE_GROUPS;
    }
    return PARTS_END;
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
    this.position = PLACE_PENDING;
    inner.setId(id.setLowest());
    return true;
  }

  /** @returns whether these are all */
  private emitPending(): boolean {
    const { effects, place } = this;
    const { name } = groups;
    let more = members.seekPending(place.inner.readId(id));
    while (more) {
      if (this.left <= 0) {
        place.inner.setId(members.id);
        return false;
      }
      const owner = members.nameOfOwner();
      beginOf(effects, name, 'XCLAIM').bytes(owner.region, owner.offset, owner.length).word('0');
      this.spend(name.length + owner.length);
      more = this.emitClaims();
    }
    return true;
  }

  /** The pending entry at hand, and those behind it with the same figures. @returns as nextPending */
  private emitClaims(): boolean {
    const { effects } = this;
    const { owner, deliveredMs } = members;
    this.deliveries.copyFrom(members.deliveries);
    let more = true;
    let ids = 0;
    for (; more && ids < EFFECT_ELEMENTS_MAX; more = members.nextPending()) {
      if (members.owner !== owner || members.deliveredMs !== deliveredMs) break;
      if (!members.deliveries.isSame(this.deliveries)) break;
      addId(effects, members.id);
      ids++;
    }
    addClaim(effects, deliveredMs, this.deliveries).end();
    this.spend(ids * CLAIM_ID_BYTES);
    return more;
  }
}

const part = new GroupsPart();

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

export function addId(effects: ValueEffects, value: StreamId): ValueEffects {
  return effects.bytes(idText, 0, value.writeText(idText, 0));
}
