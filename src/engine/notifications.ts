/**
 * Keyspace notifications: tells subscribers of the keyspace events that commands raise. An event is
 * raised while its key's shard is locked; it waits here until the locks are given back, and is then
 * published twice, as notify-keyspace-events says:
 *
 *     __keyspace@<database>__:<key>     with the event's name
 *     __keyevent@<database>__:<name>    with the key
 *
 * What waits, one event after the other:
 *
 *     i32 index in KEYSPACE_EVENTS | i32 database | i32 bytes of the key | the key
 *
 * A command with very many events (DEL of a million keys) publishes some of them before it ends, so
 * that what waits is bounded.
 */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import { CHANNEL } from '../commands/contract/pubsub-port.js';
import {
  KEYSPACE_EVENTS,
  type KeyspaceEvent,
  TOLD_BY_EVENT,
  TOLD_BY_KEY,
} from '../keyspace/events.js';
import type { EventListener } from '../keyspace/mutation.js';
import { ByteRange } from './pubsub/message.js';
import type { Publisher } from './pubsub/publisher.js';

const INITIAL_BYTES = 4096;
const HEADER_BYTES = 12;
/** More than this does not wait, but for one key. */
const WAITING_BYTES_MAX = 1 << 20;

export class KeyspaceNotifications {
  isPending = false;
  /** Publishes; set in the wiring. Without one, nobody is told. */
  publisher: Publisher | null = null;
  private mask = 0;
  private region = newRegion(INITIAL_BYTES);
  private used = 0;
  private composed = newRegion(INITIAL_BYTES);
  private readonly channel = new ByteRange(this.region);
  private readonly payload = new ByteRange(this.region);
  private readonly names: readonly ByteRange[] = KEYSPACE_EVENTS.map(({ name }) => rangeOf(name));
  private readonly listener: EventListener = (event, database, region, offset, length) => {
    if ((this.mask & event.bit) === 0 || !this.publisher!.hasListeners(CHANNEL)) return;
    this.add(event, database, region, offset, length);
  };

  /** @param keys the keyspace whose events are told */
  constructor(private readonly keys: { listener: EventListener | null }) {}

  /** Which classes are told, and by which channels, as eventMask gives it. 0: none. */
  setMask(mask: number): void {
    this.mask = mask;
    const isOn = (mask & (TOLD_BY_KEY | TOLD_BY_EVENT)) !== 0 && this.publisher !== null;
    this.keys.listener = isOn ? this.listener : null;
  }

  private add(
    event: KeyspaceEvent,
    database: number,
    region: Region,
    offset: number,
    length: number,
  ): void {
    if (this.used + length > WAITING_BYTES_MAX) this.flush();
    const at = this.used;
    const end = at + HEADER_BYTES + length;
    this.region = withRoom(this.region, at, end);
    const { view } = this.region;
    view.setInt32(at, event.index, true);
    view.setInt32(at + 4, database, true);
    view.setInt32(at + 8, length, true);
    copyBytes(this.region, at + HEADER_BYTES, region, offset, length);
    this.used = end;
    this.isPending = true;
  }

  /** Publishes all that waits. */
  flush(): void {
    const { used, region } = this;
    this.isPending = false;
    this.used = 0;
    for (let at = 0; at < used; ) {
      const length = region.view.getInt32(at + 8, true);
      this.publish(region, at, length);
      at += HEADER_BYTES + length;
    }
    if (region.length > WAITING_BYTES_MAX) {
      giveBack(region);
      this.region = newRegion(INITIAL_BYTES);
    }
  }

  private publish(region: Region, at: number, keyBytes: number): void {
    const name = this.names[region.view.getInt32(at, true)]!;
    const database = region.view.getInt32(at + 4, true);
    const { channel, payload, mask } = this;
    if ((mask & TOLD_BY_KEY) !== 0) {
      payload.set(region, at + HEADER_BYTES, keyBytes);
      this.compose(`__keyspace@${database}__:`, payload);
      this.publisher!.send(CHANNEL, channel, name);
    }
    if ((mask & TOLD_BY_EVENT) !== 0) {
      this.compose(`__keyevent@${database}__:`, name);
      payload.set(region, at + HEADER_BYTES, keyBytes);
      this.publisher!.send(CHANNEL, channel, payload);
    }
  }

  /** Makes the channel of a prefix and a name. */
  private compose(prefix: string, { region, offset, length }: ByteRange): void {
    const start = prefix.length;
    this.composed = withRoom(this.composed, 0, start + length);
    const { composed } = this;
    for (let i = 0; i < start; i++) composed.bytes[i] = prefix.charCodeAt(i);
    copyBytes(composed, start, region, offset, length);
    this.channel.set(composed, 0, start + length);
    if (composed.length <= WAITING_BYTES_MAX) return;
    // What is sent is copied, so the region is dropped after that.
    this.composed = newRegion(INITIAL_BYTES);
  }
}

function rangeOf(text: string): ByteRange {
  const range = new ByteRange(newRegion(text.length));
  range.region.bytes.set(Buffer.from(text, 'latin1'));
  range.length = text.length;
  return range;
}
