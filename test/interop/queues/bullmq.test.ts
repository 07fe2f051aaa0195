/**
 * BullMQ as applications use it: its Lua scripts, its markers (BZPOPMIN) and its events (streams). Each
 * job is done exactly once, and what the queue reports at the end is exact.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type ConnectionOptions,
  FlowProducer,
  type Job,
  type Processor,
  Queue,
  QueueEvents,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { createClient } from 'redis';
import { crashingWorker, kill, names, scenario, Work } from '../../support/jobs.js';
import { darterMissing, type Server, startDarter } from '../../support/server.js';
import { until } from '../../support/until.js';

/** What a test opens; closed after it in the opposite order. */
let opened: { close(): Promise<unknown> }[] = [];

function open<T extends { close(): Promise<unknown> }>(resource: T): T {
  opened.push(resource);
  return resource;
}

describe('BullMQ', { skip: darterMissing(), timeout: 120_000 }, () => {
  let server: Server;
  let connection: ConnectionOptions;
  let queue: Queue;
  let events: QueueEvents;
  const errors: unknown[] = [];

  const work = (processor: Processor, options: Partial<WorkerOptions> = {}): Worker => {
    const worker = open(new Worker('q', processor, { connection, ...options }));
    worker.on('error', (error) => errors.push(error));
    return worker;
  };
  const counts = (): Promise<Record<string, number>> => queue.getJobCounts();
  const leftOver = async (): Promise<Record<string, number>> => {
    const all = Object.entries(await counts());
    return Object.fromEntries(all.filter(([, count]) => count > 0));
  };
  /** A job is done a moment before it is counted as such. */
  const isLeft = (expected: Record<string, number>): Promise<void> =>
    until('all are counted', async () => {
      const left = await leftOver();
      return isDeepStrictEqual(left, expected) || JSON.stringify(left);
    });

  before(async () => {
    server = await startDarter({ threads: 2 });
    connection = { host: '127.0.0.1', port: server.port };
  });
  after(() => server.stop());
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    errors.length = 0;
    queue = open(new Queue('q', { connection }));
    events = open(new QueueEvents('q', { connection }));
    await events.waitUntilReady();
  });
  afterEach(async () => {
    for (const resource of opened.reverse()) await resource.close();
    opened = [];
    assert.deepEqual(errors, []);
  });

  scenario('500 jobs, three workers: each job once, each event once, exact counts', async () => {
    const jobs = names('job', 500);
    const done = new Work();
    const completed = new Work();
    events.on('completed', ({ returnvalue }) => completed.add(returnvalue));
    for (let i = 0; i < 3; i++) {
      work(
        async (job) => {
          done.add(job.name);
          return job.name;
        },
        { concurrency: 10, metrics: { maxDataPoints: 10 } },
      );
    }
    await queue.addBulk(jobs.slice(0, 250).map((name) => ({ name, data: { name } })));
    await Promise.all(jobs.slice(250).map((name) => queue.add(name, { name })));
    await completed.reached(500);
    assert.deepEqual(done.sorted, jobs);
    assert.deepEqual(completed.sorted, jobs);
    assert.deepEqual(await leftOver(), { completed: 500 });
    assert.equal((await queue.getMetrics('completed')).meta.count, 500);
    assert.deepEqual((await queue.getCompleted(0, 499)).map((job) => job.name).sort(), jobs);
  });

  scenario('the same over node-redis', async () => {
    const jobs = names('job', 200);
    const done = new Work();
    const clients = await Promise.all(
      Array.from({ length: 3 }, () =>
        createClient({ url: `redis://127.0.0.1:${server.port}` }).connect(),
      ),
    );
    for (const client of clients) opened.push({ close: async () => client.destroy() });
    const connections = clients as unknown as ConnectionOptions[];
    for (let i = 0; i < 2; i++) {
      work(
        async (job) => {
          done.add(job.name);
        },
        { connection: connections[i]!, concurrency: 5 },
      );
    }
    const producer = open(new Queue('q', { connection: connections[2]! }));
    await Promise.all(jobs.map((name) => producer.add(name, {})));
    await done.reached(200);
    assert.deepEqual(done.sorted, jobs);
  });

  scenario('delayed jobs come no earlier than their time', async () => {
    const started = Date.now();
    const atMs: number[] = [];
    const done = new Work();
    const delaysMs = [600, 200, 400, 0];
    for (const delay of delaysMs) await queue.add(String(delay), {}, { delay });
    // Workers move the jobs that are due: there is none yet, however long adding took.
    assert.equal((await counts()).delayed, 3);
    work(async (job) => {
      atMs.push(Date.now() - started);
      done.add(job.name);
    });
    await done.reached(4);
    assert.deepEqual(done.sorted, ['0', '200', '400', '600']);
    done.done.forEach((delay, i) => {
      assert.ok(atMs[i]! >= Number(delay), `${delay} came after ${atMs[i]} ms`);
    });
  });

  scenario('failed jobs are tried again; what fails for good can be retried by hand', async () => {
    const failed = new Work();
    const completed = new Work();
    let mended = false;
    events.on('failed', ({ jobId }) => failed.add(jobId));
    events.on('completed', ({ jobId }) => completed.add(jobId));
    work(async (job) => {
      if (job.name === 'twice' && job.attemptsMade < 2) throw new Error('not yet');
      if (job.name === 'never' && !mended) throw new Error('never');
    });
    const backoff = { type: 'exponential', delay: 20 };
    await queue.add('twice', {}, { jobId: 'twice', attempts: 3, backoff });
    await queue.add('never', {}, { jobId: 'never', attempts: 2, backoff: 20 });
    await Promise.all([failed.reached(1), completed.reached(1)]);
    assert.deepEqual([failed.done, completed.done], [['never'], ['twice']]);
    assert.deepEqual(await leftOver(), { completed: 1, failed: 1 });
    const job = await queue.getJob('never');
    assert.deepEqual([job?.failedReason, job?.attemptsMade], ['never', 2]);
    mended = true;
    await job?.retry();
    await completed.reached(2);
    assert.deepEqual(await leftOver(), { completed: 2 });
  });

  scenario('priorities: lower numbers first, equal ones in order, none before all', async () => {
    const done = new Work();
    await queue.pause();
    for (const [i, priority] of [5, 1, 3, 1, 2_000_000, 5].entries()) {
      await queue.add(`${priority}:${i}`, {}, { priority });
    }
    await queue.add('none', {});
    await queue.add('last in, first out', {}, { lifo: true });
    work(async (job) => done.add(job.name));
    await sleep(100);
    assert.deepEqual(done.done, []);
    await queue.resume();
    await done.reached(8);
    assert.deepEqual(done.done, [
      'last in, first out',
      'none',
      '1:1',
      '1:3',
      '3:2',
      '5:0',
      '5:5',
      '2000000:4',
    ]);
  });

  scenario('a flow: the parent runs after its children and has their values', async () => {
    const flows = open(new FlowProducer({ connection }));
    const done = new Work();
    const child = open(
      new Worker(
        'children',
        async (job) => {
          done.add(job.name);
          return job.data.value * 2;
        },
        { connection, concurrency: 4 },
      ),
    );
    child.on('error', (error) => errors.push(error));
    work(async (job: Job) => {
      const values = Object.values(await job.getChildrenValues()) as number[];
      done.add(job.name);
      return values.reduce((sum, value) => sum + value, 0);
    });
    const children = names('child', 20).map((name, i) => ({
      name,
      data: { value: i },
      queueName: 'children',
    }));
    const middle = { name: 'middle', queueName: 'q', children };
    const flow = await flows.add({ name: 'parent', queueName: 'q', children: [middle] });
    assert.equal(await flow.job.waitUntilFinished(events), 380);
    assert.deepEqual(done.done.slice(0, 20).sort(), names('child', 20));
    assert.deepEqual(done.done.slice(20), ['middle', 'parent']);
    assert.deepEqual(await leftOver(), { completed: 2 });
  });

  scenario('pause and resume, with a worker that waits', async () => {
    const done = new Work();
    work(async (job) => done.add(job.name));
    await queue.add('before', {});
    await done.reached(1);
    await queue.pause();
    await Promise.all(names('paused', 20).map((name) => queue.add(name, {})));
    await sleep(200);
    assert.deepEqual(done.done, ['before']);
    assert.equal(await queue.getWaitingCount(), 20);
    await queue.resume();
    await done.reached(21);
    assert.deepEqual(done.sorted, ['before', ...names('paused', 20)]);
  });

  scenario('a schedule repeats as often as it says', async () => {
    const done = new Work();
    work(async (job) => done.add(job.name));
    await queue.upsertJobScheduler('tick', { every: 100, limit: 5 }, { name: 'tick' });
    await done.reached(5);
    await sleep(250);
    assert.equal(done.done.length, 5);
    await queue.upsertJobScheduler('tock', { every: 100 }, { name: 'tock' });
    await done.reached(7);
    assert.equal(await queue.removeJobScheduler('tock'), true);
    assert.equal((await counts()).delayed, 0);
  });

  scenario('jobs of a worker that was killed are given to another', async () => {
    const stalled = new Work();
    events.on('stalled', ({ jobId }) => stalled.add(jobId));
    const jobs = names('job', 10);
    await queue.addBulk(jobs.map((name) => ({ name, data: {}, opts: { jobId: name } })));
    const victim = await crashingWorker(`
      const { Worker } = require('bullmq');
      let active = 0;
      const hang = () => new Promise(() => { if (++active === 4) console.log('working'); });
      new Worker('q', hang, {
        connection: ${JSON.stringify(connection)}, concurrency: 4, lockDuration: 1000, stalledInterval: 300,
      });
    `);
    assert.equal((await counts()).active, 4);
    await kill(victim);
    const done = new Work();
    work(async (job) => done.add(job.name), { stalledInterval: 300, lockDuration: 2000 });
    await Promise.all([done.reached(10), stalled.reached(4)]);
    assert.deepEqual(done.sorted, jobs);
    assert.deepEqual(stalled.sorted, jobs.slice(0, 4));
    await isLeft({ completed: 10 });
  });

  scenario('a rate limit of the workers holds', async () => {
    const done = new Work();
    const limiter = { max: 5, duration: 300 };
    for (let i = 0; i < 2; i++) {
      work(async (job) => done.add(job.name), { limiter, concurrency: 10 });
    }
    const jobs = names('job', 20);
    const started = Date.now();
    await queue.addBulk(jobs.map((name) => ({ name, data: {} })));
    await done.reached(20);
    assert.deepEqual(done.sorted, jobs);
    const tookMs = Date.now() - started;
    // The server and this process round their clocks to milliseconds.
    assert.ok(tookMs >= 3 * 300 - 5, `20 jobs took ${tookMs} ms`);
  });

  scenario(
    'what has the same id is one job, progress and logs arrive, obliterate leaves nothing',
    async () => {
      const done = new Work();
      const progress: unknown[] = [];
      events.on('progress', ({ data }) => progress.push(data));
      for (let i = 0; i < 5; i++) await queue.add('one', { i }, { jobId: 'same' });
      await queue.add('a', {}, { deduplication: { id: 'd' } });
      await queue.add('b', {}, { deduplication: { id: 'd' } });
      work(async (job) => {
        await job.updateProgress({ half: job.name });
        await job.log(`line of ${job.name}`);
        done.add(job.name);
      });
      await done.reached(2);
      await until('the progress arrives', () => progress.length >= 2);
      await isLeft({ completed: 2 });
      assert.deepEqual(done.done, ['one', 'a']);
      assert.deepEqual(progress, [{ half: 'one' }, { half: 'a' }]);
      assert.deepEqual((await queue.getJobLogs('same')).logs, ['line of one']);
      for (const resource of opened.splice(2)) await resource.close();
      await queue.obliterate({ force: true });
      assert.equal(await server.ask('KEYS', 'bull:q:*'), await server.ask('KEYS', 'none'));
    },
  );
});
