/**
 * One schedule of a journal on a simulated disk, drawn from a seed: a server writes, its flows bring
 * that to a disk whose operations end in any order, may fail, and lose at a crash what was not synced.
 * Then the server is started again from what is left, several times. After each start it is checked
 * that
 *
 *   - what is there is a prefix of each stream, and every transaction is whole or absent;
 *   - every write is there whose reply could have gone out: all streams were durable up to the heads
 *     that were read after it;
 *   - or the start was refused, and there was a reason: a file was damaged.
 */
import assert from 'node:assert/strict';
import { setImmediate as settle } from 'node:timers/promises';
import { Region } from '../../src/base/region.js';
import { DurableLsns } from '../../src/memory/durable-lsns.js';
import { DamagedFile } from '../../src/persistence/files/damaged-file.js';
import { SimulatedDisk } from '../../src/persistence/files/testing-simulated-disk.js';
import type { SnapshotManifest } from '../../src/persistence/snapshot/manifest.js';
import { StreamLocks } from '../../src/replication/stream-locks.js';
import type { SyncPolicy } from '../../src/server/channel/main-flow.js';
import type { DataParts } from '../../src/server/main-thread/persistence/file-sync.js';
import { ChainWriter } from '../../src/server/main-thread/persistence/journal/chain-writer.js';
import { JournalFiles } from '../../src/server/main-thread/persistence/journal/journal-files.js';
import {
  loadSegment,
  readSegments,
  syncFiles,
} from '../../src/server/main-thread/persistence/journal/journal-loader.js';
import { Random } from '../support/random.js';
import { SimulatedThreads } from './disk-threads.js';
import { SimulatedServer } from './server.js';

const FOLDER = '/journal';
const NOW_MS = 1_700_000_000_000;
const CHAIN = 1;
const KEYS = 40;
const GROUPS = 3;
const GROUP_KEYS = 5;

interface Write {
  /** The heads after it. */
  readonly heads: Float64Array;
  readonly keys: readonly string[];
  readonly value: string;
}

export interface DiskOutcome {
  writes: number;
  starts: number;
  acknowledged: number;
  refused: number;
  torn: number;
  failedSyncs: number;
}

export class DiskWorld {
  private readonly random: Random;
  private readonly disk: SimulatedDisk;
  private server!: SimulatedServer;
  private durable!: DurableLsns;
  private writer: ChainWriter | null = null;
  private readonly shards: number;
  private readonly policy: SyncPolicy;
  private nowMs = 0;
  private waiting: { done: () => void; dueMs: number }[] = [];
  private fault: { readonly code: string; readonly operation: string; left: number } | null = null;
  private readonly writes: Write[] = [];
  private starts: number[] = [];
  private isBroken = false;
  private hasSyncFailed = false;
  private token = 0;
  private readonly outcome: DiskOutcome = {
    ...{ writes: 0, starts: 0, acknowledged: 0, refused: 0, torn: 0, failedSyncs: 0 },
  };

  constructor(
    seed: number,
    private readonly steps: number,
  ) {
    this.random = new Random(seed);
    this.disk = new SimulatedDisk(this.random);
    this.shards = this.random.pick([1, 2, 4, 8]);
    this.policy = this.random.pick(['always', 'always', 'everysec', 'no']);
    this.disk.before = (operation, path) => this.operation(operation, path);
  }

  private async operation(operation: string, _path: string): Promise<string | null> {
    if (operation === 'read') return null;
    await this.later(operation === 'sync' ? this.random.below(20) : this.random.below(4));
    const { fault } = this;
    if (fault === null || fault.operation !== operation) return null;
    if (--fault.left <= 0) this.fault = null;
    if (operation === 'sync') {
      this.outcome.failedSyncs++;
      this.hasSyncFailed = true;
    }
    return fault.code;
  }

