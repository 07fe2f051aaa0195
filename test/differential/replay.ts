/**
 * Runs a sequence on both servers, from an empty data set, and finds the first reply that differs.
 *
 * Steps of one connection that follow each other go out as one pipeline; before another
 * connection's turn all replies are in, so that the order is the same on both servers. Neither
 * server waits for the other: each goes through the sequence at its own pace, and replies are
 * compared while the next batch is under way.
 */
import { ConnectionLost, type RawClient } from '../support/client.js';
import { isList, type Reply, showReply } from '../support/reply.js';
import { type Server, startDarter, startRedis } from '../support/server.js';
import { repliesAgree } from './comparison.js';
import { datasetDifference, readDataset } from './dataset.js';
import type { Sequence, Step } from './sequence.js';

export interface Mismatch {
  /** The step that showed it; the number of steps when the data sets differ at the end. */
  readonly index: number;
  readonly args: readonly string[];
  readonly ours: string;
  readonly theirs: string;
}

const batchSteps = 256;
const timeout_ms = 60_000;
/** What the sequences change with CONFIG SET, as it is at the start. */
const configAtStart = [
  ...['timeout', '0', 'hz', '10', 'slowlog-max-len', '128', 'slowlog-log-slower-than', '10000'],
  ...['tcp-keepalive', '300', 'lazyfree-lazy-expire', 'no', 'latency-monitor-threshold', '0'],
  ...['loglevel', 'notice', 'hll-sparse-max-bytes', '3000'],
  ...['hash-max-listpack-entries', '128', 'hash-max-listpack-value', '64'],
  ...['set-max-intset-entries', '512'],
  ...['zset-max-listpack-entries', '128', 'zset-max-listpack-value', '64'],
];

/** One server, and the connections of the sequence that runs. */
class Side {
  server: Server;
  readonly #start: () => Promise<Server>;
  #clients: RawClient[] = [];
  #admin: RawClient | undefined;

  private constructor(server: Server, start: () => Promise<Server>) {
    this.server = server;
    this.#start = start;
  }

  static async create(start: () => Promise<Server>): Promise<Side> {
    return new Side(await start(), start);
  }

  /** Empty, in its first state, with fresh connections. A server that died or hangs is replaced. */
  async begin(sequence: Sequence): Promise<void> {
    await this.end();
    if (this.server.alive) {
      try {
        return await this.#prepare(sequence);
      } catch {
        await this.end();
      }
    }
    await this.server.stop();
    this.server = await this.#start();
    await this.#prepare(sequence);
  }

  async #prepare(sequence: Sequence): Promise<void> {
    const connect = (): Promise<RawClient> => this.server.client({ timeout_ms });
    const admin = connect();
    // Kept as they come: when one fails, `end` closes the others.
    const clients = sequence.protocols.map(async (protocol, connection) => {
      const client = await connect();
      this.#clients[connection] = client;
      if (protocol === 3) await client.command('HELLO', '3');
    });
    const settled = await Promise.allSettled([admin, ...clients]);
    if (settled[0].status === 'fulfilled') this.#admin = settled[0].value;
    const failed = settled.find((each) => each.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await this.admin().pipeline([
      ['FLUSHALL', 'SYNC'],
      ['CONFIG', 'SET', ...configAtStart],
    ]);
  }

  client(connection: number): RawClient {
    return this.#clients[connection] as RawClient;
  }

  admin(): RawClient {
    if (this.#admin === undefined) throw new Error('begin first');
    return this.#admin;
  }

  async end(): Promise<void> {
    const open = [...this.#clients, this.#admin].filter((client) => client !== undefined);
    this.#clients = [];
    this.#admin = undefined;
    await Promise.all(open.map((client) => client.close()));
  }

  async stop(): Promise<void> {
    await this.end();
    await this.server.stop();
  }
}

export class Pair {
  readonly ours: Side;
  readonly theirs: Side;
  /** Commands compared so far. */
  compared = 0;

  private constructor(ours: Side, theirs: Side) {
    this.ours = ours;
    this.theirs = theirs;
  }

  static async start(): Promise<Pair> {
    const [ours, theirs] = await Promise.allSettled([
      Side.create(() => startDarter()),
      Side.create(() => startRedis({ args: ['--loglevel', 'warning'] })),
    ]);
    if (ours.status === 'fulfilled' && theirs.status === 'fulfilled') {
      return new Pair(ours.value, theirs.value);
    }
    for (const side of [ours, theirs]) if (side.status === 'fulfilled') await side.value.stop();
    throw ours.status === 'rejected' ? ours.reason : (theirs as PromiseRejectedResult).reason;
  }

  async stop(): Promise<void> {
    await Promise.all([this.ours.stop(), this.theirs.stop()]);
  }

  async run(sequence: Sequence): Promise<Mismatch | undefined> {
    await Promise.all([this.ours.begin(sequence), this.theirs.begin(sequence)]);
    const race = new Race(sequence);
    await Promise.all([race.play(this.ours, 'ours'), race.play(this.theirs, 'theirs')]);
    this.compared += race.compared;
    return race.mismatch ?? this.#compareData(sequence.steps.length);
  }

  async #compareData(index: number): Promise<Mismatch | undefined> {
    const mismatch = { index, args: ['(data set)'] };
    try {
      const [ours, theirs] = await Promise.all([
        readDataset(this.ours.admin()),
        readDataset(this.theirs.admin()),
      ]);
      const difference = datasetDifference(ours, theirs);
      return difference === undefined
        ? undefined
        : { ...mismatch, ours: difference, theirs: '(see above)' };
    } catch (error) {
      return { ...mismatch, ours: (error as Error).message, theirs: '(reading the data)' };
    }
  }
}

/** One sequence under way on both servers: what each has answered, compared as far as both have. */
class Race {
  mismatch: Mismatch | undefined;
  /** Steps whose replies agree. */
  compared = 0;
  readonly #batches: readonly Batch[];
  readonly #ours: Reply[][] = [];
  readonly #theirs: Reply[][] = [];
  /** What each connection has queued since MULTI. */
  readonly #queues: Step[][];
  #batchesCompared = 0;

