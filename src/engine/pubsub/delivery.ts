/**
 * Messages to the subscribers that this thread serves. A message is encoded once for each list of a
 * channel, or of a pattern; RESP2 and RESP3 differ in its first byte. It is stored once for all
 * clients of a list that speak the same protocol.
 */
import { giveBack, newRegion } from '../../base/owned-region.js';
import type { Region } from '../../base/region.js';
import { MONITOR, SHARD_CHANNEL } from '../../commands/contract/pubsub-port.js';
import { REPLY_ON } from '../../commands/contract/session.js';
import { Reply } from '../../protocol/reply.js';
import type { ClientSession } from '../session.js';
import {
  ByteRange,
  LIST_BYTES,
  LIST_NUMBER,
  LIST_VERSION,
  MESSAGE_CHANNEL_BYTES,
  MESSAGE_HEADER_BYTES,
  MESSAGE_KIND,
  MESSAGE_LISTS,
  MESSAGE_PAYLOAD_BYTES,
} from './message.js';
import { isIncluded, type SubscriberList, type SubscriberLists } from './subscriber-lists.js';

/** Bytes that a client gets outside of its own commands, as net/frontend.ts has it. */
export interface PushOutput {
  /** Keeps bytes for any number of `pushStaged`. */
  stage(region: Region, offset: number, length: number): void;
  pushStaged(session: ClientSession): boolean;
}

/** Whose command is under way, and the reply that it writes to. */
export interface CommandUnderWay {
  readonly session: ClientSession;
}

const INITIAL_BYTES = 4096;
/** A region grown beyond this is not kept. */
const KEPT_BYTES = 1 << 20;
const ARRAY = 42;
const PUSH = 62;

export class Delivery {
  private readonly encoded = new Reply(newRegion(INITIAL_BYTES));
  private readonly channel: ByteRange;
  private readonly payload: ByteRange;
  /** What is encoded is a line of MONITOR, the same in both protocols. */
  private isLine = false;

  /**
   * @param reply where the command under way writes what its client gets
   */
  constructor(
    private readonly thread: number,
    private readonly lists: SubscriberLists,
    private readonly output: PushOutput,
    private readonly command: CommandUnderWay,
    private readonly reply: Reply,
  ) {
    this.encoded.protocol = 3;
    this.channel = new ByteRange(this.encoded.region);
    this.payload = new ByteRange(this.encoded.region);
  }

  /** Delivers the message (message.ts) at this offset to the lists of this thread. */
  deliver(region: Region, offset: number): void {
    const { view } = region;
    const kind = view.getInt32(offset + MESSAGE_KIND, true);
    const channelBytes = view.getInt32(offset + MESSAGE_CHANNEL_BYTES, true);
    const payloadBytes = view.getInt32(offset + MESSAGE_PAYLOAD_BYTES, true);
    const first = offset + MESSAGE_HEADER_BYTES;
    const end = first + view.getInt32(offset + MESSAGE_LISTS, true) * LIST_BYTES;
    this.channel.set(region, end, channelBytes);
    this.payload.set(region, end + channelBytes, payloadBytes);
    for (let at = first; at < end; at += LIST_BYTES) {
      if (view.getInt32(at, true) !== this.thread) continue;
      const list = this.lists.at(view.getInt32(at + LIST_NUMBER, true));
      if (list === null) continue;
      this.encode(kind, list.pattern);
      const version = view.getInt32(at + LIST_VERSION, true);
      this.push(list, version, 2);
      this.push(list, version, 3);
    }
    this.forgetLarge();
  }

  private encode(kind: number, pattern: ByteRange | null): void {
    const { encoded, channel, payload } = this;
    encoded.rewind(0);
    this.isLine = kind === MONITOR;
    if (this.isLine) {
      encoded.raw(payload.region, payload.offset, payload.length);
      return;
    }
    encoded.push(pattern === null ? 3 : 4);
    if (pattern !== null) {
      encoded.bulkBinary('pmessage');
      encoded.bulk(pattern.region, pattern.offset, pattern.length);
    } else {
      encoded.bulkBinary(kind === SHARD_CHANNEL ? 'smessage' : 'message');
    }
    encoded.bulk(channel.region, channel.offset, channel.length);
    encoded.bulk(payload.region, payload.offset, payload.length);
  }

  /** Pushes what is encoded to the clients of a list that speak a protocol. */
  private push({ sessions, since }: SubscriberList, version: number, protocol: number): void {
    const { encoded, output } = this;
    let isStaged = false;
    for (let i = 0; i < sessions.length; i++) {
      const session = sessions[i]!;
      if (session.protocol !== protocol || !isIncluded(since[i]!, version)) continue;
      if (!isStaged) {
        if (!this.isLine) encoded.region.bytes[encoded.start] = protocol === 2 ? ARRAY : PUSH;
        output.stage(encoded.region, encoded.start, encoded.length);
        isStaged = true;
      }
      if (session.replyMode === REPLY_ON || session !== this.command.session) {
        output.pushStaged(session);
      } else {
        this.pushToSilent(session);
      }
    }
  }

  /** CLIENT REPLY does not silence messages, also not in the reply of the client's own command. */
  private pushToSilent(session: ClientSession): void {
    const mark = this.reply.mark();
    this.output.pushStaged(session);
    // Outside of the client's command nothing was written here.
    if (this.reply.mark() > mark) this.reply.keep(mark);
  }

  private forgetLarge(): void {
    const { encoded } = this;
    if (encoded.region.length <= KEPT_BYTES) return;
    giveBack(encoded.region);
    encoded.region = newRegion(INITIAL_BYTES);
    encoded.start = 0;
    encoded.position = 0;
    encoded.limit = INITIAL_BYTES;
  }
}
