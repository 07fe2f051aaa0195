/**
 * Clients that wait for keys: the same steps of several clients on Darter and on redis-server. After
 * each step the same clients have got the same replies, and at the end the same data is there. Darter
 * serves them on two threads, so that those who push and those who wait are often on different ones.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { showReply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { until } from '../support/until.js';

/** A step is a client's number and its command; 'kill N' ends a client, 'sleep N' lets time pass. */
type Scenario = readonly string[];

const CLIENTS = 6;
/** At the end of a scenario: what nobody should have got would have arrived. */
const SETTLE_MS = 40;
const ARRIVAL_MS = 30_000;
/** Bounds failures only; of a client that gets no replies nothing may be seen. */
const LOOKS = 5000;
const LOOKS_AT_SILENT = 50;
const LOOK_PERIOD_MS = 2;
/** redis-server looks at timeouts ten times a second. */
const TIMER_MS = 1000;

const pops = [
  'BLPOP q 0',
  'BRPOP q 0',
  'BLMPOP 0 1 q LEFT',
  'BLMPOP 0 1 q RIGHT COUNT 2',
  'BLMOVE q t LEFT RIGHT 0',
  'BRPOPLPUSH q t 0',
  'BZPOPMIN z 0',
  'BZPOPMAX z 0',
  'BZMPOP 0 1 z MIN',
  'BZMPOP 0 1 z MAX COUNT 2',
];
const feed = ['0 RPUSH q a b c', '0 ZADD z 1 a 2.5 b 3 c'];

