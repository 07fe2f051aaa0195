/**
 * Following a Redis, as one thread does it: what commands of its stream run through, made once, and the
 * connections. In a file of its own, as it brings all commands along and is needed by few.
 */
import { BLOCKING_KEYS } from '../../engine/counters.js';
import type { KeyspaceNotifications } from '../../engine/notifications.js';
import { TRACKING_CLIENTS } from '../../engine/tracking/counters.js';
import { JOURNAL_FILLING, JOURNAL_WRITTEN } from '../../journal/counters.js';
import type { JournalRing } from '../../journal/ring.js';
import type { Shards } from '../../keyspace/shards.js';
import type { TrackedPrefixes } from '../../keyspace/tracked-prefixes.js';
import type { Claims } from '../../memory/claims.js';
import type { ControlBlock } from '../../memory/control.js';
import { SharedText } from '../../memory/shared-text.js';
import { StreamLocks } from '../../replication/stream-locks.js';
import type { SendingMailbox } from '../channel/mailboxes.js';
import type { FlowThreadData, FollowRedis, RedisEvent } from '../channel/main-flow.js';
import { FollowedRedis } from './followed-redis.js';
import type { LinkTimes } from './link-times.js';
import { RedisLoad } from './redis-load.js';
import { createRedisTarget, type RedisTarget } from './redis-target.js';
import type { ReplicatedMessages } from './replicated-messages.js';

export interface RedisFollowingParts {
  readonly data: FlowThreadData;
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  readonly control: ControlBlock;
  readonly claims: Claims;
  readonly mail: SendingMailbox;
  readonly prefixes: TrackedPrefixes;
  readonly messages: ReplicatedMessages;
  readonly times: LinkTimes;
}

export interface RedisListener {
  readonly event: (event: RedisEvent) => void;
  readonly ended: (reason: string) => void;
}

export class RedisFollowing {
  private readonly target: RedisTarget;
  private readonly locks: StreamLocks;
  private notice: (text: string) => void = () => {};

  constructor(private readonly parts: RedisFollowingParts) {
    const { data, shards, rings, control, claims, mail, prefixes, messages } = parts;
    this.locks = new StreamLocks(shards, rings, data.thread + 1);
    this.target = createRedisTarget(shards, {
      ...{ thread: data.thread, rings, claims, prefixes },
      filling: control.signal(JOURNAL_FILLING),
      mailbox: mail.mailbox,
      blockingKeys: control.word(BLOCKING_KEYS),
      trackingClients: control.word(TRACKING_CLIENTS),
      configBuffer: data.configBuffer,
      recordsBuffer: data.recordsBuffer,
      librariesBuffer: data.librariesBuffer,
      publish: (kind, message) => messages.publish(kind, message),
      warn: (text) => this.notice(text),
    });
  }

  get notifications(): KeyspaceNotifications {
    return this.target.applier.dispatcher.notifications;
  }

  /** One connection at a time. */
  follow(command: FollowRedis, { event, ended }: RedisListener): FollowedRedis {
    const { target } = this;
    const { times } = this.parts;
    this.notice = (text) => event({ kind: 'notice', text });
    const listener = { event, ended, applied: () => this.applied() };
    return new FollowedRedis(command, {
      target,
      times,
      listener,
      createLoad: () => this.createLoad(),
    });
  }

  /** Others hear of what was applied: our replicas, subscribers, clients with caches. */
  private applied(): void {
    const { control, messages, mail } = this.parts;
    if (this.target.takeWrote()) control.signal(JOURNAL_WRITTEN).raise();
    this.target.applier.invalidate();
    messages.flush();
    mail.flush();
  }

  private createLoad(): RedisLoad {
    const { rings, data } = this.parts;
    const { dispatcher } = this.target.applier;
    return new RedisLoad({
      keys: dispatcher.keys,
      limits: dispatcher.settings,
      libraries: new SharedText(data.librariesBuffer),
      ...{ rings, locks: this.locks, notice: this.notice },
    });
  }
}
