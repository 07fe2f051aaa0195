/**
 * When a flow of the journal writes and syncs, by policy, on a disk and with a time that the test moves: what
 * clients wait for is not put off, and what nobody waits for is not done bit by bit.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as settle } from 'node:timers/promises';
import { DurableLsns } from '../../src/memory/durable-lsns.js';
import type { DiskFile } from '../../src/persistence/files/disk.js';
import { MemoryDisk } from '../../src/persistence/files/testing-memory-disk.js';
import { isProven } from '../../src/replication/files/segment-proof.js';
import { NO_WINDOW_BYTES } from '../../src/replication/primary/send-window.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import type { SyncPolicy } from '../../src/server/channel/main-flow.js';
import type { FlowTime } from '../../src/server/flow-thread/flow-time.js';
import { JournalFlow } from '../../src/server/flow-thread/journal-flow.js';
import { SimulatedServer } from '../simulation/server.js';

const HEADER = {
  ...{ index: 0, flows: 1, shards: 2, databases: 2, spread: 1, hashKey0: 1, hashKey1: 2 },
  ...{ createdMs: 0, replicationId: 'a'.repeat(40), setName: '1' },
};

/** Counts what is done; a sync ends when the test says so. */
class WatchedDisk extends MemoryDisk {
  appends = 0;
  begunSyncs = 0;
  /** When a sync is over. */
  synced = (): void => {};
  holdsSyncs = false;
  mayHoldUp = false;
  private waiting: (() => void)[] = [];

  override async create(path: string): Promise<DiskFile> {
    this.put(path, new Uint8Array(0));
    return new WatchedFile(this, await this.reopen(path));
  }

  async sync(): Promise<void> {
    this.begunSyncs++;
    if (this.holdsSyncs) await new Promise<void>((done) => this.waiting.push(done));
    this.synced();
  }

  endSyncs(): void {
    for (const done of this.waiting.splice(0)) done();
  }
}

class WatchedFile implements DiskFile {
  constructor(
    private readonly disk: WatchedDisk,
    private readonly file: DiskFile,
  ) {}

  set mayHoldUp(may: boolean) {
    this.disk.mayHoldUp = may;
  }

  append(bytes: Uint8Array): Promise<void> {
    this.disk.appends++;
    return this.file.append(bytes);
  }

  sync(): Promise<void> {
    return this.disk.sync();
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.file.write(offset, bytes);
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.file.read(offset, into);
  }

  length(): Promise<number> {
    return this.file.length();
  }

