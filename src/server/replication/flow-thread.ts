/**
 * A flow thread: a Worker with an event loop of its own that serves flows of our replicas and
 * follows flows of our primary. The threads are started when the first flow comes.
 */

import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { Region } from '../../base/region.js';
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Dispatcher } from '../../engine/dispatch.js';
import { Registry } from '../../engine/registry.js';
import { ClientSession } from '../../engine/session.js';
import type { DispatchStatistics } from '../../engine/statistics.js';
import { JournalRing } from '../../journal/ring.js';
import { STRING_AUTO, STRING_RAW, STRING_TEXT } from '../../keyspace/kinds.js';
import { Shards } from '../../keyspace/shards.js';
import { ControlBlock, WORD_USED_PAGES } from '../../memory/control.js';
import { attachPagedRegion, createRegion } from '../../platform/ffi/region.js';
import { Reply } from '../../protocol/reply.js';
import { SyncSession } from '../../replication/primary/sync-session.js';
import { FlowSink } from '../../replication/replica/flow-sink.js';
import { ReplicaBoard } from '../../replication/replica/replica-board.js';
import { startProfile, stopProfile } from '../profile.js';
import { EffectApplier } from './effect-applier.js';
import { FollowedFlow } from './followed-flow.js';
import type { FlowCommand, FlowReport, FlowThreadData, FollowFlow, ServeFlow } from './messages.js';
import { ServedFlow } from './served-flow.js';

const KNOWN_KINDS = (1 << STRING_AUTO) | (1 << STRING_TEXT) | (1 << STRING_RAW);

/** Effects are no commands of clients: they are not counted. */
function uncounted(commands: number): DispatchStatistics {
  return {
    calls: new Float64Array(commands),
    microseconds: new Float64Array(commands),
    rejected: new Float64Array(commands),
    failed: new Float64Array(commands),
    timeEverything: false,
    errorReply: () => {},
    timed: () => {},
  };
}

class FlowThread {
  private readonly flows = new Map<number, ServedFlow | FollowedFlow>();
  private readonly registry = new Registry(definitionsOf(commandModules));
  private readonly shards: Shards;
  private readonly rings: readonly JournalRing[];
  private readonly owner: number;
  private readonly control: ControlBlock;
  private applier: EffectApplier | null = null;

  constructor(
    data: FlowThreadData,
    private readonly report: (report: FlowReport) => void,
  ) {
    this.control = new ControlBlock(data.controlBuffer, data.ioThreads, this.registry.all.length);
    this.shards = new Shards(
      data.shardBuffers.map((buffer) => attachPagedRegion(buffer)),
      data.databases,
      this.control.words,
      WORD_USED_PAGES,
      data.thread,
    );
    this.rings = data.ringBuffers.map((buffer) => new JournalRing(buffer));
    this.owner = data.thread + 1;
  }

  take(command: Exclude<FlowCommand, { kind: 'stop' }>): void {
    if (command.kind === 'serve') this.serve(command);
    else if (command.kind === 'follow') this.follow(command);
    else {
      const flow = this.flows.get(command.flow);
      if (command.kind === 'end') flow?.end('');
      else if (flow instanceof FollowedFlow) flow.go();
    }
  }

  private ended(flow: number, reason: string): void {
    this.flows.delete(flow);
    this.report({ kind: 'ended', flow, reason });
  }

  private serve(command: ServeFlow): void {
    const { flow, descriptor, mine, raw, from, heartbeatMs } = command;
    const { shards, rings } = this;
    const socket = new Socket({ fd: descriptor, readable: true, writable: true });
    const session = new SyncSession(command.session, shards.count, this.owner);
    const options = { shards, rings, mine, session, raw, from };
    const ended = (reason: string) => this.ended(flow, reason);
    this.flows.set(flow, new ServedFlow(socket, options, this.control, heartbeatMs, ended));
  }

  private follow(command: FollowFlow): void {
    const { flow, primaryShards, mine } = command;
    const arena = new Region(command.arena, 0);
    const board = new ReplicaBoard(command.board, arena, primaryShards, this.owner);
    const createSink = () =>
      new FlowSink({
        shards: this.shards,
        rings: primaryShards === this.shards.count ? this.rings : null,
        primaryShards,
        mine,
        board,
        target: this.effectTarget(),
        kinds: KNOWN_KINDS,
      });
    const connected = () => this.report({ kind: 'connected', flow });
    const ended = (reason: string) => this.ended(flow, reason);
    const applied = () => this.control.journalWritten();
    this.flows.set(
      flow,
      new FollowedFlow(command, board, createSink, { connected, applied, ended }),
    );
  }

  /** The dispatcher that effects run through; made when there is something to follow. */
  private effectTarget(): EffectApplier {
    if (this.applier !== null) return this.applier;
    const session = new ClientSession(0, -1, '', '', 0, () => true);
    const dispatcher = new Dispatcher(
      this.registry,
      this.shards,
      new Reply(createRegion(4096)),
      uncounted(this.registry.all.length),
      { failed: () => {}, resumed: () => {}, attacked: () => {} },
      session,
    );
    this.applier = new EffectApplier(dispatcher, session);
    return this.applier;
  }
}

const port = parentPort!;
const data = workerData as FlowThreadData;
const thread = new FlowThread(data, (report) => port.postMessage(report));
port.on('message', (command: FlowCommand) => {
  if (command.kind !== 'stop') {
    thread.take(command);
    return;
  }
  stopProfile();
  process.exit();
});
startProfile(`flow-${data.thread}`);
