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
import { ByteQueue } from '../../base/byte-queue.js';
import type { Region } from '../../base/region.js';
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
  readonly bytes = new ByteQueue(INITIAL_BYTES, KEPT_BYTES);
  lists = 0;
  /** Clients on all lists. */
  subscribers = 0;
  /** By thread: whether it has a list in the message. */
  readonly threads: Uint8Array;

  constructor(threads: number) {
    this.threads = new Uint8Array(threads);
  }

  begin(kind: number): void {
    const { bytes } = this;
    bytes.clear();
    bytes.reserve(MESSAGE_HEADER_BYTES);
    bytes.used = MESSAGE_HEADER_BYTES;
    bytes.region.view.setInt32(MESSAGE_KIND, kind, true);
    this.lists = 0;
    this.subscribers = 0;
    this.threads.fill(0);
  }

  /** Adds the list of a directory entry. */
  addList(source: Region, entry: number): void {
    const { bytes } = this;
    const thread = source.view.getInt32(entry + ENTRY_THREAD, true);
    bytes.appendWord(thread);
    bytes.appendWord(source.view.getInt32(entry + ENTRY_LIST, true));
    bytes.appendWord(source.view.getInt32(entry + ENTRY_VERSION, true));
    this.lists++;
    this.subscribers += source.view.getInt32(entry + ENTRY_SUBSCRIBERS, true);
    this.threads[thread] = 1;
  }

  /** After the last list. */
  end(channel: ByteRange, payload: ByteRange): void {
    const { bytes } = this;
    const { view } = bytes.region;
    view.setInt32(MESSAGE_LISTS, this.lists, true);
    view.setInt32(MESSAGE_CHANNEL_BYTES, channel.length, true);
    view.setInt32(MESSAGE_PAYLOAD_BYTES, payload.length, true);
    bytes.append(channel.region, channel.offset, channel.length);
    bytes.append(payload.region, payload.offset, payload.length);
  }
}