  truncate(bytes: number): Promise<void> {
    return this.file.truncate(bytes);
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** What a flow sleeps for. */
class WatchedTime implements FlowTime {
  now = 0;
  /** How often it has slept for a time, and not for news. */
  naps = 0;
  private wake: (() => void)[] = [];
  private fill: (() => void)[] = [];

  nowMs(): number {
    return this.now;
  }

  sleep(): Promise<void> {
    this.naps++;
    return this.untilWoken();
  }

  private untilWoken(): Promise<void> {
    return new Promise((done) => this.wake.push(done));
  }

  untilWritten(isIdle: () => boolean): Promise<void> {
    return isIdle() ? this.untilWoken() : Promise.resolve();
  }

  untilFilling(): Promise<void> {
    return new Promise((done) => this.fill.push(done));
  }

  turn(): Promise<void> {
    return settle();
  }

  get rests(): boolean {
    return this.fill.length > 0;
  }

  /** So much later: whatever sleeps is awake. */
  async pass(ms: number): Promise<void> {
    this.now += ms;
    this.filling();
    for (const done of this.wake.splice(0)) done();
    await rounds();
  }

  filling(): void {
    for (const done of this.fill.splice(0)) done();
  }
}

/** Until what can go on has done so. */
async function rounds(): Promise<void> {
  for (let i = 0; i < 20; i++) await settle();
}

/** @param isWhole whether the other flows have their first files too */
async function begin(policy: SyncPolicy, isWhole = true) {
  const shape = { shards: 2, shardMebibytes: 4, ringBytes: 1 << 20 };
  const server = new SimulatedServer('one', shape, { key0: 1, key1: 2, spread: 1 }, () => 'a');
  server.startJournal();
  const streams = server.rings.length;
  const mine = server.rings.map((_, stream) => stream);
  const from = server.heads();
  const session = new SyncSession(SyncSession.create(streams, false), streams, 1);
  session.acknowledged.set(from);
  const options = {
    ...{ ...server.primaryParts, mine, from, session },
    ...{ raw: true, half: null, windowBytes: NO_WINDOW_BYTES },
  };
  const [disk, time] = [new WatchedDisk(), new WatchedTime()];
  const durable = new DurableLsns(DurableLsns.create(streams));
  durable.beginChain();
  const reasons: string[] = [];
  const told: string[] = [];
  const flow = new JournalFlow(
    {
      ...{ options, disk, durable, time },
      advanced: () => {},
      begun: () => told.push('begun'),
      opened: () => told.push('opened'),
      trouble: () => {},
      ended: (reason) => reasons.push(reason),
    },
    { folder: 'f', path: 'f/1', header: HEADER, starts: from },
    policy,
  );
  flow.count();
  // Where it begins is written, and it has rested.
  await time.pass(100);
  if (isWhole) flow.wholeSegment();
  await time.pass(100);
  const isDurable = () => durable.firstBehind(Float64Array.from(server.heads()), 0) === streams;
  const end = async () => {
    disk.holdsSyncs = false;
    disk.endSyncs();
    flow.end('');
    for (let i = 0; i < 5; i++) await time.pass(100);
    assert.deepEqual(reasons, ['']);
    assert.ok(isDurable());
  };
  let number = 0;
  const write = (value = 'value') => server.execute(0, 0, 'SET', `key:${number++}`, value);
  /** A cut of all streams; the flow may go on in the next file. */
  const rotate = () => {
    const starts = server.heads();
    session.limits.set(starts);
    flow.continueIn({ folder: 'f', path: 'f/2', header: HEADER, starts });
    return () => session.limits.fill(Number.POSITIVE_INFINITY);
  };
  return { disk, time, flow, isDurable, write, end, rotate, told };
}

test('with always a write is durable at once, in one append and one sync, and later ones share the next', async () => {
  const { disk, time, isDurable, write, end } = await begin('always');
  assert.ok(disk.mayHoldUp, 'clients wait for it');
  for (let i = 0; i < 3; i++) {
    const [appends, syncs] = [disk.appends, disk.begunSyncs];
    write();
    await time.pass(0);
    assert.ok(isDurable());
    assert.deepEqual([disk.appends - appends, disk.begunSyncs - syncs], [1, 1]);
  }
  disk.holdsSyncs = true;
  const before = disk.begunSyncs;
  write();
  await time.pass(0);
  for (let i = 0; i < 50; i++) {
    write();
    if (i % 10 === 9) await time.pass(0);
  }
  assert.ok(!isDurable());
  assert.equal(disk.begunSyncs - before, 1);
  disk.endSyncs();
  await rounds();
  disk.endSyncs();
  await rounds();
  assert.equal(disk.begunSyncs - before, 2);
  assert.ok(isDurable());
  await end();
});

test('with always a flow whose clients write on and on never sleeps beside them', async () => {
  const { disk, time, isDurable, write, end } = await begin('always');
  const [naps, syncs] = [time.naps, disk.begunSyncs];
  let left = 60;
  disk.synced = () => {
    if (left-- <= 0) return;
    // Whoever gets an answer writes again, whatever the flow has come to by then.
    let steps = left % 12;
    const step = (): void => {
      if (steps-- > 0) void Promise.resolve().then(step);
      else write();
    };
    step();
  };
  write();
  // Woken once: from then on there is news whenever it looks.
  await time.pass(0);
  for (let i = 0; left > 0 && i < 100; i++) {
    await rounds();
    await time.pass(0);
  }
  assert.ok(left <= 0 && isDurable());
  assert.ok(disk.begunSyncs - syncs >= 60);
  assert.equal(time.naps, naps);
  await end();
});

test('with everysec it rests after a write, so that many share the next; a ring that fills ends the rest', async () => {
  const { disk, time, write, end } = await begin('everysec');
  assert.ok(!disk.mayHoldUp, 'nobody waits for it');
  write();
  await time.pass(0);
  const before = disk.appends;
  assert.ok(time.rests);
  for (let i = 0; i < 100; i++) write();
  await rounds();
  assert.equal(disk.appends, before);
  time.filling();
  await rounds();
  assert.equal(disk.appends, before + 1);
  // It has rested for no time at all: a ring that is filling all the time does not keep it busy.
  write();
  time.filling();
  await rounds();
  assert.equal(disk.appends, before + 1);
  await time.pass(2);
  assert.equal(disk.appends, before + 2);
  await end();
});

test('a policy that is changed is in force at once', async () => {
  const { disk, flow, end } = await begin('everysec');
  flow.setPolicy('always');
  assert.ok(disk.mayHoldUp);
  flow.setPolicy('no');
  assert.ok(!disk.mayHoldUp);
  await end();
});

for (const policy of ['always', 'everysec', 'no'] as const) {
  test(`with ${policy} nothing proves the first file, or is durable, before all flows have theirs`, async () => {
    const { disk, time, flow, isDurable, write, end, told } = await begin(policy, false);
    assert.deepEqual(told, ['begun', 'opened']);
    const before = disk.bytesOf('f/1').length;
    write();
    for (let i = 0; i < 15; i++) await time.pass(100);
    assert.ok(disk.bytesOf('f/1').length > before);
    assert.ok(!isDurable());
    assert.ok(!(await isProven(disk, ['f/1'])));
    flow.wholeSegment();
    for (let i = 0; i < 15; i++) await time.pass(100);
    assert.equal(isDurable(), policy !== 'no');
    assert.ok(await isProven(disk, ['f/1']));
    await end();
  });

  test(`with ${policy} what comes while a file takes the place of another is written before the disk has that one`, async () => {
    const { disk, time, flow, isDurable, write, end, rotate, told } = await begin(policy);
    write();
    await time.pass(100);
    disk.holdsSyncs = true;
    told.length = 0;
    const withoutLimits = rotate();
    for (let i = 0; i < 3; i++) await time.pass(100);
    assert.deepEqual(told, ['begun']);
    withoutLimits();
    const before = disk.bytesOf('f/2').length;
    write();
    for (let i = 0; i < 3; i++) await time.pass(100);
    assert.ok(disk.bytesOf('f/2').length > before);
    assert.ok(!isDurable());
    // The rest of the old one, its end, and the beginning of the new one.
    for (let i = 0; i < 10 && told.length === 1; i++) {
      disk.endSyncs();
      await time.pass(100);
    }
    assert.deepEqual(told, ['begun', 'opened']);
    assert.ok(!(await isProven(disk, ['f/2'])), 'other flows may not have theirs');
    disk.holdsSyncs = false;
    disk.endSyncs();
    for (let i = 0; i < 15; i++) await time.pass(100);
    assert.ok(!isDurable());
    flow.wholeSegment();
    for (let i = 0; i < 15; i++) await time.pass(100);
    assert.equal(isDurable(), policy !== 'no');
    assert.ok(await isProven(disk, ['f/2']));
    await end();
  });
}