const scenarios: Readonly<Record<string, Scenario>> = {
  'a value that is there is taken at once': [...feed, ...pops.map((pop) => `1 ${pop}`)],
  'whoever came first is served first': [
    ...['1 BLPOP q 0', '2 BRPOP q 0', '3 BLPOP q 0', '0 RPUSH q a', '0 RPUSH q b c d'],
    ...['1 BLPOP q 0', '3 BLPOP q 0', '0 LRANGE q 0 -1', '0 LPUSH q x', '0 LPUSH q y z'],
  ],
  'a client waits for several keys, and the first that comes serves it': [
    ...['1 BLPOP a b c 0', '2 BLPOP c b 0', '0 RPUSH b x', '0 RPUSH b y', '0 RPUSH c z'],
    ...['1 BLPOP a b c 0', '0 LRANGE b 0 -1', '0 DEL b'],
  ],
  'the same key twice': ['1 BLPOP a a b a 0', '0 RPUSH a x y', '0 LRANGE a 0 -1'],
  'the order of keys that come in one transaction': [
    ...['1 BLPOP a b 0', '0 MULTI', '0 RPUSH b x', '0 RPUSH a y', '0 EXEC'],
    ...['0 LRANGE a 0 -1', '0 LRANGE b 0 -1'],
  ],
  'a transaction is whole before anybody is served': [
    ...['1 BLPOP q 0', '0 MULTI', '0 RPUSH q a', '0 LPUSH q b', '0 LLEN q', '0 EXEC', '0 LLEN q'],
    ...['1 BLPOP q 0', '0 MULTI', '0 DEL q', '0 RPUSH q c', '0 DEL q', '0 EXEC', '0 RPUSH q d'],
  ],
  'transactions do not wait': [
    ...['1 MULTI', ...pops.map((pop) => `1 ${pop}`), '1 EXEC'],
    ...['1 HELLO 3', '1 MULTI', ...pops.map((pop) => `1 ${pop}`), '1 EXEC'],
    ...feed,
    ...['1 MULTI', ...pops.map((pop) => `1 ${pop}`), '1 EXEC'],
  ],
  'when the time is up': [
    ...[
      '1 BLPOP q 0.05',
      '2 BZPOPMIN z 0.1',
      '3 BLMOVE q t LEFT LEFT 0.05',
      '4 BLMPOP 0.05 1 q LEFT',
    ],
    ...['sleep 200', '1 HELLO 3', '1 BRPOP q 0.01', '1 BZMPOP 0.01 1 z MIN', 'sleep 60'],
    ...['1 BRPOPLPUSH q t 0.01', 'sleep 60', '0 RPUSH q x', '0 LRANGE q 0 -1'],
  ],
  'what a timeout may be': [
    ...[
      'abc',
      '-1',
      '-0.001',
      'nan',
      'inf',
      '-inf',
      '1e30',
      '1e-20',
      '0x0.1',
      '.05',
      '1e-2',
      '0.0',
    ],
    ...['9223372036854775807', '9223372036854775.9', '9223372036854775', '-0.9', "''", '5x'],
  ].flatMap((timeout) => [`1 BLPOP q ${timeout}`, 'sleep 150', '0 RPUSH q x', '0 DEL q']),
  'which error comes first': [
    ...['BLPOP', 'BLPOP q', 'BRPOPLPUSH q t', 'BLMOVE q t LEFT RIGHT', 'BLMOVE q t X RIGHT x'],
    ...['BLMOVE q t LEFT RIGHT x', 'BLMPOP x 0 q LEFT', 'BLMPOP x 1 q MIN', 'BLMPOP x 1 q LEFT'],
    ...['BLMPOP 0 1 q LEFT COUNT 0', 'BLMPOP 0 1 q LEFT COUNT 1 COUNT 1', 'BLMPOP 0 3 q LEFT'],
    ...['BZMPOP x 0 q MIN', 'BZMPOP x 1 z LEFT', 'BZMPOP -1 1 z MIN', 'BZMPOP 0 1 z MIN COUNT x'],
    ...['SET s x', 'BLPOP s 0', 'BLPOP s x', 'BLPOP none s 0', 'BLPOP s none 0', 'BZPOPMIN s 0'],
    ...['BLMOVE s t LEFT LEFT 0', 'BRPOPLPUSH s t 0', 'BLMPOP 0 1 s LEFT', 'BZMPOP 0 1 s MIN'],
  ].map((command) => `1 ${command}`),
  'a key of another type serves nobody': [
    ...['1 BLPOP k 0', '2 BZPOPMIN k 0', '0 SET k x', '0 DEL k', '0 SADD k x', '0 DEL k'],
    ...['0 ZADD k 1 m', '0 EXISTS k', '0 RPUSH k e', '0 EXISTS k'],
  ],
  'clients that want other types are left out, not held up': [
    ...['1 BZPOPMIN k 0', '2 BLPOP k 0', '3 BZPOPMAX k 0', '4 BLPOP k 0'],
    ...['0 RPUSH k a b c', '0 DEL k', '0 ZADD k 1 x 2 y 3 z', '0 ZRANGE k 0 -1'],
  ],
  'every way in which a list comes to be': [
    ...['0 RPUSH from a b c', '1 BLPOP k 0', '0 RENAME from k', '0 RENAME k from'],
    ...['1 BLPOP k 0', '0 RENAMENX from k', '0 RENAME k from', '0 RPUSH from d e'],
    ...['1 BLPOP k 0', '0 COPY from k', '0 DEL k', '1 BLPOP k 0', '0 COPY from k DB 0'],
    ...['0 DEL k', '1 BLPOP k 0', '0 SORT from ALPHA STORE k', '0 DEL k'],
    ...['1 BLPOP k 0', '0 LMOVE from k LEFT LEFT', '1 BLPOP k 0', '0 RPOPLPUSH from k'],
    ...['1 BLPOP k 0', '0 LPUSHX k x', '0 LPUSH k x', '1 SELECT 1', '1 BLPOP k 0'],
    ...['0 RPUSH k moved', '0 MOVE k 1', '0 EXISTS k'],
  ],
  'every way in which a sorted set comes to be': [
    ...[
      '0 ZADD from 1 a 2 b',
      '1 BZPOPMIN k 0',
      '0 ZADD k 5 x',
      '1 BZPOPMIN k 0',
      '0 ZINCRBY k 3 y',
    ],
    ...['1 BZPOPMAX k 0', '0 ZUNIONSTORE k 1 from', '0 DEL k', '1 BZPOPMAX k 0', '0 DEL k'],
    ...['0 ZRANGESTORE k from 0 -1', '0 DEL k', '1 BZPOPMIN k 0', '0 ZINTERSTORE k 2 from from'],
    ...['0 DEL k', '1 BZPOPMIN k 0', '0 GEOADD k 13 38 Palermo', '1 BZPOPMIN k 0'],
    ...['0 ZADD k XX 1 q', '0 ZADD k NX 1 q', '1 BZPOPMIN k 0', '0 ZADD k INCR 4 r'],
    ...['1 BZMPOP 0 2 other k MAX COUNT 10', '0 RENAME from k', '0 EXISTS k'],
  ],
  'databases that are exchanged': [
    ...[
      '0 SELECT 1',
      '0 RPUSH k a b',
      '0 ZADD z 1 m',
      '0 SELECT 0',
      '1 BLPOP k 0',
      '2 BZPOPMIN z 0',
    ],
    ...[
      '3 SELECT 1',
      '3 BLPOP other 0',
      '0 RPUSH k x',
      '1 BLPOP k 0',
      '0 RPUSH other o',
      '0 SWAPDB 0 1',
    ],
    ...['0 LRANGE k 0 -1', '0 SELECT 1', '0 LRANGE k 0 -1'],
  ],
  'a move serves who waits for its target': [
    ...['1 BLMOVE a b LEFT RIGHT 0', '2 BRPOPLPUSH b c 0', '3 BLPOP c 0', '0 RPUSH a x'],
    ...['0 EXISTS a b c', '1 BLMOVE a a LEFT RIGHT 0', '0 RPUSH a p q r', '0 LRANGE a 0 -1'],
  ],
  'moves in circles': [
    ...['1 BLMOVE a b LEFT RIGHT 0', '2 BLMOVE b a LEFT RIGHT 0', '0 RPUSH a x'],
    ...['0 LRANGE a 0 -1', '0 LRANGE b 0 -1'],
  ],
  'a move whose target has another type answers the error': [
    ...['0 SET t x', '1 BLMOVE s t LEFT LEFT 0', '2 BLPOP s 0', '0 RPUSH s a b', '0 LRANGE s 0 -1'],
  ],
  'a key that expires within a transaction serves nobody': [
    ...['1 BLPOP a 0', '2 BLMOVE a b LEFT LEFT 0', '0 MULTI', '0 RPUSH a x y', '0 PEXPIRE a 20'],
    ...['0 DEBUG SLEEP 0.1', '0 EXEC', '0 EXISTS a', '0 RPUSH a p', '0 RPUSH a q', '0 EXISTS a b'],
    ...['1 BZPOPMIN z 0', '0 MULTI', '0 ZADD z 1 m', '0 PEXPIRE z 20', '0 DEBUG SLEEP 0.1'],
    ...['0 EXEC', '0 ZADD z 2 n'],
  ],
  'CLIENT UNBLOCK': [
    ...['1 BLPOP a b 0', '0 CLIENT UNBLOCK #1', '1 PING', '0 CLIENT UNBLOCK #1', '1 HELLO 3'],
    ...['1 BZPOPMIN z 0', '0 CLIENT UNBLOCK #1 TIMEOUT', '1 BLMOVE a b LEFT LEFT 0'],
    ...['0 CLIENT UNBLOCK #1 ERROR', '2 BLPOP a 0', '0 RPUSH a x y', '0 CLIENT UNBLOCK #2'],
  ],
  'a client that is killed or leaves is passed over': [
    ...[
      '1 BLPOP q 0',
      '2 BLPOP q 0',
      '3 BLPOP q 0',
      '0 CLIENT KILL ID #1',
      '0 RPUSH q a',
      'kill 3',
    ],
    ...['0 RPUSH q b', '0 LRANGE q 0 -1'],
  ],
  'commands behind one that waits follow it': [
    ...[
      '1 BLPOP q 0',
      '1 SET later 1',
      '1 GET later',
      '0 EXISTS later',
      '0 RPUSH q a',
      '0 GET later',
    ],
  ],
  'CLIENT REPLY': [
    ...['1 CLIENT REPLY SKIP', '1 BLPOP q 0', '0 RPUSH q a', '1 PING', '1 CLIENT REPLY OFF'],
    ...[
      '1 BLPOP q 0.01',
      'sleep 300',
      '1 BLPOP q 0',
      '0 RPUSH q b',
      '1 CLIENT REPLY ON',
      '0 EXISTS q',
    ],
  ],
  'CLIENT PAUSE': [
    ...['1 BLPOP q 0', '0 CLIENT PAUSE 2500 WRITE', '2 RPUSH q a', 'sleep 100', '0 LLEN q'],
    ...['sleep 3000', '0 LLEN q'],
    ...['0 HSET h f v', '0 SET k v PX 700', '0 CLIENT PAUSE 4000 WRITE', 'sleep 1000', '0 GET k'],
    ...['0 DBSIZE', '0 TTL k', 'sleep 4000', '0 GET k', '0 DBSIZE'],
  ],
  'a server that becomes a replica ends all waits, and their connections': [
    ...[
      '1 BLPOP q 0',
      '2 BZPOPMIN z 0',
      '0 REPLICAOF 127.0.0.1 1',
      '0 REPLICAOF NO ONE',
      '0 RPUSH q x',
    ],
    ...['0 LRANGE q 0 -1'],
  ],
  'values of all sizes': [
    ...[1, 1000, 40_000, 300_000].flatMap((bytes) => [
      '1 BLPOP q 0',
      `0 RPUSH q ${'v'.repeat(bytes)}`,
      '1 BLMOVE q t LEFT LEFT 0',
      `0 RPUSH q ${'w'.repeat(bytes)}`,
    ]),
    ...['1 BLPOP q 0', `0 RPUSH q ${'a '.repeat(3000)}b`, '0 LLEN q'],
    ...[`1 BLPOP ${'k'.repeat(9000)} 0`, `0 RPUSH ${'k'.repeat(9000)} x`],
  ],
};

