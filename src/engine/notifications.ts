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
import { ByteQueue } from '../base/byte-queue.js';
import { newRegion } from '../base/owned-region.js';
import type { Region } from '../base/region.js';
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
  private readonly waiting = new ByteQueue(INITIAL_BYTES, WAITING_BYTES_MAX);
  private readonly composed = new ByteQueue(INITIAL_BYTES, WAITING_BYTES_MAX);
  private readonly channel = new ByteRange(this.composed.region);
  private readonly payload = new ByteRange(this.waiting.region);
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
    const { waiting } = this;
    if (waiting.used + length > WAITING_BYTES_MAX) this.flush();
    waiting.appendWord(event.index);
    waiting.appendWord(database);
    waiting.appendWord(length);
    waiting.append(region, offset, length);
    this.isPending = true;
  }

  /** Publishes all that waits. */
  flush(): void {
    const { region, used } = this.waiting;
    this.isPending = false;
    try {
      for (let at = 0; at < used; ) {
        const length = region.view.getInt32(at + 8, true);
        this.publish(region, at, length);
        at += HEADER_BYTES + length;
      }
    } finally {
      this.waiting.clear();
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
    const { composed } = this;
    composed.clear();
    composed.appendText(prefix);
    composed.append(region, offset, length);
    this.channel.set(composed.region, 0, composed.used);
  }
}

function rangeOf(text: string): ByteRange {
  const range = new ByteRange(newRegion(text.length));
  range.region.bytes.set(Buffer.from(text, 'latin1'));
  range.length = text.length;
  return range;
}
