/** Clients that fight for a shard, over two threads whose connections are made here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ThreadFigures } from '../channel/main-io.js';
import { SpreadVerdicts } from '../channel/spread-verdicts.js';
import { PERIOD_MS } from './placement.js';
import { ThreadPlacement, type ThreadPlacementParts } from './thread-placement.js';

const THREADS = 2;
const SHARDS = 8;
const HOT = 5;

interface Client {
  readonly session: { isMovable: boolean; isAtHome: boolean; state: object };
  activity: number;
  contended: number;
  takenShard: number;
  boundShard: number;
}

type Moved = { state: object; isAtHome: boolean };

class Thread {
  readonly clients = new Map<number, Client>();
  readonly contention = { tries: 0, contended: 0, bound: 0 };
  readonly placement: ThreadPlacement;
  takes: ((moved: Moved) => void) | null = null;
  workedMs = 0;
  private wallMs = 0;
  private hasFlushed = false;

  constructor(
    private readonly machine: Machine,
    thread: number,
  ) {
    const parts = {
      thread,
      threads: THREADS,
      figures: machine.figures,
      settings: machine.settings,
      isStuck: (other: number) => machine.stuck === other,
      look: () => undefined,
      flushMail: () => {
        this.hasFlushed = true;
        return machine.isMailFull;
      },
      inOrderMs: () => 0,
      commandsRun: () => 0,
      clock: { workedMs: () => this.workedMs, queuedMs: () => 0 },
      clients: {
        left: () => undefined,
        arrived: (state: object) => ({ isMovable: true, isAtHome: false, state }),
      },
      gatherer: {
        takes: (_: string, take: (moved: Moved) => void) => {
          this.takes = take;
        },
        carry: (to: number, _: string, moved: Moved) => {
          assert.equal(this.hasFlushed, true, 'messages go before their client');
          this.hasFlushed = false;
          machine.threads[to]!.takes!(moved);
          return true;
        },
      },
      frontend: {
        connections: this.clients,
        contention: this.contention,
        giveAway: (
          session: Client['session'],
          takeOver: (fd: number, input: string) => boolean,
        ) => {
          const [id] = [...this.clients].find(([, client]) => client.session === session)!;
          if (!takeOver(id, '')) return false;
          this.clients.delete(id);
          return true;
        },
        adopt: (id: number, session: Client['session']) => {
          this.clients.set(id, this.machine.client(session, id));
        },
      },
    };
    this.placement = new ThreadPlacement(parts as unknown as ThreadPlacementParts);
  }

  /** A period in which all work; those of the hot shard find it taken if others have it too. */
  period(nowMs: number): void {
    const fights = this.machine.threads.every(({ clients }) =>
      [...clients.keys()].some((id) => id % 2 === 0),
    );
    for (const [id, client] of this.clients) {
      client.activity += 1000;
      this.contention.tries += 10;
      if (id % 2 === 1 || !fights) continue;
      if (this.machine.isLucky(id)) continue;
      client.contended += 8;
      client.takenShard = HOT;
      this.contention.contended += 8;
    }
    this.workedMs += this.clients.size > 0 ? 2 * (performance.now() - this.wallMs) : 0;
    this.wallMs = performance.now();
    this.placement.period(nowMs);
  }
}

class Machine {
  readonly figures: ThreadFigures = {
    connections: new Int32Array(THREADS),
    inUse: new Int32Array(THREADS),
    atWork: new Int32Array(THREADS),
    inOrder: new Int32Array(THREADS),
    homes: new Int32Array(SHARDS),
    ...SpreadVerdicts.create(THREADS),
  };
  readonly threads: Thread[] = [];
  nowMs = 0;
  /** Who never finds the hot shard taken. */
  isLucky: (id: number) => boolean = () => false;
  /** Clients of the hot shard send pipelines, and none else. */
  binds = false;
  /** What clients have published waits for room at another thread. */
  isMailFull = false;
  readonly settings = { adaptivePlacement: true };
  stuck = -1;

  constructor() {
    for (let thread = 0; thread < THREADS; thread++) this.threads.push(new Thread(this, thread));
  }

  client(session: Client['session'], id: number): Client {
    const boundShard = this.binds && id % 2 === 0 ? HOT : -1;
    return { session, activity: 0, contended: 0, takenShard: -1, boundShard };
  }

  add(thread: number, id: number): void {
    const session = { isMovable: true, isAtHome: false, state: {} };
    this.threads[thread]!.clients.set(id, this.client(session, id));
  }