const RANDOM_STEPS = 150;
const lists = ['a', 'b', 'c'];
const sets = ['x', 'y'];

/**
 * A step of a client that does not wait. Client 0 never does. No STORE overwrites a value of another type:
 * redis-server 7.0 serves nobody then, and Darter does.
 */
function randomStep(random: Random, client: number): string {
  const [one, other] = [random.pick(lists), random.pick(lists)];
  const [low, high] = [random.pick(sets), random.pick(sets)];
  const [end, opposite] = random.pick([
    ['LEFT', 'RIGHT'],
    ['RIGHT', 'LEFT'],
  ]);
  const number = random.below(100);
  const waits = [
    `BLPOP ${one} ${other} 0`,
    `BRPOP ${one} 0`,
    `BLMOVE ${one} ${other} ${end} ${opposite} 0`,
    `BRPOPLPUSH ${one} ${other} 0`,
    `BLMPOP 0 2 ${one} ${other} ${end} COUNT ${1 + (number % 3)}`,
    `BZPOPMIN ${low} ${high} 0`,
    `BZPOPMAX ${low} 0`,
    `BZMPOP 0 2 ${low} ${high} MAX COUNT 2`,
    `BZPOPMIN ${one} 0`,
  ];
  const writes = [
    `RPUSH ${one} p${number}`,
    `LPUSH ${one} q${number} r${number}`,
    `LMOVE ${one} ${other} ${end} ${opposite}`,
    `RENAME ${one} ${other}`,
    `DEL ${one} ${low}`,
    `ZADD ${low} ${number % 7} m${number}`,
    `ZUNIONSTORE ${low} 1 ${high}`,
    `COPY ${one} ${other} REPLACE`,
    `SET ${one} text`,
    `ZADD ${one} 1 m`,
    // No SWAPDB: where several keys become ready by it, Redis serves them in no order.
    `MOVE ${one} 1`,
    'MULTI',
    'EXEC',
    `CLIENT UNBLOCK #${1 + random.below(CLIENTS - 1)} ${random.pick(['TIMEOUT', 'ERROR'])}`,
  ];
  return `${client} ${random.pick(client === 0 || random.chance(0.3) ? writes : waits)}`;
}

