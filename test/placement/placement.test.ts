/**
 * Connections change threads while they are used: an even spread is told, so that half of them move
 * in the midst of their work; when it is lifted and they rest, everything gathers on the first thread
 * again. Every client checks
 * its own replies all the time, an observer checks CLIENT LIST.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Argument, RawClient } from '../support/client.js';
import { isError, showReply, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../support/server.js';

const CLIENTS = 24;
const HEAVY_BYTES = 300_000;
/** Long, as the machine may be full of other work. */
const PATIENCE_MS = 90_000;
const CYCLES = 2;

/** A client that asks all the time and knows what it must be told. */
class Worker {
  asked = 0;
  private sum = 0;

  constructor(
    readonly client: RawClient,
    readonly id: number,
    private readonly number: number,
  ) {}

  get database(): number {
    return this.number % 3;
  }

  get name(): string {
    return `worker-${this.number}`;
  }

  async prepare(): Promise<void> {
    const { client, number } = this;
    if (number % 2 === 1) await client.command('HELLO', '3');
    await client.text('SELECT', String(this.database));
    await client.text('CLIENT', 'SETNAME', this.name);
    await client.text('CLIENT', 'SETINFO', 'LIB-NAME', `library-${number}`);
    await client.text('SETRANGE', `heavy:${number}`, String(HEAVY_BYTES), '\xff');
  }

  /** One pipeline, cut in the middle of a command; the replies are checked. */
  async round(heavy: boolean): Promise<void> {
    const commands: Argument[][] = [];
    const expected: string[] = [];
    for (let i = 0; i < 20; i++) {
      const text = `${this.name}:${this.asked++}`;
      commands.push(['ECHO', text], ['INCR', `sum:${this.number}`]);
      expected.push(text, String(++this.sum));
      if (!heavy) continue;
      commands.push(['BITCOUNT', `heavy:${this.number}`]);
      expected.push('8');
    }
    const replies = await this.client.pipeline(commands);
    assert.deepEqual(replies.map(textOf), expected);
  }

  async run(state: { heavy: boolean; ended: boolean }): Promise<void> {
    // Every third client is never heavy: it asks now and then.
    const mayBeHeavy = this.number % 3 !== 0;
    while (!state.ended) {
      await this.round(state.heavy && mayBeHeavy);
      if (!state.heavy || !mayBeHeavy) await sleep(20 + Math.random() * 30);
    }
  }

  /** What a session consists of has come along. */
  async checkSession(): Promise<void> {
    const { client, number } = this;
    const info = await client.text('CLIENT', 'INFO');
    const field = (name: string) => new RegExp(`(?:^|[ :])${name}=([^ \\n]*)`).exec(info)?.[1];
    assert.equal(field('id'), String(this.id));
    assert.equal(field('name'), this.name);
    assert.equal(field('db'), String(this.database));
    assert.equal(field('resp'), number % 2 === 1 ? '3' : '2');
    assert.equal(field('lib-name'), `library-${number}`);
    assert.equal(field('laddr'), `127.0.0.1:${client.socket.remotePort}`);
    assert.equal(field('addr'), `127.0.0.1:${client.socket.localPort}`);
    assert.equal(await client.text('GET', `sum:${number}`), String(this.sum));
  }
}

/** Asks CLIENT LIST all the time. */
class Observer {
  /** By client id: the thread that serves it. */
  threads = new Map<number, number>();
  moves = 0;
  lists = 0;

  constructor(
    private readonly client: RawClient,
    private readonly ids: readonly number[],
  ) {}

  async look(): Promise<void> {
    const list = await this.client.text('CLIENT', 'LIST');
    const seen = new Map<number, number>();
    for (const line of list.trimEnd().split('\n')) {
      const [, id, thread] = /^id=(\d+) .* io-thread=(\d+)$/.exec(line)!;
      assert.ok(!seen.has(Number(id)), `client ${id} is listed twice`);
      seen.set(Number(id), Number(thread));
    }
    for (const id of this.ids) assert.ok(seen.has(id), `client ${id} is not listed`);
    for (const [id, thread] of seen) {
      if ((this.threads.get(id) ?? thread) !== thread) this.moves++;
      this.threads.set(id, thread);
    }
    this.lists++;
  }

