/**
 * A flow thread: a Worker with an event loop of its own that serves flows of our replicas and
 * follows flows of our primary. The threads are started when the first flow comes.
 */

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { BLOCKING_KEYS } from '../../engine/counters.js';
import { TRACKING_CLIENTS } from '../../engine/tracking/counters.js';
import { JOURNAL_WRITTEN } from '../../journal/counters.js';
import { NewestCut } from '../../journal/cuts.js';
import { JournalRing } from '../../journal/ring.js';
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import { Shards } from '../../keyspace/shards.js';
import { TrackedPrefixes } from '../../keyspace/tracked-prefixes.js';
import { Claims } from '../../memory/claims.js';
import type { ControlBlock } from '../../memory/control.js';
import { SharedText } from '../../memory/shared-text.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { attachPagedRegion, attachRegion } from '../../platform/ffi/region.js';
import { yieldToOthers } from '../../platform/ffi/thread-priority.js';
import { loadModule } from '../../platform/load-module.js';
import { startProfile, stopProfile } from '../../platform/profile.js';
import { streamsOf } from '../../replication/primary/primary-state.js';
import { SyncSession } from '../../replication/primary/sync-session.js';
import { PendingStreams } from '../../replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import { SyncProgress } from '../../replication/replica/sync-progress.js';
import { attachControl } from '../channel/control.js';
import { SendingMailbox } from '../channel/mailboxes.js';
import type {
  FlowThreadData,
  FlowToMain,
  FollowFlow,
  FollowRedis,
  MainToFlow,
  RedisEvent,
  ServeFlow,
} from '../channel/main-flow.js';
import type { EffectApplier } from './effect-applier.js';
import { FollowedFlow } from './followed-flow.js';
import type { FollowedRedis } from './followed-redis.js';
import { KeylessEffects } from './keyless-effects.js';
import { librariesEffect } from './libraries-effect.js';
import type { RedisFollowing } from './redis-following.js';
import { ReplicatedMessages } from './replicated-messages.js';
import { ServedFlow } from './served-flow.js';

class FlowThread {
  private readonly flows = new Map<number, ServedFlow | FollowedFlow | FollowedRedis>();
  private readonly shards: Shards;
  private readonly rings: readonly JournalRing[];
  private readonly cuts: NewestCut;
  private readonly owner: number;
  private readonly elements: ElementsByVerb;
  private readonly control: ControlBlock;
  private readonly messages: ReplicatedMessages;
  private readonly keyless: KeylessEffects;
  private readonly mail: SendingMailbox;
  private readonly claims: Claims;
  private readonly prefixes: TrackedPrefixes;
  private target: EffectApplier | null = null;
  /** What follows a Redis, once there was one to follow. */
  private redis: Promise<RedisFollowing> | null = null;
  /** Flows that begin when it is there. */
  private readonly starting = new Set<number>();

  constructor(
    private readonly data: FlowThreadData,
    private readonly report: (report: FlowToMain) => void,
  ) {
    this.control = attachControl(data.controlBuffer, data.ioThreads, data.commands);
    this.shards = new Shards(
      data.shardBuffers.map((buffer) => attachPagedRegion(buffer)),
      data.databases,
      this.control.words,
      this.control.word(USED_PAGES).index,
      data.thread,
    );
    this.rings = data.ringBuffers.map((buffer) => new JournalRing(attachRegion(buffer)));
    this.owner = data.thread + 1;
    this.prefixes = new TrackedPrefixes(new SharedText(data.prefixesBuffer), data.ioThreads);
    this.claims = new Claims(data.mailboxes.claims);
    this.mail = new SendingMailbox(data.mailboxes, data.thread);
    const directory = attachPagedRegion(data.subscriptionsBuffer);
    const { mailbox } = this.mail;
    this.messages = new ReplicatedMessages(directory, this.control, data.thread, mailbox);
    this.keyless = new KeylessEffects([
      ...this.messages.kinds,
      librariesEffect(new SharedText(data.librariesBuffer)),
    ]);
    this.elements = data.elements;
    this.cuts = new NewestCut(data.cutsBuffer, this.owner);
  }

  take(command: Exclude<MainToFlow, { kind: 'stop' }>): void {
    if (command.kind === 'serve') this.serve(command);
    else if (command.kind === 'follow') this.follow(command);
    else if (command.kind === 'follow-redis') void this.followRedis(command);
    else {
      const flow = this.flows.get(command.flow);
      if (command.kind === 'end' && flow !== undefined) flow.end('');
      else if (command.kind === 'end' && this.starting.delete(command.flow)) {
        this.ended(command.flow, '');
      } else if (flow !== undefined && !(flow instanceof ServedFlow)) flow.go();
    }
  }