  private later(ms: number): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ done, dueMs: this.nowMs + ms });
    });
  }

  /** Lets some of what is due happen. */
  private async pass(ms: number): Promise<void> {
    this.nowMs += ms;
    for (let i = 0; i < 6; i++) {
      const due = this.waiting.filter(({ dueMs }) => dueMs <= this.nowMs);
      if (due.length === 0) break;
      const one = this.random.pick(due);
      this.waiting.splice(this.waiting.indexOf(one), 1);
      one.done();
      await settle();
    }
  }

  async run(): Promise<DiskOutcome> {
    const lives = this.random.between(2, 4);
    let number = 1;
    for (let life = 0; life < lives; life++) {
      number = await this.begin(life === 0, number);
      if (number < 0) break;
      await this.live();
      await this.die();
    }
    return this.outcome;
  }

  /** Starts a server from what is on the disk. @returns the number of its first segment, -1: refused */
  private async begin(isFirst: boolean, number: number): Promise<number> {
    const { shards, disk, random } = this;
    const shape = { shards, shardMebibytes: 2, ringBytes: 1 << 18 };
    const hashKey = { key0: 7, key1: 9, spread: 1 };
    this.server = new SimulatedServer('server', shape, hashKey, () => '0'.repeat(40));
    this.durable = new DurableLsns(DurableLsns.create(shards + 1));
    let next = number;
    if (isFirst) {
      this.server.startJournal();
      this.starts = this.server.heads();
    } else {
      const loaded = await this.load();
      if (loaded < 0) return -1;
      next = loaded + 1;
    }
    this.isBroken = false;
    this.outcome.starts++;
    const flows = random.between(1, 3);
    const threads = this.threads(Math.min(flows, shards));
    const writer = new ChainWriter({
      data: this.data(threads),
      files: this.files,
      chain: CHAIN,
      header: {
        ...{ shards, databases: 2, spread: 1, hashKey0: 7, hashKey1: 9 },
        replicationId: '0'.repeat(40),
      },
      policy: this.policy,
      failed: () => {
        this.isBroken = true;
      },
      trouble: () => {},
    });
    this.writer = writer;
    let isOpen = false;
    writer.open(next).then(
      () => {
        isOpen = true;
        writer.baseWhole();
      },
      () => {
        this.isBroken = true;
      },
    );
    while (!isOpen && !this.isBroken && disk.paths.length >= 0) await this.pass(1);
    return next;
  }

  private get files(): JournalFiles {
    return new JournalFiles(this.disk, FOLDER, 'aof');
  }

  private threads(count: number): SimulatedThreads {
    const time = {
      nowMs: () => this.nowMs,
      sleep: (ms: number) => this.later(ms),
      untilWritten: (isIdle: () => boolean, ms: number) =>
        this.later(isIdle() ? Math.min(ms, 3) : 0),
    };
    const { server, disk, durable } = this;
    return new SimulatedThreads(count, server, disk, durable, time, () => {});
  }

  private data(threads: SimulatedThreads): DataParts {
    const { shards, rings, cuts } = this.server;
    return {
      ...{ shards, rings, cuts, owner: 1 },
      locks: new StreamLocks(shards, rings, 1),
      serving: threads.asThreads,
      journalWritten: { raise: () => {} } as unknown as DataParts['journalWritten'],
    };
  }

  private async live(): Promise<void> {
    const { random } = this;
    const steps = random.below(this.steps);
    for (let i = 0; i < steps && !this.isBroken; i++) {
      const what = random.below(100);
      if (what < 55) this.write();
      else if (what < 95) await this.pass(random.below(6));
      else if (what < 97) {
        this.rotate();
        await settle();
      } else if (what < 99)
        this.fault = { operation: 'append', code: 'ENOSPC', left: random.below(6) };
      else if (random.chance(0.2)) this.fault = { operation: 'sync', code: 'EIO', left: 1 };
      else if (random.chance(0.5)) this.nowMs += 400;
    }
  }

  private lastSegment = 0;
  private rotating: Promise<void> | null = null;

  private rotate(): void {
    if (this.rotating !== null) return;
    this.rotating = this.writer!.rotate().then(
      () => {
        this.rotating = null;
      },
      () => {
        this.isBroken = true;
      },
    );
  }

  private write(): void {
    const { random, server } = this;
    // As when the rings are tight: writers wait.
    if (server.rings.some((ring) => ring.room < ring.nominal / 4)) return;
    const value = `${++this.token}-${'x'.repeat(random.below(random.pick([8, 80, 3000])))}`;
    const keys: string[] = [];
    let reply: string;
    if (random.chance(0.35)) {
      const group = random.below(GROUPS);
      for (let i = 0; i < GROUP_KEYS; i++) keys.push(`group${group}-${i}`);
      reply = server.execute(NOW_MS, 0, 'MSET', ...keys.flatMap((key) => [key, value]));
    } else {
      keys.push(`key${random.below(KEYS)}`);
      reply = server.execute(NOW_MS, 0, 'SET', keys[0]!, value);
    }
    assert.equal(reply, '+OK\r\n');
    this.writes.push({ heads: Float64Array.from(server.heads()), keys, value });
    this.outcome.writes++;
  }

  /** The process, or the machine, ends: at any moment, or when it is told to. */
  private async die(): Promise<void> {
    const { random, disk } = this;
    if (random.chance(0.2) && !this.isBroken && this.rotating === null) {
      this.fault = null;
      let isDone = false;
      this.writer!.end().then(() => {
        isDone = true;
      });
      while (!isDone) await this.pass(1);
    }
    const acknowledged = this.acknowledged();
    disk.isDown = true;
    this.writer!.abort('the end');
    while (this.waiting.length > 0) await this.pass(1000);
    await settle();
    disk.isDown = false;
    this.fault = null;
    this.rotating = null;
    // Else the process alone has ended: the machine has what was written, and may lose it later. Not
    // after a failed sync: then what it shows is not what it has.
    if (this.hasSyncFailed || random.chance(0.6)) disk.crash();
    this.hasSyncFailed = false;
    this.lastAcknowledged = acknowledged;
  }

  private lastAcknowledged: Write | null = null;

  /** The last write whose reply could have gone out. */
  private acknowledged(): Write | null {
    const { writes, durable } = this;
    for (let i = writes.length - 1; i >= 0; i--) {
      const { heads } = writes[i]!;
      if (durable.firstBehind(heads, 0) === heads.length) return writes[i]!;
    }
    return null;
  }

  /** @returns the number of the newest segment; -1 when the start was refused, with a reason */
  private async load(): Promise<number> {
    const { disk, server, random } = this;
    const before = disk.before;
    disk.before = async () => null;
    const damaged = random.chance(0.15) ? this.damage() : null;
    const { torn } = this.outcome;
    try {
      const lsns = await this.loadFrom();
      server.startJournal();
      for (const [stream, ring] of server.rings.entries()) ring.reset(lsns[stream]!);
      // Damage behind the last mark looks like a torn tail, and is told as one.
      if (damaged !== null && this.outcome.torn > torn) this.lastAcknowledged = null;
      this.verify(lsns);
      await this.files.removeBegun(CHAIN, this.lastSegment);
      return this.lastSegment;
    } catch (error) {
      if (damaged === null || !(error instanceof DamagedFile)) throw error;
      this.outcome.refused++;
      return -1;
    } finally {
      disk.before = before;
    }
  }

  private async segments() {
    const names = await this.disk.list(FOLDER);
    const segments = new Map<number, Map<number, string>>();
    for (const name of names) {
      const [, , number, flow] = name.split('.');
      const flows = segments.get(Number(number)) ?? new Map<number, string>();
      segments.set(Number(number), flows.set(Number(flow), `${FOLDER}/${name}`));
    }
    return [...segments]
      .sort(([one], [other]) => one - other)
      .map(([number, flows]) => ({ number, flows }));
  }

  private async loadFrom(): Promise<number[]> {
    const { disk, server, shards, starts } = this;
    const manifest = { shards, lsns: starts } as unknown as SnapshotManifest;
    const pathOf = (number: number, flow: number) =>
      this.files.segmentPath({ chain: CHAIN, number, flow });
    const found = { chain: CHAIN, segments: await this.segments() };
    const segments = await readSegments(disk, found, manifest, pathOf);
    for (const [stream, ring] of server.rings.entries()) ring.reset(starts[stream]!);
    this.lastSegment = segments.at(-1)?.number ?? found.segments[0]!.number - 1;
    let lsns: number[] = [...starts];
    for (const [index, segment] of segments.entries()) {
      const parts = {
        ...{ disk, shards, owner: 1, mayTruncate: true },
        threads: this.threads(segment.paths.length).asThreads,
        log: { warning: () => this.outcome.torn++ } as never,
      };
      const until = segments[index + 1]?.starts ?? null;
      if (until === null) await syncFiles(disk, segment);
      lsns = await loadSegment(parts, segment, lsns, until);
    }
    return lsns;
  }

  /** Changes a bit somewhere in a file. */
  private damage(): string | null {
    const { disk, random } = this;
    const paths = disk.paths.filter((path) => disk.lengthOf(path) > 0);
    if (paths.length === 0) return null;
    const path = random.pick(paths);
    disk.flip(path, random.below(disk.lengthOf(path)), random.below(8));
    return path;
  }

  private verify(lsns: readonly number[]): void {
    const { server } = this;
    server.check();
    const last = this.lastAcknowledged;
    if (last !== null) {
      this.outcome.acknowledged++;
      last.heads.forEach((lsn, stream) => {
        assert.ok(lsns[stream]! >= lsn, `stream ${stream} is at ${lsns[stream]}, not ${lsn}`);
      });
    }
    const expected = this.expected(lsns);
    const found = new Map<string, string>();
    for (const [key, value] of server.dump(NOW_MS)) {
      if (key.startsWith('0 ')) found.set(key.slice(2), value);
    }
    for (const [key, value] of expected) {
      assert.ok(
        found.get(key)?.endsWith(value),
        `${key} is ${found.get(key)?.slice(0, 40)}, not ${value.slice(0, 40)}`,
      );
    }
    assert.equal(found.size, expected.size);
    for (let group = 0; group < GROUPS; group++) {
      const values = Array.from({ length: GROUP_KEYS }, (_, i) => found.get(`group${group}-${i}`));
      assert.equal(new Set(values).size, 1, 'a transaction is whole or absent');
    }
    // What was not recovered has never been.
    const kept = this.writes.filter((write) => this.isKept(write, lsns));
    this.writes.length = 0;
    this.writes.push(...kept);
  }

  private shardOf(key: string): number {
    const region = new Region(new SharedArrayBuffer(64), 0);
    region.bytes.set(Buffer.from(key, 'latin1'));
    return this.server.shards.shardOf(region, 0, key.length);
  }

  private isKept({ heads, keys }: Write, lsns: readonly number[]): boolean {
    return keys.every((key) => heads[this.shardOf(key)]! <= lsns[this.shardOf(key)]!);
  }

  /** What the keys must hold when the streams are at these LSNs. */
  private expected(lsns: readonly number[]): Map<string, string> {
    const values = new Map<string, string>();
    for (const write of this.writes) {
      for (const key of write.keys) {
        const shard = this.shardOf(key);
        if (write.heads[shard]! <= lsns[shard]!) values.set(key, write.value);
      }
    }
    return values;
  }
}
