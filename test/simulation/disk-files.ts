/**
 * The files of a simulated server, as the main thread handles them: a journal with its chains and bases,
 * and snapshots beside it. One base or snapshot is written at a time.
 */
import { Log } from '../../src/base/log.js';
import { DurableLsns } from '../../src/memory/durable-lsns.js';
import type { SnapshotManifest } from '../../src/persistence/snapshot/manifest.js';
import { snapshotName } from '../../src/persistence/snapshot/manifest.js';
import { StreamLocks } from '../../src/replication/stream-locks.js';
import { createControl } from '../../src/server/channel/control.js';
import type { SyncPolicy } from '../../src/server/channel/main-flow.js';
import { type DataParts, FileSync } from '../../src/server/main-thread/persistence/file-sync.js';
import { ChainWriter } from '../../src/server/main-thread/persistence/journal/chain-writer.js';
import { JournalFiles } from '../../src/server/main-thread/persistence/journal/journal-files.js';
import {
  loadJournal,
  readJournal,
} from '../../src/server/main-thread/persistence/journal/journal-start.js';
import {
  type NativeSnapshotParts,
  writeNativeSnapshot,
} from '../../src/server/main-thread/persistence/native-snapshot.js';
import { SnapshotFiles } from '../../src/server/main-thread/persistence/snapshot-files.js';
import { loadSnapshot } from '../../src/server/main-thread/persistence/snapshot-loader.js';
import type { LoadedHistory } from '../../src/server/main-thread/persistence/start-up.js';
import type { DiskMachine } from './disk-machine.js';
import { SimulatedThreads } from './disk-threads.js';
import { DATABASES, SimulatedServer } from './server.js';

const JOURNAL_FOLDER = '/journal';
const SNAPSHOT_FOLDER = '/data';
const HASH_KEY = { key0: 7, key1: 9, spread: 1 };
const ID = '0'.repeat(40);
/** Names of snapshots begin with the time. */
const CREATED_MS = 1_700_000_000_000;

export interface DiskShape {
  readonly shards: number;
  readonly flows: number;
  readonly policy: SyncPolicy;
  /** How many snapshots are kept. */
  readonly keep: number;
}

export function newServer(shards: number): SimulatedServer {
  const shape = { shards, shardMebibytes: 2, ringBytes: 1 << 18 };
  return new SimulatedServer('server', shape, HASH_KEY, () => ID);
}

/** Of a load: the data that it has made. */
export interface LoadedData {
  readonly server: SimulatedServer;
  readonly history: LoadedHistory;
}

export class DiskFiles {
  readonly durable: DurableLsns;
  /** The chain's writer has failed: nothing more is in it. */
  isBroken = false;
  /** Whether a base or a snapshot is being written, or a chain is begun. */
  isAtWork = false;
  private writer: ChainWriter | null = null;
  private sync: FileSync | null = null;
  private chain = 0;
  private readonly data: DataParts;

  constructor(
    private readonly machine: DiskMachine,
    private readonly shape: DiskShape,
    server: SimulatedServer,
    /** A name that no snapshot had before. */
    private readonly newName: () => string,
    /** Of the history that the data has. */
    private historyId: string,
  ) {
    const { shards, rings, cuts } = server;
    this.durable = new DurableLsns(DurableLsns.create(rings.length));
    this.data = {
      ...{ shards, rings, cuts, owner: 1 },
      locks: new StreamLocks(shards, rings, 1),
      serving: threadsOf(machine, shape, server, this.durable).asThreads,
      journalWritten: { raise: () => {} } as unknown as DataParts['journalWritten'],
    };
  }

  private get files(): JournalFiles {
    return journalFiles(this.machine);
  }

  private get header() {
    const { shards } = this.shape;
    const { key0: hashKey0, key1: hashKey1, spread } = HASH_KEY;
    const { historyId: replicationId } = this;
    return { shards, databases: DATABASES, spread, hashKey0, hashKey1, replicationId };
  }

  private createWriter(): ChainWriter {
    this.durable.beginChain();
    this.isBroken = false;
    const writer = new ChainWriter({
      ...{ data: this.data, files: this.files, chain: this.chain, policy: this.shape.policy },
      header: this.header,
      failed: () => {
        if (this.writer === writer) this.isBroken = true;
      },
      trouble: () => {},
    });
    this.writer = writer;
    return writer;
  }

  /** Begins the work, whose failures break the chain. @returns at once */
  private begin(work: () => Promise<unknown>, mayFail = false): void {
    if (this.isAtWork) return;
    this.isAtWork = true;
    work()
      .catch(() => {
        if (!mayFail) this.isBroken = true;
      })
      .finally(() => {
        this.isAtWork = false;
      });
  }

  /** Goes on with the chain that was loaded. */
  continueChain(chain: number, lastSegment: number): void {
    this.chain = chain;
    this.begin(async () => {
      await this.files.removeBegun(chain, lastSegment);
      const writer = this.createWriter();
      await writer.open(lastSegment + 1);
      this.tellWhole(writer);
    });
  }

  /** Begins another chain, in place of one that has failed. */
  beginChain(): void {
    this.begin(async () => {
      this.writer?.abort('another chain begins');
      await this.writer?.ended();
      this.chain = (await this.files.lastChain()) + 1;
      const writer = this.createWriter();
      await writer.open(1);
      await this.writeBase(writer, 1);
      this.tellWhole(writer);
    });
  }