interface Client {
  readonly raw: RawClient;
  readonly id: string;
  readonly replies: string[];
  sent: number;
  isSilent: boolean;
}

class Stage {
  readonly clients: Client[] = [];
  private observer!: RawClient;
  constructor(private readonly server: Server) {}

  async begin(): Promise<void> {
    this.observer = await this.server.client();
    for (let i = 0; i < CLIENTS; i++) {
      const raw = await this.server.client();
      const id = textOf(await raw.command('CLIENT', 'ID'));
      this.clients.push({ raw, id, replies: [], sent: 0, isSilent: false });
    }
    await this.clients[0]!.raw.command('FLUSHALL');
  }

  async step(step: string): Promise<void> {
    const [who = '', ...words] = step.split(' ');
    if (who === 'sleep') await sleep(Number(words[0]));
    else if (who === 'kill') await this.leave(this.clients[Number(words[0])]!);
    else this.send(this.clients[Number(who)]!, words);
  }

  private send(client: Client, words: readonly string[]): void {
    const args = words.map((word) => {
      if (word === "''") return '';
      return word.startsWith('#') ? this.clients[Number(word.slice(1))]!.id : word;
    });
    client.sent++;
    if (/^CLIENT REPLY (SKIP|OFF)$/.test(words.join(' '))) client.isSilent = true;
    client.raw.command(...args).then(
      (reply) => client.replies.push(args[0] === 'HELLO' ? 'hello' : showReply(reply)),
      () => client.replies.push('(closed)'),
    );
  }

  /** Clients but the first whose commands have all been answered. */
  get idle(): number[] {
    const all = this.clients.map((_, i) => i);
    return all.filter((i) => i > 0 && this.clients[i]!.replies.length === this.clients[i]!.sent);
  }

  get counts(): number[] {
    return this.clients.map(({ replies }) => replies.length);
  }

