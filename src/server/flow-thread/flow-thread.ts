/**
 * A flow thread: a Worker with an event loop of its own that serves flows of our replicas and
 * follows flows of our primary. The threads are started when the first flow comes.
 */

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import {
  EFFECT_ADD_SCORED,
  EFFECT_REMOVE_SCORED,
} from '../../commands/sorted-set/lib/effect-verbs.js';
import { BLOCKING_KEYS } from '../../engine/counters.js';
import { EFFECT_LIBRARIES } from '../../engine/scripts/functions.js';
import { TRACKING_CLIENTS } from '../../engine/tracking/counters.js';
import { BackPressure } from '../../journal/back-pressure.js';
import { JOURNAL_FILLING, JOURNAL_WRITTEN } from '../../journal/counters.js';
import { NewestCut } from '../../journal/cuts.js';
import { JournalRing } from '../../journal/ring.js';
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import { Shards } from '../../keyspace/shards.js';
import { TrackedPrefixes } from '../../keyspace/tracked-prefixes.js';
import { Claims } from '../../memory/claims.js';
import type { ControlBlock } from '../../memory/control.js';
import { DurableLsns } from '../../memory/durable-lsns.js';
import { SharedText } from '../../memory/shared-text.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { nodeDisk } from '../../persistence/files/node-disk.js';
import { keepCompiled } from '../../platform/compiled-scripts.js';
import { attachPagedRegion, attachRegion } from '../../platform/ffi/region.js';
import { yieldToOthers } from '../../platform/ffi/thread-priority.js';
import type { WorkerStart } from '../../platform/ffi/worker-loading.js';
import { startProfile, stopProfile } from '../../platform/profile.js';
import { watchHeap } from '../../platform/thread-heap.js';
import { wakeTransport } from '../../platform/wake.js';
import {
  EFFECTS_APPLIED,
  REPLICAS_AWAITED,
  WAITING_FOR_REPLICAS,
  WAITING_OF_THREAD,
} from '../../replication/counters.js';
import type { BlockPlaces } from '../../replication/files/block-places.js';
import { streamsOf } from '../../replication/primary/primary-state.js';
import { NO_WINDOW_BYTES } from '../../replication/primary/send-window.js';
import { SyncSession } from '../../replication/primary/sync-session.js';
import { PendingStreams } from '../../replication/replica/pending-streams.js';
import type { EffectTarget } from '../../replication/replica/record-applier.js';
import { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import { SyncProgress } from '../../replication/replica/sync-progress.js';
import { attachControl } from '../channel/control.js';
import { SendingMailbox } from '../channel/mailboxes.js';
import type {
  FlowThreadData,
  FlowToMain,
  FollowFlow,
  FollowRedis,
  LoadFile,
  LoadRdb,
  MainToFlow,
  MeetRole,
  OpenSegment,
  RdbShare,
  RdbTarget,
  RedisEvent,
  RedisReplicaEvent,
  SegmentReport,
  ServeFlow,
  ServeRedis,
  WriteFile,
  WriteJournal,
  WrittenFile,
  WrittenRdb,
} from '../channel/main-flow.js';
import { Config } from '../config/config.js';
import type { EffectApplier } from './effect-applier.js';
import { createEffectTarget } from './effect-target.js';
import { FileFlow } from './file-flow.js';
import { type FlowTime, machineTime } from './flow-time.js';
import { FollowedFlow } from './followed-flow.js';
import type { FollowedRedis } from './followed-redis.js';
import { gatherStrings } from './gathered-strings.js';
import { JournalFlow } from './journal-flow.js';
import { KeylessEffects } from './keyless-effects.js';
import { librariesEffect } from './libraries-effect.js';
import { LinkTimes } from './link-times.js';
import { LoadedFlow } from './loaded-flow.js';
import { LoadedSegment } from './loaded-segment.js';
import { marksEffect } from './marks-effect.js';
import { type Converter, createConverter } from './rdb-conversion.js';
import { RdbFileFlow } from './rdb-file-flow.js';
import { RdbFlow } from './rdb-flow.js';
import { RedisFeed } from './redis-feed.js';
import { RedisFollowing } from './redis-following.js';
import { ReplicatedMessages } from './replicated-messages.js';
import { ServedFlow } from './served-flow.js';
import { ServedRedis } from './served-redis.js';
import { tellJournal, tellRedis, tellSegment } from './told-flows.js';

/** What is applied here. */
type AppliedFlow = FollowFlow | LoadFile | OpenSegment;
type Flow =
  | ServedFlow
  | ServedRedis
  | FollowedFlow
  | FollowedRedis
  | FileFlow
  | RdbFlow
  | RdbFileFlow
  | LoadedFlow
  | JournalFlow
  | LoadedSegment;

class FlowThread {
  private readonly flows = new Map<number, Flow>();
  private readonly durable: DurableLsns;
  /** As `keyless`, but messages of the past are not told to anybody. */
  private readonly silent: KeylessEffects;
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
  /** By I/O thread: what wakes it. */
  private readonly wakers: Int32Array;
  private readonly times: LinkTimes;
  private target: EffectApplier | null = null;
  /** What Redises get that follow us, once there was one. */
  private feed: RedisFeed | null = null;
  /** What follows a Redis, once there was one to follow. */
  private redis: RedisFollowing | null = null;
  /** What makes RDB files, once there was one to make. */
  private converter: Converter | null = null;
  private conversions: Promise<unknown> = Promise.resolve();

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
    const libraries = librariesEffect(new SharedText(data.librariesBuffer));
    const { kinds } = this.messages;
    this.keyless = new KeylessEffects([...kinds, libraries, marksEffect(this.rings.at(-1)!)]);
    const unheard = kinds.map(({ name }) => ({ name, apply: () => null }));
    this.silent = new KeylessEffects([...unheard, libraries, marksEffect(null)]);
    this.durable = new DurableLsns(data.durableBuffer);
    this.wakers = data.mailboxes.wakers;
    this.elements = data.elements;
    this.cuts = new NewestCut(data.cutsBuffer, this.owner);
    this.times = new LinkTimes(Config.attach(data.configBuffer));
  }

  private get time(): FlowTime {
    const { control } = this;
    return machineTime(control.signal(JOURNAL_WRITTEN), control.signal(JOURNAL_FILLING));
  }

  take(command: Exclude<MainToFlow, { kind: 'stop' }>): void {
    if (command.kind === 'serve') this.serve(command);
    else if (command.kind === 'follow') this.follow(command);
    else if (command.kind === 'write-file') this.writeFile(command);
    else if (command.kind === 'load-file') this.loadFile(command);
    else if (command.kind === 'load-rdb') this.loadRdb(command);
    else if (command.kind === 'write-journal') this.writeJournal(command);
    else if (command.kind === 'open-segment') this.openSegment(command);
    else if (command.kind === 'serve-redis') this.serveRedis(command);
    else if (command.kind === 'follow-redis') this.followRedis(command);
    else if (command.kind === 'stream-role') this.takeRole(command);
    else {
      const flow = this.flows.get(command.flow);
      if (command.kind === 'end') flow?.end('');
      else if (flow instanceof JournalFlow) tellJournal(flow, command);
      else if (flow instanceof LoadedSegment) tellSegment(flow, command);
      else if (flow instanceof ServedRedis) tellRedis(flow, command);
      else if (flow !== undefined && 'go' in flow) flow.go();
    }
  }

  private writeJournal(command: WriteJournal): void {
    const { flow, mine, from, place, policy } = command;
    const { shards, rings, elements, owner, durable } = this;
    const options = {
      ...{ shards, rings, owner, keylessState: null, mine, elements, from },
      session: new SyncSession(command.session, rings.length, owner),
      raw: true,
      half: null,
      windowBytes: NO_WINDOW_BYTES,
      // Files need no cuts.
      cuts: new NewestCut(NewestCut.create(rings.length), owner),
    };
    const advanced = () => this.wakeThreads((thread) => durable.takeWaiter(thread));
    const parts = {
      ...{ options, durable, advanced },
      disk: nodeDisk,
      time: this.time,
      begun: () => this.report({ kind: 'segment-begun', flow }),
      opened: () => this.report({ kind: 'segment-opened', flow }),
      trouble: (code: string) => this.report({ kind: 'segment-trouble', flow, code }),
      ended: (reason: string) => this.ended(flow, reason),
    };
    this.flows.set(flow, new JournalFlow(parts, place, policy));
  }

  private openSegment(command: OpenSegment): void {
    const { flow, path, mine, primaryShards } = command;
    const progress = this.progressOf(command);
    const parts = {
      ...{ path, mine, progress },
      disk: nodeDisk,
      gather: () => gatherStrings(this.prepareToApply(), primaryShards, mine),
      createFlow: (gathered: EffectTarget | null) =>
        this.createReplicaFlow(command, progress, gathered ?? undefined),
      applied: () => this.applied(),
      report: (report: SegmentReport) => this.report({ ...report, flow }),
      ended: (reason: string) => this.ended(flow, reason),
    };
    this.flows.set(flow, new LoadedSegment(parts));
  }

  private ended(flow: number, reason: string): void {
    this.flows.delete(flow);
    this.report({ kind: 'ended', flow, reason });
  }

  /** A socket over a descriptor that is ours; null when that cannot be: the flow has ended then. */
  private socketOf({ flow, descriptor }: ServeFlow | ServeRedis): Socket | null {
    try {
      return new Socket({ fd: descriptor, readable: true, writable: true });
    } catch (error) {
      closeSync(descriptor);
      this.ended(flow, (error as Error).message);
      return null;
    }
  }

  private serveRedis(command: ServeRedis): void {
    const { flow } = command;
    const socket = this.socketOf(command);
    if (socket === null) return;
    this.feed ??= this.createFeed();
    const event = (redis: RedisReplicaEvent) =>
      this.report({ kind: 'redis-replica', flow, event: redis });
    const ended = (reason: string) => this.ended(flow, reason);
    this.flows.set(flow, this.feed.serve(command, socket, { event, ended }));
  }

  private takeRole(command: MeetRole): void {
    this.feed ??= this.createFeed();
    this.feed.takeRole(command);
  }

  private createFeed(): RedisFeed {
    const { shards, rings, cuts, owner, elements, data, control, times } = this;
    const libraries = new SharedText(data.librariesBuffer);
    return new RedisFeed({
      ...{ shards, rings, cuts, owner, elements, times },
      encoder: {
        keyless: shards.count,
        unknown: new Set(data.laterCommands),
        libraries: EFFECT_LIBRARIES,
        scored: { add: EFFECT_ADD_SCORED, remove: EFFECT_REMOVE_SCORED },
      },
      libraries: () => JSON.parse(libraries.read().text) as readonly string[],
      written: control.signal(JOURNAL_WRITTEN),
      waiting: control.word(WAITING_FOR_REPLICAS),
      awaited: control.signal(REPLICAS_AWAITED),
      reached: () => this.wakeWaiting(),
    });
  }

  private serve(command: ServeFlow): void {
    const { flow, mine, raw, from, half, windowBytes } = command;
    const { shards, rings, cuts } = this;
    const socket = this.socketOf(command);
    if (socket === null) return;
    const session = new SyncSession(command.session, rings.length, this.owner);
    const { elements, owner, keyless: keylessState } = this;
    const options = {
      ...{ shards, rings, owner, keylessState, mine, session, raw, from, windowBytes, elements },
      half,
      cuts,
    };
    const written = this.control.signal(JOURNAL_WRITTEN);
    const ended = (reason: string) => this.ended(flow, reason);
    const awaited = this.control.signal(REPLICAS_AWAITED);
    const { times } = this;
    const reached = () => this.wakeWaiting();
    this.flows.set(
      flow,
      new ServedFlow(socket, options, { written, awaited, times, reached, ended }),
    );
  }

  /** A replica has more: wakes the I/O threads whose clients wait for that. */
  private wakeWaiting(): void {
    const { control } = this;
    if (control.word(WAITING_FOR_REPLICAS).load() === 0) return;
    this.wakeThreads((thread) => control.threads[thread]!.get(WAITING_OF_THREAD) > 0);
  }

  /** I/O threads, of which one that is not up yet looks by itself. */
  private wakeThreads(isWaiting: (thread: number) => boolean): void {
    const { wakers } = this;
    for (let thread = 0; thread < wakers.length; thread++) {
      if (isWaiting(thread) && wakers[thread] !== 0) wakeTransport(wakers[thread]!);
    }
  }

  private writeFile(command: WriteFile): void {
    const { flow, mine, syncsOften } = command;
    const { shards, rings, cuts, elements, owner, keyless: keylessState } = this;
    const session = new SyncSession(command.session, rings.length, this.owner);
    const options = {
      ...{ shards, rings, owner, keylessState, mine, session, elements, cuts },
      raw: true,
      from: null,
      half: null,
      windowBytes: NO_WINDOW_BYTES,
    };
    const file = { ...{ options, syncsOften, time: this.time }, disk: nodeDisk };
    const told = {
      written: (written: WrittenFile) => this.report({ kind: 'file-written', flow, file: written }),
      ended: (reason: string) => this.ended(flow, reason),
    };
    const { rdb } = command;
    const writer =
      rdb === null
        ? new FileFlow({ ...file, ...told, places: null }, command)
        : new RdbFlow(
            {
              ...{ file, ...told },
              convert: (places, isEnded) => this.convert(command, rdb, { places, isEnded }),
            },
            command,
          );
    this.flows.set(flow, writer);
  }

  /** One after the other, in the thread's one scratch shard. */
  private convert(
    { header, path, mine, session }: WriteFile,
    target: RdbTarget,
    flow: { readonly places: BlockPlaces; readonly isEnded: () => boolean },
  ): Promise<WrittenRdb> {
    const { owner, rings, data } = this;
    const { limits } = new SyncSession(session, rings.length, owner);
    const config = Config.attach(data.configBuffer);
    const converted = this.conversions.then(() => {
      this.converter ??= this.prepareToConvert();
      return this.converter({
        ...{ header, path, mine, limits, target, owner, ...flow },
        disk: nodeDisk,
        setting: (name) => config.value(name),
        keyless: { ring: rings.at(-1)!, owner },
      });
    });
    this.conversions = converted.catch(() => {});
    return converted;
  }

  private prepareToConvert(): Converter {
    const { data } = this;
    return createConverter({
      shards: this.shards.count,
      shardBytes: this.shards.spaces[0]!.region.length,
      databases: data.databases,
      thread: data.thread,
    });
  }

  /** What effects run through. Made before any command in a thread that follows; one that only serves needs none. */
  prepareToApply(): EffectApplier {
    this.target ??= createEffectTarget(this.shards, {
      claims: this.claims,
      mailbox: this.mail.mailbox,
      blockingKeys: this.control.word(BLOCKING_KEYS),
      trackingClients: this.control.word(TRACKING_CLIENTS),
      prefixes: this.prefixes,
    });
    return this.target;
  }

  private followRedis(command: FollowRedis): void {
    const { flow } = command;
    this.redis ??= this.prepareRedis();
    const following = this.redis;
    this.messages.tell(following.notifications);
    const event = (redis: RedisEvent) => this.report({ kind: 'redis', flow, event: redis });
    const ended = (reason: string) => this.ended(flow, reason);
    this.flows.set(flow, following.follow(command, { event, ended }));
  }

  private prepareRedis(): RedisFollowing {
    const { data, shards, rings, control, claims, mail, prefixes } = this;
    return new RedisFollowing({
      ...{ shards, rings, control, claims, mail, prefixes },
      ...{ data, messages: this.messages, times: this.times },
    });
  }

  private follow(command: FollowFlow): void {
    const { flow } = command;
    this.messages.tell(this.target!.notifications);
    const progress = this.progressOf(command);
    const createFlow = () => this.createReplicaFlow(command, progress);
    const connected = () => this.report({ kind: 'connected', flow });
    const ended = (reason: string) => this.ended(flow, reason);
    const written = this.control.signal(JOURNAL_WRITTEN);
    const pressure = new BackPressure(this.rings, this.control.signal(JOURNAL_FILLING));
    const coming = () => this.messages.look();
    const applied = () => {
      written.raise();
      if (command.primaryShards === this.shards.count) pressure.tellFilling(command.mine);
      this.applied();
    };
    const { durable, times } = this;
    const appliedSignal = this.control.signal(EFFECTS_APPLIED);
    this.flows.set(
      flow,
      new FollowedFlow(command, { progress, durable, times, appliedSignal }, createFlow, {
        connected,
        coming,
        applied,
        ended,
      }),
    );
  }

  private loadFile(command: LoadFile): void {
    const { flow, path } = command;
    const parts = {
      path,
      disk: nodeDisk,
      createFlow: () => this.createReplicaFlow(command, this.progressOf(command)),
      applied: () => this.applied(),
      loaded: () => this.report({ kind: 'file-loaded', flow }),
      ended: (reason: string) => this.ended(flow, reason),
    };
    this.flows.set(flow, new LoadedFlow(parts));
  }

  private loadRdb(command: LoadRdb): void {
    const { flow } = command;
    const { shards, owner, data } = this;
    const loaded = (share: RdbShare) => this.report({ kind: 'rdb-loaded', flow, share });
    const ended = (reason: string) => this.ended(flow, reason);
    const parts = { shards, owner, configBuffer: data.configBuffer, loaded, ended };
    this.flows.set(flow, new RdbFileFlow(parts, command));
  }

  /** Tells other threads what was applied. */
  private applied(): void {
    this.target?.invalidate();
    this.messages.flush();
    this.mail.flush();
  }

  private progressOf({ progress, primaryShards }: AppliedFlow): SyncProgress {
    return new SyncProgress(progress, streamsOf(primaryShards), this.owner);
  }

  private createReplicaFlow(
    command: AppliedFlow,
    progress: SyncProgress,
    target: EffectTarget = this.prepareToApply(),
  ): ReplicaFlow {
    const { primaryShards, mine } = command;
    const isAlike = primaryShards === this.shards.count;
    return new ReplicaFlow({
      shards: this.shards,
      rings: isAlike ? this.rings : null,
      keyless: { ring: this.rings.at(-1)!, owner: this.owner },
      keylessTarget: command.kind === 'follow' ? this.keyless : this.silent,
      primaryShards,
      mine,
      progress,
      pending: new PendingStreams(command.pending, this.owner),
      cuts: isAlike ? this.cuts : null,
      target,
    });
  }
}

function main(): void {
  const port = parentPort!;
  const { data } = workerData as WorkerStart<FlowThreadData>;
  const report = (message: FlowToMain): void => port.postMessage(message);
  yieldToOthers(data.nice);
  const thread = new FlowThread(data, report);
  if (data.follows) thread.prepareToApply();
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
  watchHeap();
  keepCompiled();
}

main();
