/**
 * One schedule of persistence on a simulated disk, drawn from a seed: a server writes, its flows bring
 * that to a disk whose operations end in any order, may fail, and lose at a crash what was not synced.
 * The journal is rewritten and snapshots are saved meanwhile, so that the crash comes between any two
 * steps of that. Then the server is started again from what is left, several times. After each start it
 * is checked that
 *
 *   - what is there is a prefix of each stream, and every transaction is whole or absent;
 *   - every write is there whose reply could have gone out: all streams were durable up to the heads
 *     that were read after it; and everything that an earlier start has shown;
 *   - the id that it is of is true: no stream is further than that history is known to go on;
 *   - the newest snapshot is the last one that was told to be saved, or a later one, and holds what the
 *     server held at its cut;
 *   - or the start was refused, and there was a reason: a file was damaged, or could not be read.
 */
import assert from 'node:assert/strict';
import { setImmediate as settle } from 'node:timers/promises';
import { Region } from '../../src/base/region.js';
import { Random } from '../support/random.js';
import {
  DiskFiles,
  type DiskShape,
  type LoadedData,
  loadFromJournal,
  loadFromSnapshot,
  mayBeTorn,
  newServer,
  simulatedName,
} from './disk-files.js';
import { DiskMachine } from './disk-machine.js';
import type { SimulatedServer } from './server.js';

const NOW_MS = 1_700_000_000_000;
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
  unreadable: number;
  torn: number;
  failedSyncs: number;
  rewrites: number;
  snapshots: number;
  roles: number;
}

export class DiskWorld {
  private readonly random: Random;
  private readonly machine: DiskMachine;
  private server!: SimulatedServer;
  private files!: DiskFiles;
  private shape: DiskShape;
  private readonly writes: Write[] = [];
  /** LSN by stream that has to be there after a crash. */
  private floor: number[];
  /** What each snapshot has to hold, by its name. */
  private readonly snapshots = new Map<string, Map<string, string>>();
  /** Name of the last snapshot that was told to be saved; '' for none. */
  private lastSaved = '';
  /** A file that was damaged and that a snapshot may still have. */
  private damagedBefore: string | null = null;
  private names = 0;
  private token = 0;
  private readonly outcome: DiskOutcome = {
    ...{ writes: 0, starts: 0, acknowledged: 0, refused: 0, unreadable: 0, torn: 0 },
    ...{ failedSyncs: 0, rewrites: 0, snapshots: 0, roles: 0 },
  };
  /** Histories that the data had, in order: where the next one took over, by stream. */
  private readonly histories: { readonly id: string; ends: readonly number[] | null }[] = [];

  constructor(
    seed: number,
    private readonly steps: number,
  ) {
    this.random = new Random(seed);
    this.machine = new DiskMachine(this.random);
    const { random } = this;
    this.shape = {
      shards: random.pick([1, 2, 4, 8]),
      policy: random.pick(['always', 'always', 'everysec', 'no']),
      keep: random.between(1, 3),
      flows: 1,
    };
    this.floor = new Array<number>(this.shape.shards + 1).fill(0);
  }

  async run(): Promise<DiskOutcome> {
    const lives = this.random.between(2, 4);
    let loaded: LoadedData | null = null;
    for (let life = 0; life < lives; life++) {
      this.begin(loaded);
      await this.live();
      await this.die();
      const start = await this.start();
      if (start === 'refused') break;
      loaded = start;
    }
    this.outcome.failedSyncs = this.machine.failedSyncs;
    return this.outcome;
  }

  // --- a life

  private begin(loaded: LoadedData | null): void {
    const { shape, machine, random } = this;
    this.shape = { ...shape, flows: random.between(1, 3) };
    this.server = loaded?.server ?? newServer(shape.shards);
    this.server.startJournal();
    if (loaded !== null) {
      const { lsns } = loaded.history;
      for (const [stream, ring] of this.server.rings.entries()) ring.reset(lsns[stream]!);
    }
    const newName = () => simulatedName(++this.names);
    // Each start of a primary begins one.
    const id = this.newHistory();
    this.files = new DiskFiles(machine, this.shape, this.server, newName, id);
    const chain = loaded?.history.chain ?? null;
    if (chain === null) this.files.beginChain();
    else this.files.continueChain(chain.chain, chain.lastSegment);
    this.outcome.starts++;
  }

