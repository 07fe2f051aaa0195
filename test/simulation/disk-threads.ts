/** Flow threads of the simulated disk: flows of files run in this thread, on any disk. */
import type { DurableLsns } from '../../src/memory/durable-lsns.js';
import type { Disk } from '../../src/persistence/files/disk.js';
import { streamsOf } from '../../src/replication/primary/primary-state.js';
import { NO_WINDOW_BYTES } from '../../src/replication/primary/send-window.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import type {
  LoadFile,
  MainToFlow,
  OpenSegment,
  WriteFile,
  WriteJournal,
  WrittenFile,
} from '../../src/server/channel/main-flow.js';
import { FileFlow } from '../../src/server/flow-thread/file-flow.js';
import type { FlowTime } from '../../src/server/flow-thread/flow-time.js';
import { gatherStrings } from '../../src/server/flow-thread/gathered-strings.js';
import { JournalFlow } from '../../src/server/flow-thread/journal-flow.js';
import { LoadedFlow } from '../../src/server/flow-thread/loaded-flow.js';
import { LoadedSegment } from '../../src/server/flow-thread/loaded-segment.js';
import type {
  FlowCommand,
  FlowListener,
  FlowThreads,
} from '../../src/server/main-thread/replication/flow-threads.js';
import type { SimulatedServer } from './server.js';

export class SimulatedThreads {
  private readonly flows = new Map<number, JournalFlow | LoadedSegment | FileFlow | LoadedFlow>();
  private last = 0;

  constructor(
    readonly count: number,
    private readonly server: SimulatedServer,
    private readonly disk: Disk,
    private readonly durable: DurableLsns,
    private readonly time: FlowTime,
    private readonly advanced: () => void,
  ) {}

  get asThreads(): FlowThreads {
    return this as unknown as FlowThreads;
  }

  start(_: number, listener: FlowListener, create: (flow: number) => MainToFlow): number {
    const flow = ++this.last;
    const command = create(flow);
    if (command.kind === 'write-journal') this.flows.set(flow, this.write(command, listener));
    else if (command.kind === 'open-segment') this.flows.set(flow, this.open(command, listener));
    else if (command.kind === 'write-file') this.flows.set(flow, this.writeFile(command, listener));
    else if (command.kind === 'load-file') this.flows.set(flow, this.loadFile(command, listener));
    else throw new Error(`a flow of kind ${command.kind} in the simulation`);
    return flow;
  }

  command(command: FlowCommand): void {
    const flow = this.flows.get(command.flow)!;
    if (flow instanceof LoadedSegment) {
      if (command.kind === 'scan-segment' || command.kind === 'load-segment') flow.take(command);
    } else if (!(flow instanceof JournalFlow)) throw new Error(`${command.kind} for a file`);
    else if (command.kind === 'next-segment') flow.continueIn(command.place);
    else if (command.kind === 'segment-whole') flow.wholeSegment();
    else if (command.kind === 'sync-policy') flow.setPolicy(command.policy);
    else if (command.kind === 'base-whole') flow.count();
  }

  end(flow: number): void {
    this.flows.get(flow)?.end('');
  }

  private write(command: WriteJournal, listener: FlowListener): JournalFlow {
    const { server, disk, durable, time, advanced } = this;
    const { mine, from, place, policy } = command;
    const options = {
      ...{ ...server.primaryParts, mine, from },
      session: new SyncSession(command.session, server.rings.length, 1),
      raw: true,
      half: null,
      windowBytes: NO_WINDOW_BYTES,
    };
    const parts = {
      ...{ options, disk, durable, time, advanced },
      begun: () => listener.begun?.(),
      opened: () => listener.opened?.(),
      trouble: (code: string) => listener.trouble?.(code),
      ended: (reason: string) => listener.ended(reason),
    };
    return new JournalFlow(parts, place, policy);
  }

  private open(command: OpenSegment, listener: FlowListener): LoadedSegment {
    const { server, disk } = this;
    const { path, mine, primaryShards } = command;
    const progress = new SyncProgress(command.progress, streamsOf(primaryShards), 1);
    const pending = new PendingStreams(command.pending, 1);
    return new LoadedSegment({
      ...{ disk, path, mine, progress },
      gather: () => gatherStrings(server.applier, primaryShards, mine),
      createFlow: (gathered) => {
        const parts = server.replicaParts();
        const target = gathered ?? parts.target;
        return new ReplicaFlow({ ...parts, target, primaryShards, mine, progress, pending });
      },
      applied: () => {},
      report: (report) => listener.segment?.(report),
      ended: (reason) => listener.ended(reason),
    });
  }

  private writeFile(command: WriteFile, listener: FlowListener): FileFlow {
    const { server, disk, time } = this;
    const { mine, syncsOften } = command;
    const options = {
      ...{ ...server.primaryParts, mine },
      session: new SyncSession(command.session, server.rings.length, 1),
      raw: true,
      from: null,
      half: null,
      windowBytes: NO_WINDOW_BYTES,
    };
    const parts = {
      ...{ options, disk, time, syncsOften, places: null },
      written: (file: WrittenFile) => listener.written?.(file),
      ended: (reason: string) => listener.ended(reason),
    };
    return new FileFlow(parts, command);
  }

  private loadFile(command: LoadFile, listener: FlowListener): LoadedFlow {
    const { server, disk } = this;
    const { path, mine, primaryShards } = command;
    const progress = new SyncProgress(command.progress, streamsOf(primaryShards), 1);
    const pending = new PendingStreams(command.pending, 1);
    return new LoadedFlow({
      ...{ disk, path },
      createFlow: () =>
        new ReplicaFlow({ ...server.replicaParts(), primaryShards, mine, progress, pending }),
      applied: () => {},
      loaded: () => listener.loaded?.(),
      ended: (reason) => listener.ended(reason),
    });
  }
}