  private ended(flow: number, reason: string): void {
    this.flows.delete(flow);
    this.report({ kind: 'ended', flow, reason });
  }

  private serve(command: ServeFlow): void {
    const { flow, descriptor, mine, raw, from, half, heartbeatMs, windowBytes } = command;
    const { shards, rings, cuts } = this;
    let socket: Socket;
    try {
      socket = new Socket({ fd: descriptor, readable: true, writable: true });
    } catch (error) {
      closeSync(descriptor);
      this.ended(flow, (error as Error).message);
      return;
    }
    const session = new SyncSession(command.session, rings.length, this.owner);
    const { elements, owner, keyless: keylessState } = this;
    const options = {
      ...{ shards, rings, owner, keylessState, mine, session, raw, from, windowBytes, elements },
      half,
      cuts,
    };
    const written = this.control.signal(JOURNAL_WRITTEN);
    const ended = (reason: string) => this.ended(flow, reason);
    this.flows.set(flow, new ServedFlow(socket, options, written, heartbeatMs, ended));
  }

  /**
   * Loads what effects run through: 4 MB that a thread which only serves flows does not need.
   * Precedes any command.
   */
  async prepareToFollow(): Promise<void> {
    const module = await loadModule(new URL('./effect-target.js', import.meta.url));
    const { createEffectTarget } = module as typeof import('./effect-target.js');
    const target = createEffectTarget(this.shards, {
      claims: this.claims,
      mailbox: this.mail.mailbox,
      blockingKeys: this.control.word(BLOCKING_KEYS),
      trackingClients: this.control.word(TRACKING_CLIENTS),
      prefixes: this.prefixes,
    });
    this.target = target;
  }

  private async followRedis(command: FollowRedis): Promise<void> {
    const { flow } = command;
    this.starting.add(flow);
    this.redis ??= this.prepareRedis();
    const following = await this.redis;
    // It may have been ended meanwhile.
    if (!this.starting.delete(flow)) return;
    this.messages.tell(following.notifications);
    const event = (redis: RedisEvent) => this.report({ kind: 'redis', flow, event: redis });
    const ended = (reason: string) => this.ended(flow, reason);
    this.flows.set(flow, following.follow(command, { event, ended }));
  }

  /** 4 MB more, that only a thread which follows a Redis needs. */
  private async prepareRedis(): Promise<RedisFollowing> {
    const module = await loadModule(new URL('./redis-following.js', import.meta.url));
    const { RedisFollowing } = module as typeof import('./redis-following.js');
    const { data, shards, rings, control, claims, mail, prefixes } = this;
    return new RedisFollowing({
      ...{ shards, rings, control, claims, mail, prefixes },
      ...{ data, messages: this.messages },
    });
  }

  private follow(command: FollowFlow): void {
    const { flow, primaryShards, mine } = command;
    this.messages.tell(this.target!.notifications);
    const progress = new SyncProgress(command.progress, streamsOf(primaryShards), this.owner);
    const pending = new PendingStreams(command.pending, this.owner);
    const createFlow = () =>
      new ReplicaFlow({
        shards: this.shards,
        rings: primaryShards === this.shards.count ? this.rings : null,
        keyless: { ring: this.rings.at(-1)!, owner: this.owner },
        keylessTarget: this.keyless,
        primaryShards,
        mine,
        progress,
        pending,
        cuts: primaryShards === this.shards.count ? this.cuts : null,
        target: this.target!,
      });
    const connected = () => this.report({ kind: 'connected', flow });
    const ended = (reason: string) => this.ended(flow, reason);
    const written = this.control.signal(JOURNAL_WRITTEN);
    const applied = () => {
      written.raise();
      this.target?.invalidate();
      this.messages.flush();
      this.mail.flush();
    };
    this.flows.set(
      flow,
      new FollowedFlow(command, progress, createFlow, { connected, applied, ended }),
    );
  }
}

async function main(): Promise<void> {
  const port = parentPort!;
  const data = workerData as FlowThreadData;
  const report = (message: FlowToMain): void => port.postMessage(message);
  yieldToOthers(data.nice);
  const thread = new FlowThread(data, report);
  if (data.follows) await thread.prepareToFollow();
  port.on('message', (command: MainToFlow) => {
    if (command.kind !== 'stop') {
      thread.take(command);
      return;
    }
    stopProfile();
    process.exit();
  });
  startProfile(`flow-${data.thread}`);
  report({ kind: 'ready' });
}

void main();