  /** It has left when the server knows it no more: another thread may serve the next step. */
  private async leave(client: Client): Promise<void> {
    await client.raw.close();
    await until('it has left', async () => (await this.lineOf(client)) === '');
  }

  private async lineOf(client: Client): Promise<string> {
    return textOf(await this.observer.command('CLIENT', 'LIST', 'ID', client.id));
  }

  /** Steps of different clients are in order: a client that waits does so before the next step. */
  async untilTaken(step: string): Promise<void> {
    const client = this.clients[Number(step.split(' ', 1)[0])];
    if (client !== undefined) await this.untilAnsweredOrWaiting(client);
    // What a step brings about, redis-server sends in the same turn; and it has arrived here when
    // what was sent after it has.
    for (let i = 0; i < 2; i++) await this.observer.command('PING');
  }

  private async untilAnsweredOrWaiting(client: Client): Promise<void> {
    const looks = client.isSilent ? LOOKS_AT_SILENT : LOOKS;
    for (let i = 0; i < looks && client.replies.length < client.sent; i++) {
      const line = await this.lineOf(client);
      if (/ flags=\S*b/.test(line) || line === '') return;
      await sleep(LOOK_PERIOD_MS);
    }
  }

  async end(): Promise<void> {
    await Promise.all([this.observer, ...this.clients.map(({ raw }) => raw)].map((c) => c.close()));
  }
}

/** Until both servers have answered as often. */
async function untilEqual(ours: Stage, theirs: Stage): Promise<void> {
  const begunMs = Date.now();
  for (;;) {
    const [own, their] = [ours.counts, theirs.counts];
    const isBehind = own.some((count, i) => count < their[i]!);
    const isAhead = own.some((count, i) => count > their[i]!);
    const passedMs = Date.now() - begunMs;
    if (!isBehind && (!isAhead || passedMs > TIMER_MS)) return;
    if (passedMs > ARRIVAL_MS) return;
    await sleep(1);
  }
}

describe('clients that wait for keys', { skip: eitherMissing() }, () => {
  let darter: Server;
  let redis: Server;

  before(async () => {
    const args = ['--placement', 'spread'];
    const debug = ['--enable-debug-command', 'yes'];
    [darter, redis] = await Promise.all([
      startDarter({ threads: 2, args: [...args, ...debug] }),
      startRedis({ args: debug }),
    ]);
  });
  after(async () => {
    await Promise.all([darter.stop(), redis.stop()]);
  });

  test('random steps of clients that wait and write', async (t) => {
    const seed = seedFromEnvironment();
    console.log(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    const [ours, theirs] = [new Stage(darter), new Stage(redis)];
    t.after(() => Promise.all([ours.end(), theirs.end()]));
    await Promise.all([ours.begin(), theirs.begin()]);
    const steps: string[] = [];
    for (let i = 0; i < RANDOM_STEPS; i++) {
      const client = random.pick([0, ...theirs.idle]);
      const step = randomStep(random, client);
      steps.push(step);
      await play(ours, theirs, step, steps.slice(-30).join('\n'));
    }
    for (const key of [...lists, ...sets]) {
      for (const read of ['TYPE', 'LRANGE', 'ZRANGE']) {
        const step = `0 ${read} ${key}${read === 'TYPE' ? '' : ' 0 -1'}`;
        await play(ours, theirs, step, steps.join('\n'));
      }
    }
    await sleep(SETTLE_MS);
    await compare(ours, theirs, steps.join('\n'));
  });

  async function play(ours: Stage, theirs: Stage, step: string, told: string): Promise<void> {
    await Promise.all([ours.step(step), theirs.step(step)]);
    await Promise.all([ours.untilTaken(step), theirs.untilTaken(step)]);
    await compare(ours, theirs, told);
  }

  async function compare(ours: Stage, theirs: Stage, told: string): Promise<void> {
    await untilEqual(ours, theirs);
    const [own, their] = [ours, theirs].map((stage) => stage.clients.map((c) => c.replies));
    assert.deepEqual(own, their, told);
  }

  for (const [name, scenario] of Object.entries(scenarios)) {
    test(name, async (t) => {
      const [ours, theirs] = [new Stage(darter), new Stage(redis)];
      t.after(() => Promise.all([ours.end(), theirs.end()]));
      await Promise.all([ours.begin(), theirs.begin()]);
      for (const step of scenario) {
        await play(ours, theirs, step, step.slice(0, 100));
      }
      await sleep(SETTLE_MS);
      await compare(ours, theirs, 'at the end');
    });
  }
});
