/**
 * Publish and subscribe on an I/O thread: joins the engine's part to the mailboxes and the clients'
 * connections.
 *
 * A thread may be behind for long (DEBUG SLEEP, one slow command), and a mailbox keeps a bounded number
 * of bytes. What is beyond that is lost. Then the thread closes its subscribers, as it does with
 * readers that are too slow: none of them misses a message without noticing.
 */

import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes } from '../../base/region.js';
import { CHANNEL, type NameKind } from '../../commands/contract/pubsub-port.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import { GATE_MONITOR } from '../../engine/gates.js';
import { SubscriptionDirectory } from '../../engine/pubsub/directory.js';
import type { ByteRange } from '../../engine/pubsub/message.js';
import { PubSub } from '../../engine/pubsub/pubsub.js';
import type { ClientSession } from '../../engine/session.js';
import type { KeylessStream } from '../../journal/keyless-stream.js';
import type { ControlBlock } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import type { Frontend } from '../../net/frontend.js';
import { attachPagedRegion } from '../../platform/ffi/region.js';
import { Arguments } from '../../protocol/parser.js';
import {
  EFFECT_PUBLISH,
  EFFECT_SHARD_PUBLISH,
  MAIL_LOST,
  MAIL_PUBLISHED,
} from '../channel/mail-kinds.js';
import { MessageSender } from '../channel/message-sender.js';

const INITIAL_BYTES = 4096;
/** A region grown beyond this is not kept. */
const KEPT_BYTES = 1 << 20;

export interface ThreadPubSubParts {
  readonly thread: number;
  readonly threads: number;
  /** Of the SubscriptionDirectory. */
  readonly directory: SharedArrayBuffer;
  readonly control: ControlBlock;
  readonly mailbox: Mailbox;
  readonly frontend: Frontend<ClientSession>;
  readonly dispatcher: Dispatcher;
  readonly keyless: KeylessStream;
  /** All clients of the thread. */
  readonly sessions: Iterable<ClientSession>;
  readonly warn: (text: string) => void;
}

export class ThreadPubSub {
  readonly pubsub: PubSub;
  readonly directory: SubscriptionDirectory;
  /** A message as an effect. */
  private readonly effect = new Arguments();

  constructor(private readonly parts: ThreadPubSubParts) {
    const { thread, threads, control, mailbox, frontend, dispatcher } = parts;
    const region = attachPagedRegion(parts.directory);
    this.directory = new SubscriptionDirectory(region, control, thread);
    this.effect.region = newRegion(INITIAL_BYTES);
    const sender = new MessageSender(mailbox);
    this.pubsub = new PubSub({
      thread,
      threads,
      directory: this.directory,
      output: frontend,
      command: dispatcher,
      reply: dispatcher.reply,
      send: (to, message, length) => sender.send(to, message, length),
      replicate: (kind, channel, payload) => this.replicate(kind, channel, payload),
      events: dispatcher.notifications,
      monitored: () => {
        // Commands that follow in this turn are shown already.
        dispatcher.gates |= GATE_MONITOR;
      },
    });
    dispatcher.notifications.publisher = this.pubsub.publisher;
    dispatcher.monitors.publisher = this.pubsub.publisher;
    mailbox.handles(MAIL_PUBLISHED, (message, offset) => this.pubsub.receive(message, offset));
    mailbox.handles(MAIL_LOST, () => this.closeSubscribers());
  }

  /** Messages are effects of the stream without keys: replicas publish them too. */
  private replicate(kind: NameKind, channel: ByteRange, payload: ByteRange): void {
    const { keyless } = this.parts;
    if (!keyless.isOn) return;
    const { effect } = this;
    const name = kind === CHANNEL ? EFFECT_PUBLISH : EFFECT_SHARD_PUBLISH;
    const bytes = name.length + channel.length + payload.length;
    effect.region = withRoom(effect.region, 0, bytes);
    effect.count = 0;
    effect.region.bytes.set(Buffer.from(name, 'latin1'));
    effect.push(0, name.length);
    copyBytes(effect.region, name.length, channel.region, channel.offset, channel.length);
    effect.push(name.length, channel.length);
    const at = name.length + channel.length;
    copyBytes(effect.region, at, payload.region, payload.offset, payload.length);
    effect.push(at, payload.length);
    keyless.append(effect);
    if (effect.region.length <= KEPT_BYTES) return;
    giveBack(effect.region);
    effect.region = newRegion(INITIAL_BYTES);
  }

  private closeSubscribers(): void {
    const { sessions, frontend, warn } = this.parts;
    const subscribed = [...sessions].filter(({ subscriptions }) => subscriptions !== null);
    if (subscribed.length === 0) return;
    warn(`Closing ${subscribed.length} subscribers: this thread was too far behind their messages`);
    for (const session of subscribed) frontend.endSession(session);
  }
}