  private tellWhole(writer: ChainWriter): void {
    writer.assertWriting();
    this.durable.baseWhole();
    writer.baseWhole();
  }

  rotate(): void {
    this.begin(() => this.writer!.rotate());
  }

  rewrite(): void {
    const writer = this.writer!;
    this.begin(async () => {
      const { number } = await writer.rotate();
      // The chain goes on with the base that it has.
      await this.writeBase(writer, number).catch(() => {});
    });
  }

  /** The role changes: the data goes on under another id. At any moment, also amid other work. */
  changeHistory(id: string): void {
    this.historyId = id;
    this.writer?.changeHistory(this.header);
  }

  private async writeBase(writer: ChainWriter, number: number): Promise<void> {
    const place = { files: this.files.base(this.chain), keep: 1 };
    await this.write({ ...place, beforePut: () => writer.settled() }, this.newName(), () => {});
    await this.files.removeOld(this.chain, number);
  }

  /** Writes a snapshot. @param atCut told what it holds */
  save(atCut: (name: string) => void, done: (name: string) => void): void {
    const name = this.newName();
    const files = snapshotFiles(this.machine);
    this.begin(async () => {
      const place = { files, keep: this.shape.keep, beforePut: async () => {} };
      await this.write(place, name, () => atCut(name));
      done(name);
    }, true);
  }

  private async write(
    place: Pick<NativeSnapshotParts, 'files' | 'keep' | 'beforePut'>,
    name: string,
    atCut: () => void,
  ) {
    const sync = new FileSync(this.data, (ms) => this.machine.later(ms));
    this.sync = sync;
    const plan = {
      header: { ...this.header, createdMs: CREATED_MS, setName: name },
      ...{ syncsOften: true, beforeCut: async () => {}, atCut },
    };
    const { historyId: replicationId } = this;
    const history = () =>
      ({ replicationId, role: 'primary', hasReplicas: false, offset: 0 }) as const;
    try {
      await writeNativeSnapshot(sync, plan, { ...place, history, checkHistory: () => {} });
    } finally {
      this.sync = null;
    }
  }

  /** Brings all to the disk, as a server does that is told to end. */
  async end(): Promise<void> {
    const { writer } = this;
    if (writer === null) return;
    let isDone = false;
    writer
      .settled()
      .catch(() => {})
      .then(() => writer.end())
      .then(() => {
        isDone = true;
      });
    await this.machine.until(() => isDone);
  }

  /** Ends at once. */
  abort(): void {
    this.sync?.abort('the end');
    this.writer?.abort('the end');
  }
}

function threadsOf(
  { disk, time }: DiskMachine,
  { flows, shards }: DiskShape,
  server: SimulatedServer,
  durable: DurableLsns,
): SimulatedThreads {
  return new SimulatedThreads(Math.min(flows, shards), server, disk, durable, time, () => {});
}

function journalFiles({ disk }: DiskMachine): JournalFiles {
  return new JournalFiles(disk, JOURNAL_FOLDER, 'aof');
}

function snapshotFiles({ disk }: DiskMachine): SnapshotFiles {
  return new SnapshotFiles(disk, SNAPSHOT_FOLDER, 'dump.darter');
}

/** Whether the end of a file may be missing after a crash. */
export function mayBeTorn(path: string): boolean {
  return path.endsWith('.segment');
}

function loaderParts(
  machine: DiskMachine,
  shape: DiskShape,
  server: SimulatedServer,
  torn: () => void,
) {
  const durable = new DurableLsns(DurableLsns.create(server.rings.length));
  const log = new Log((line) => {
    if (/torn tail|cut off|begun anew/.test(line)) torn();
  });
  return {
    ...{ log, disk: machine.disk, shards: server.shards, owner: 1, mayTruncate: true },
    control: createControl(1, 1),
    threads: threadsOf(machine, shape, server, durable).asThreads,
    isStopping: () => false,
  };
}

/** @returns the data of the journal, null when there is none. @throws Error when it is refused */
export async function loadFromJournal(
  machine: DiskMachine,
  shape: DiskShape,
  torn: () => void,
): Promise<LoadedData | null> {
  const files = journalFiles(machine);
  const found = await files.find();
  if (found === null) return null;
  const server = newServer(shape.shards);
  const journal = await readJournal(files, found);
  const history = await loadJournal(loaderParts(machine, shape, server, torn), journal);
  if (history === null) throw new Error('the history of the journal is lost');
  return { server, history };
}

/** @returns the newest snapshot and its data, null when there is none. @throws Error when it is refused */
export async function loadFromSnapshot(
  machine: DiskMachine,
  shape: DiskShape,
): Promise<{ readonly server: SimulatedServer; readonly manifest: SnapshotManifest } | null> {
  const files = snapshotFiles(machine);
  const manifest = await files.newest();
  if (manifest === null) return null;
  const server = newServer(shape.shards);
  await loadSnapshot(
    loaderParts(machine, shape, server, () => {}),
    files,
    manifest,
  );
  return { server, manifest };
}

/** @param count of snapshots before */
export function simulatedName(count: number): string {
  return snapshotName(CREATED_MS + count, 0);
}