  private newHistory(): string {
    const last = this.histories.at(-1);
    if (last !== undefined) last.ends ??= [...this.server.heads()];
    const id = String(this.histories.length + 1).padStart(40, '0');
    this.histories.push({ id, ends: null });
    return id;
  }

  private changeRole(): void {
    this.files.changeHistory(this.newHistory());
    this.outcome.roles++;
  }

  /** Whether this is the history that data at these LSNs has, or one that goes on from there. */
  private isOfHistory(id: string, lsns: readonly number[]): boolean {
    const found = this.histories.find((history) => history.id === id);
    if (found === undefined) return false;
    return found.ends === null || found.ends.every((end, stream) => lsns[stream]! <= end);
  }

  private async live(): Promise<void> {
    const { random, machine, files } = this;
    // Clients may not write before; a crash may come.
    let patienceMs = random.chance(0.85) ? Number.POSITIVE_INFINITY : random.below(60);
    await machine.until(() => !files.isAtWork || --patienceMs < 0);
    if (files.isAtWork) return;
    const steps = random.below(this.steps);
    for (let i = 0; i < steps; i++) {
      // Many crashes in the midst of it.
      if (files.isAtWork && random.chance(0.01)) return;
      const what = random.below(100);
      if (what < 50) this.write();
      else if (what < 90) await machine.pass(random.below(12));
      else if (what < 95) this.work();
      else if (what < 97) this.changeRole();
      else this.disturb();
      // No command comes while a cut holds the locks.
      if (what >= 50) await settle();
    }
  }

  private work(): void {
    const { files, random } = this;
    if (files.isAtWork) return;
    if (files.isBroken) {
      this.noteAcknowledged();
      files.beginChain();
      return;
    }
    const what = random.below(3);
    if (what === 0) files.rotate();
    else if (what === 1) {
      this.outcome.rewrites++;
      files.rewrite();
    } else this.save();
  }

  private save(): void {
    this.files.save(
      (name) => this.snapshots.set(name, this.server.dump(NOW_MS)),
      (name) => {
        this.lastSaved = name;
        this.outcome.snapshots++;
      },
    );
  }

  private disturb(): void {
    const { random, machine } = this;
    const left = 1 + random.below(6);
    const what = random.below(10);
    if (what < 3) machine.fault = { operations: ['append'], code: 'ENOSPC', left };
    // What was written of a block cannot be taken away again.
    else if (what < 4) machine.fault = { operations: ['append', 'truncate'], code: 'EIO', left };
    else if (what < 5) machine.fault = { operations: ['sync'], code: 'EIO', left: 1 };
    else if (what < 6) machine.fault = { operations: ['name'], code: 'EIO', left };
    else if (what < 7) machine.fault = { operations: ['create'], code: 'EMFILE', left };
    else if (what < 8) machine.fault = null;
    else machine.nowMs += 400;
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
    const { random, machine, files } = this;
    if (random.chance(0.2) && !files.isBroken && !files.isAtWork) {
      machine.fault = null;
      await files.end();
    }
    this.noteAcknowledged();
    machine.stop();
    files.abort();
    await machine.restart();
  }

  /** The last write whose reply could have gone out has to be there from now on. */
  private noteAcknowledged(): void {
    const { writes, files, floor } = this;
    for (let i = writes.length - 1; i >= 0; i--) {
      const { heads } = writes[i]!;
      if (files.durable.firstBehind(heads, 0) < heads.length) continue;
      this.floor = floor.map((lsn, stream) => Math.max(lsn, heads[stream]!));
      this.outcome.acknowledged++;
      return;
    }
  }

  // --- a start