  constructor(sequence: Sequence) {
    this.#batches = batchesOf(sequence.steps);
    this.#queues = sequence.protocols.map(() => []);
  }

  /** Sends the batches to one server, one after the other, until a reply differs. */
  async play(side: Side, whose: 'ours' | 'theirs'): Promise<void> {
    const replies = whose === 'ours' ? this.#ours : this.#theirs;
    for (const { connection, steps } of this.#batches) {
      if (this.mismatch !== undefined) return;
      const coming = answers(side.client(connection), steps);
      this.#compare();
      replies.push(await coming);
    }
    this.#compare();
  }

  #compare(): void {
    while (this.mismatch === undefined) {
      const ours = this.#ours[this.#batchesCompared];
      const theirs = this.#theirs[this.#batchesCompared];
      if (ours === undefined || theirs === undefined) return;
      this.#compareBatch(this.#batches[this.#batchesCompared++] as Batch, ours, theirs);
    }
  }

  #compareBatch(batch: Batch, ours: readonly Reply[], theirs: readonly Reply[]): void {
    const queue = this.#queues[batch.connection] as Step[];
    for (const [i, step] of batch.steps.entries()) {
      const { args } = step;
      const [own, their] = [ours[i], theirs[i]];
      if (own === undefined || their === undefined || !stepAgrees(args, own, their, queue)) {
        const [index, shown] = [batch.start + i, [own, their].map(showAnswer)];
        this.mismatch = { index, args, ours: shown[0] as string, theirs: shown[1] as string };
        return;
      }
      follow(step, their, queue);
      this.compared++;
    }
  }
}

/** Steps of one connection; a whole SCAN iteration is a batch of its own. */
interface Batch {
  readonly connection: number;
  /** The number of the first step in the sequence. */
  readonly start: number;
  readonly steps: readonly Step[];
}

function batchesOf(steps: readonly Step[]): Batch[] {
  const batches: Batch[] = [];
  for (let start = 0; start < steps.length; ) {
    const end = batchEnd(steps, start);
    const { connection } = steps[start] as Step;
    batches.push({ connection, start, steps: steps.slice(start, end) });
    start = end;
  }
  return batches;
}

function batchEnd(steps: readonly Step[], start: number): number {
  const first = steps[start] as Step;
  if (isScan(first)) return start + 1;
  let end = start + 1;
  while (end < steps.length && end - start < batchSteps) {
    const step = steps[end] as Step;
    if (step.connection !== first.connection || isScan(step)) break;
    end++;
  }
  return end;
}

function isScan(step: Step): boolean {
  return step.args[0] === '@SCAN';
}

/** The replies, fewer when the connection was lost. */
async function answers(client: RawClient, steps: readonly Step[]): Promise<Reply[]> {
  const replies: Reply[] = [];
  const collect = (reply: Reply): void => void replies.push(reply);
  try {
    const first = steps[0] as Step;
    if (isScan(first)) collect(await scanAll(client, first.args.slice(1)));
    else (await client.pipeline(steps.map((step) => step.args))).forEach(collect);
  } catch (error) {
    if (error instanceof ConnectionLost) error.replies.forEach(collect);
    replies.push({ type: 'error', text: `(no reply) ${(error as Error).message}` });
  }
  return replies;
}

/** All keys of a whole iteration, each once, sorted; or the first reply that is no page. */
async function scanAll(client: RawClient, options: readonly string[]): Promise<Reply> {
  const keys = new Set<string>();
  let cursor = '0';
  for (let round = 0; round < 10_000; round++) {
    const reply = await client.command('SCAN', cursor, ...options);
    const [next, page] = isList(reply) ? reply.items : [];
    if (next === undefined || page === undefined || isList(next) || !isList(page)) return reply;
    for (const key of page.items) if (!isList(key)) keys.add(key.text);
    cursor = next.text;
    if (cursor === '0') {
      return { type: 'array', items: [...keys].sort().map((text) => ({ type: 'bulk', text })) };
    }
  }
  return { type: 'error', text: '(SCAN does not end)' };
}

function stepAgrees(args: readonly string[], ours: Reply, theirs: Reply, queue: Step[]): boolean {
  const isExec = (args[0] ?? '').toLowerCase() === 'exec';
  if (!isExec || !isList(theirs) || !isList(ours)) return repliesAgree(args, ours, theirs);
  if (ours.type !== theirs.type || ours.items.length !== theirs.items.length) return false;
  return theirs.items.every((their, i) => {
    const queued = queue[i]?.args ?? [];
    return repliesAgree(queued[0] === '@SCAN' ? ['scan'] : queued, ours.items[i] as Reply, their);
  });
}

/** Keeps what a connection has queued since MULTI: EXEC's items are compared as these commands. */
function follow(step: Step, reply: Reply, queue: Step[]): void {
  if (reply.type === 'simple' && reply.text === 'QUEUED') queue.push(step);
  else if (/^(multi|exec|discard|reset)$/i.test(step.args[0] ?? '') && reply.type !== 'error') {
    queue.length = 0;
  } else if (reply.type === 'error' && reply.text.startsWith('EXECABORT')) queue.length = 0;
}

function showAnswer(reply: Reply | undefined): string {
  return reply === undefined ? '(no reply: the connection was lost)' : showReply(reply);
}