  run(periods: number): void {
    for (let i = 0; i < periods; i++) {
      this.nowMs += PERIOD_MS;
      for (const thread of this.threads) thread.period(this.nowMs);
    }
  }

  /** By thread: clients of the hot shard. */
  get hot(): number[] {
    return this.threads.map(
      ({ clients }) => [...clients.keys()].filter((id) => id % 2 === 0).length,
    );
  }
}

test('clients that fight for a shard come together, others stay', () => {
  const machine = new Machine();
  for (let id = 0; id < 40; id++) machine.add(id % 4 < 2 ? 0 : 1, id);
  assert.deepEqual(machine.hot, [10, 10]);
  machine.run(6);
  assert.deepEqual(machine.hot.toSorted(), [0, 20]);
  const [home, other] = machine.hot[0] === 20 ? machine.threads : machine.threads.toReversed();
  const others = (thread: Thread) => [...thread.clients.keys()].filter((id) => id % 2 === 1);
  assert.ok(others(other!).length >= 10);
  for (const [id, { session }] of home!.clients) assert.equal(session.isAtHome, id % 2 === 0);
});

test('at home they stay while their thread has too much to do, until the home is given up', () => {
  const machine = new Machine();
  for (let id = 0; id < 16; id++) machine.add(id % 4 < 2 ? 0 : 1, id);
  machine.run(6);
  const gathered = machine.hot;
  assert.deepEqual(gathered.toSorted(), [0, 8]);
  machine.run(80);
  assert.deepEqual(machine.hot, gathered);
  const { homes } = machine.figures;
  for (let i = 0; i < 40 && homes.some((home) => home !== 0); i++) machine.run(1);
  const atHome = machine.threads.flatMap(({ clients }) =>
    [...clients.values()].filter(({ session }) => session.isAtHome),
  );
  assert.equal(atHome.length, 0);
  assert.ok(homes.every((home) => home === 0));
});

test('clients that send pipelines for a shard come along, also who has not found it taken lately', () => {
  const machine = new Machine();
  machine.binds = true;
  machine.isLucky = (id) => id % 10 === 0;
  for (let id = 0; id < 40; id++) machine.add(id % 4 < 2 ? 0 : 1, id);
  machine.run(3);
  assert.deepEqual(machine.hot.toSorted(), [0, 20]);
});

test('who has published what still waits for room at a thread does not move', () => {
  const machine = new Machine();
  machine.isMailFull = true;
  for (let id = 0; id < 40; id++) machine.add(id % 4 < 2 ? 0 : 1, id);
  machine.run(6);
  assert.deepEqual(machine.hot, [10, 10]);
  machine.isMailFull = false;
  machine.run(6);
  assert.deepEqual(machine.hot.toSorted(), [0, 20]);
});

function recalled(): Machine {
  const machine = new Machine();
  for (let id = 1; id < 400; id += 2) machine.add(1, id);
  new SpreadVerdicts(machine.figures.recalls, machine.figures.holds).recall(1, 0);
  return machine;
}

test('a recall waits for a thread that is stuck, and for clients that cannot go yet', () => {
  const machine = recalled();
  machine.stuck = 0;
  machine.run(100);
  assert.equal(machine.threads[0]!.clients.size, 0);
  machine.stuck = -1;
  machine.isMailFull = true;
  machine.run(6);
  assert.equal(machine.threads[0]!.clients.size, 0);
  assert.notEqual(machine.figures.recalls[1], 0);
  machine.isMailFull = false;
  machine.run(6);
  assert.equal(machine.threads[0]!.clients.size, 200);
  assert.equal(machine.figures.recalls[1], 0);
});

test('a recall that somebody never follows ends, and so does one when placement is not adaptive any more', () => {
  const machine = recalled();
  machine.isMailFull = true;
  machine.run(60);
  assert.equal(machine.figures.recalls[1], 0);
  const other = recalled();
  other.settings.adaptivePlacement = false;
  other.isMailFull = true;
  other.run(1);
  assert.equal(other.figures.recalls[1], 0);
});

test('clients whose move was of no use go back, all of them', () => {
  const machine = recalled();
  machine.run(6);
  assert.equal(machine.threads[1]!.clients.size, 0);
  assert.equal(machine.threads[0]!.clients.size, 200);
  assert.equal(machine.figures.recalls[1], 0);
});