  onThread(thread: number): number {
    return this.ids.filter((id) => this.threads.get(id) === thread).length;
  }
}

async function connectWorkers(server: Server): Promise<Worker[]> {
  const workers: Worker[] = [];
  for (let number = 0; number < CLIENTS; number++) {
    const client = await server.client();
    const worker = new Worker(client, Number(await client.text('CLIENT', 'ID')), number);
    await worker.prepare();
    workers.push(worker);
  }
  return workers;
}

/** INFO counts so many clients, each of them once (ends of others are noticed soon). */
async function connected(client: RawClient, count: number): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const info = await client.text('INFO', 'clients');
    const found = Number(/^connected_clients:(\d+)/m.exec(info)?.[1]);
    if (found === count) return;
    assert.ok(Date.now() < deadline, `${found} clients instead of ${count}`);
    await sleep(20);
  }
}

async function until(observer: Observer, condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  do {
    await observer.look();
    await sleep(10);
    assert.ok(Date.now() < deadline, `${what}: ${[...observer.threads.values()]}`);
  } while (!condition());
}

describe('placement', { skip: darterMissing() || (!testsDarter && 'only Darter has it') }, () => {
  const few = availableParallelism() < 2 && 'two threads need two cores to be busy';

  test('clients change threads under load and at rest, and lose nothing', {
    skip: few,
  }, async () => {
    const server = await startDarter({ threads: 2 });
    const workers = await connectWorkers(server);
    const watcher = await server.client();
    const observer = new Observer(
      watcher,
      workers.map(({ id }) => id),
    );
    await until(observer, () => observer.onThread(0) === CLIENTS, 'new clients share a thread');
    const state = { heavy: false, ended: false };
    const working = Promise.all(workers.map((worker) => worker.run(state)));
    try {
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        state.heavy = true;
        await sleep(300);
        await watcher.text('CONFIG', 'SET', 'placement', 'spread');
        await until(observer, () => observer.onThread(1) >= CLIENTS / 2 - 1, 'they spread');
        await sleep(300);
        state.heavy = false;
        await watcher.text('CONFIG', 'SET', 'placement', 'adaptive');
        await until(observer, () => observer.onThread(0) === CLIENTS, 'they gather');
      }
    } finally {
      state.ended = true;
      await working;
    }
    assert.ok(observer.moves >= 8 * CYCLES, `${observer.moves} moves`);
    for (const worker of workers) await worker.checkSession();
    await connected(watcher, CLIENTS + 1);
    const last = workers.at(-1)!;
    assert.equal(await watcher.text('CLIENT', 'KILL', 'ID', String(last.id)), '1');
    await last.client.ended();
    await connected(watcher, CLIENTS);
    await server.stop();
  });

  test('what ties a client to its thread keeps it there', { skip: few }, async () => {
    const server = await startDarter({ threads: 2, args: ['--placement', 'spread'] });
    const workers = await connectWorkers(server);
    const observer = new Observer(
      await server.client(),
      workers.map(({ id }) => id),
    );
    // Other connections count as well: it need not be half of them.
    await until(observer, () => observer.onThread(1) >= 4, 'they are spread');
    const there = workers.filter(({ id }) => observer.threads.get(id) === 1);
    const [inMulti, watching, ...others] = there as [Worker, Worker, ...Worker[]];
    await inMulti.client.text('MULTI');
    await inMulti.client.text('SET', 'in-multi', 'yes');
    await watching.client.text('WATCH', 'watched');
    await server.ask('CONFIG', 'SET', 'placement', 'adaptive');
    await until(observer, () => observer.onThread(1) === 2, 'all others gather');
    await sleep(300);
    await observer.look();
    for (const { id } of [inMulti, watching]) assert.equal(observer.threads.get(id), 1);
    for (const { id } of others) assert.equal(observer.threads.get(id), 0);
    const done = await inMulti.client.command('EXEC');
    assert.ok(!isError(done), showReply(done));
    await others[0]!.client.text('SELECT', String(watching.database));
    await others[0]!.client.text('SET', 'watched', 'now');
    await watching.client.text('MULTI');
    assert.equal((await watching.client.command('EXEC')).type, 'null');
    await until(observer, () => observer.onThread(0) === CLIENTS, 'they follow when free');
    await server.stop();
  });
});
