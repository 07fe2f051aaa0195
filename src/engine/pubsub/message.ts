/**
 * A message on its way to the threads that have subscribers: one run of bytes for all of them, each
 * finds its own lists in it.
 *
 *      0  i32  kind of the channel
 *      4  i32  number of lists
 *      8  i32  bytes of the channel
 *     12  i32  bytes of the payload
 *     16  for each list: i32 thread | i32 list | i32 version, the channel's first, then patterns'
 *         the channel | the payload
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { ENTRY_LIST, ENTRY_SUBSCRIBERS, ENTRY_THREAD, ENTRY_VERSION } from './directory.js';

export const MESSAGE_KIND = 0;
export const MESSAGE_LISTS = 4;
export const MESSAGE_CHANNEL_BYTES = 8;
export const MESSAGE_PAYLOAD_BYTES = 12;
export const MESSAGE_HEADER_BYTES = 16;
export const LIST_BYTES = 12;
export const LIST_NUMBER = 4;
export const LIST_VERSION = 8;

const INITIAL_BYTES = 4096;
/** A region grown beyond this is not kept. */
const KEPT_BYTES = 1 << 20;

/** A run of bytes, in a record that is reused. */
export class ByteRange {
  offset = 0;
  length = 0;

  constructor(public region: Region) {}

  set(region: Region, offset: number, length: number): void {
    this.region = region;
    this.offset = offset;
    this.length = length;
  }
}

/** The message being composed: one a thread, reused. */
export class OutgoingMessage {
  region = newRegion(INITIAL_BYTES);
  length = 0;
  lists = 0;
  /** Clients on all lists. */
  subscribers = 0;
  /** By thread: whether it has a list in the message. */
  readonly threads: Uint8Array;

  constructor(threads: number) {
    this.threads = new Uint8Array(threads);
  }

  begin(kind: number): void {
    if (this.region.length > KEPT_BYTES) {
      giveBack(this.region);
      this.region = newRegion(INITIAL_BYTES);
    }
    this.length = MESSAGE_HEADER_BYTES;
    this.lists = 0;
    this.subscribers = 0;
    this.threads.fill(0);
    this.region.view.setInt32(MESSAGE_KIND, kind, true);
  }

  /** Adds the list of a directory entry. */
  addList(source: Region, entry: number): void {
    this.reserve(LIST_BYTES);
    const { view } = this.region;
    const at = this.length;
    const thread = source.view.getInt32(entry + ENTRY_THREAD, true);
    view.setInt32(at, thread, true);
    view.setInt32(at + LIST_NUMBER, source.view.getInt32(entry + ENTRY_LIST, true), true);
    view.setInt32(at + LIST_VERSION, source.view.getInt32(entry + ENTRY_VERSION, true), true);
    this.length = at + LIST_BYTES;
    this.lists++;
    this.subscribers += source.view.getInt32(entry + ENTRY_SUBSCRIBERS, true);
    this.threads[thread] = 1;
  }

  /** After the last list. */
  end(channel: ByteRange, payload: ByteRange): void {
    this.reserve(channel.length + payload.length);
    const { region } = this;
    region.view.setInt32(MESSAGE_LISTS, this.lists, true);
    region.view.setInt32(MESSAGE_CHANNEL_BYTES, channel.length, true);
    region.view.setInt32(MESSAGE_PAYLOAD_BYTES, payload.length, true);
    this.append(channel);
    this.append(payload);
  }

  private append({ region, offset, length }: ByteRange): void {
    copyBytes(this.region, this.length, region, offset, length);
    this.length += length;
  }

  private reserve(bytes: number): void {
    this.region = withRoom(this.region, this.length, this.length + bytes);
  }
}
