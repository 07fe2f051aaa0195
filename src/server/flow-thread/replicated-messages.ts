/**
 * What a flow thread that follows a primary tells the subscribers of this server: messages that were
 * published on the primary, and the keyspace events of the effects that it applies, as a replica of
 * Redis does.
 */
import type { Region } from '../../base/region.js';
import { CHANNEL, type NameKind, SHARD_CHANNEL } from '../../commands/contract/pubsub-port.js';
import type { KeyspaceNotifications } from '../../engine/notifications.js';
import { EVENT_CLASSES } from '../../engine/pubsub/counters.js';
import { SubscriptionDirectory } from '../../engine/pubsub/directory.js';
import { ByteRange } from '../../engine/pubsub/message.js';
import { Publisher } from '../../engine/pubsub/publisher.js';
import type { ControlBlock, SharedWord } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import type { Arguments } from '../../protocol/parser.js';
import { EFFECT_PUBLISH, EFFECT_SHARD_PUBLISH } from '../channel/mail-kinds.js';
import { MessageSender } from '../channel/message-sender.js';
import type { KeylessKind } from './keyless-effects.js';

/** An effect: its name, the channel, the payload. */
const EFFECT_WORDS = 3;

export class ReplicatedMessages {
  /** How messages of the primary are applied. */
  readonly kinds: readonly KeylessKind[];
  private readonly publisher: Publisher;
  private readonly classes: SharedWord;
  private readonly channel: ByteRange;
  private readonly payload: ByteRange;
  private notifications: KeyspaceNotifications | null = null;

  /** @param directory memory of the SubscriptionDirectory */
  constructor(directory: Region, control: ControlBlock, thread: number, mailbox: Mailbox) {
    const sender = new MessageSender(mailbox);
    this.publisher = new Publisher({
      thread,
      threads: mailbox.receivers,
      directory: new SubscriptionDirectory(directory, control, thread),
      send: (to, message, length) => sender.send(to, message, length),
      deliver: () => {},
    });
    this.classes = control.word(EVENT_CLASSES);
    this.channel = new ByteRange(directory);
    this.payload = new ByteRange(directory);
    this.kinds = [
      { name: EFFECT_PUBLISH, apply: (args) => this.publishEffect(CHANNEL, args) },
      { name: EFFECT_SHARD_PUBLISH, apply: (args) => this.publishEffect(SHARD_CHANNEL, args) },
    ];
  }

  private publishEffect(kind: NameKind, args: Arguments): string | null {
    if (args.count !== EFFECT_WORDS) return 'a message has a channel and a payload';
    this.publish(kind, args);
    return null;
  }

  /** @param args an effect, or a command like one. @returns the number of subscribers */
  publish(kind: NameKind, args: Arguments): number {
    this.channel.set(args.region, args.offset[1]!, args.length[1]!);
    this.payload.set(args.region, args.offset[2]!, args.length[2]!);
    return this.publisher.send(kind, this.channel, this.payload);
  }

  /** Tells the events of these from now on, of effects or of a stream of commands. */
  tell(notifications: KeyspaceNotifications): void {
    notifications.publisher = this.publisher;
    this.notifications = notifications;
    notifications.setMask(this.classes.load());
  }

  /** After effects were applied, and their locks given back. */
  flush(): void {
    if (this.notifications?.isPending) this.notifications.flush();
    this.look();
  }

  /** Which events are told: the directive may have changed, or somebody has subscribed. */
  look(): void {
    this.notifications?.setMask(this.classes.load());
  }
}