  /** @returns what was loaded, null for nothing */
  private async start(): Promise<LoadedData | null | 'refused'> {
    const { machine, random } = this;
    machine.isStarting = true;
    try {
      if (random.chance(0.2)) await this.startUnreadable();
      const damaged = random.chance(0.2) ? machine.damage(mayBeTorn) : null;
      this.damagedBefore = damaged ?? this.damagedBefore;
      await this.checkSnapshot();
      return await this.load(damaged);
    } finally {
      machine.isStarting = false;
    }
  }

  /** The disk cannot read something: that is no torn tail, and nothing is changed. */
  private async startUnreadable(): Promise<void> {
    const { machine, random, outcome, shape } = this;
    // A load takes some 30 reads, and up to a hundred.
    machine.readsUntilFailure = 1 + random.below(random.pick([12, 100]));
    const ofJournal = random.chance(0.7);
    try {
      const loaded = ofJournal
        ? await loadFromJournal(machine, shape, () => {})
        : await loadFromSnapshot(machine, shape);
      assert.ok(machine.readsUntilFailure > 0, 'the error of the disk was overlooked');
      loaded?.server.check();
    } catch (error) {
      if (/EIO/.test((error as Error).message)) outcome.unreadable++;
      // A snapshot that was damaged before is still there.
      else this.refuse(ofJournal ? null : this.damagedBefore, error as Error);
    }
    machine.readsUntilFailure = Number.POSITIVE_INFINITY;
  }

  private async checkSnapshot(): Promise<void> {
    const { machine, shape, snapshots, lastSaved } = this;
    try {
      const loaded = await loadFromSnapshot(machine, shape);
      const name = loaded?.manifest.name ?? '';
      assert.ok(name >= lastSaved, `the newest snapshot is ${name}, ${lastSaved} was saved`);
      if (loaded === null) return;
      assert.deepEqual(loaded.server.dump(NOW_MS), snapshots.get(name));
      this.lastSaved = name;
      this.damagedBefore = null;
    } catch (error) {
      this.refuse(this.damagedBefore, error as Error);
      // From now on there may be none.
      this.lastSaved = '';
    }
  }

  private refuse(damaged: string | null, error: Error): void {
    const isTold = /^\/\S+ is damaged at offset \d+: ./.test(error.message);
    if (damaged === null || !isTold || error instanceof assert.AssertionError) throw error;
    this.outcome.refused++;
  }

  private async load(damaged: string | null): Promise<LoadedData | null | 'refused'> {
    const { machine, shape } = this;
    let torn = 0;
    let loaded: LoadedData | null;
    try {
      loaded = await loadFromJournal(machine, shape, () => torn++);
    } catch (error) {
      this.refuse(damaged, error as Error);
      return 'refused';
    }
    this.outcome.torn += torn;
    // Damage behind the last mark looks like a torn tail, and is told as one.
    if (damaged !== null && torn > 0) this.floor.fill(0);
    const lsns = loaded?.history.lsns ?? this.floor.map(() => 0);
    this.verify(lsns, loaded?.server ?? newServer(shape.shards));
    if (loaded !== null) {
      const { replicationId: id } = loaded.history;
      assert.ok(this.isOfHistory(id, lsns), `the data at ${lsns} is not of history ${id}`);
    }
    // Less may be there than was written in the last one.
    const last = this.histories.at(-1);
    if (last !== undefined) last.ends = lsns;
    return loaded;
  }

  private verify(lsns: readonly number[], server: SimulatedServer): void {
    server.check();
    this.floor.forEach((lsn, stream) => {
      assert.ok(lsns[stream]! >= lsn, `stream ${stream} is at ${lsns[stream]}, not ${lsn}`);
    });
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
    // Of other streams less may be left than there was at that write: their positions are used again.
    for (const write of kept) {
      this.writes.push({ ...write, heads: write.heads.map((lsn, i) => Math.min(lsn, lsns[i]!)) });
    }
    // Clients see it from now on.
    this.floor = [...lsns];
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
