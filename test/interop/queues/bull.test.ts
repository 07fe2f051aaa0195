/**
 * Bull as applications use it: its Lua scripts, its workers in BRPOPLPUSH and its events by publish and
 * subscribe. Each job is done exactly once, and what the queue reports at the end is exact.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import Bull from 'bull';
import { crashingWorker, kill, names, scenario, Work } from '../../support/jobs.js';
import { darterMissing, type Server, startDarter } from '../../support/server.js';
import { until } from '../../support/until.js';

describe('Bull', { skip: darterMissing(), timeout: 120_000 }, () => {
  let server: Server;
  let opened: Bull.Queue[] = [];
  let queue: Bull.Queue;
  const errors: unknown[] = [];

  const open = (options: Bull.QueueOptions = {}): Bull.Queue => {
    const redis = { host: '127.0.0.1', port: server.port };
    const made = new Bull('q', { redis, ...options });
    made.on('error', (error) => errors.push(error));
    opened.push(made);
    return made;
  };
  /** A worker on a queue, and connections, of its own; `process` ends when its queue is closed. */
  const work = (
    processor: (job: Bull.Job) => Promise<unknown>,
    options: Bull.QueueOptions = {},
    concurrency = 1,
  ): Bull.Queue => {
    const worker = open(options);
    worker.process('*', concurrency, processor).catch((error: unknown) => errors.push(error));
    return worker;
  };
  const leftOver = async (): Promise<Record<string, number>> => {
    const all = Object.entries(await queue.getJobCounts());
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
  });
  after(() => server.stop());
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    errors.length = 0;
    queue = open();
    await queue.isReady();
  });
  afterEach(async () => {
    for (const made of opened.reverse()) await made.close();
    opened = [];
    assert.deepEqual(errors, []);
  });

  scenario('500 jobs, three workers: each job once, each event once, exact counts', async () => {
    const jobs = names('job', 500);
    const done = new Work();
    const completed = new Work();
    queue.on('global:completed', (id) => completed.add(String(id)));
    await queue.isReady();
    for (let i = 0; i < 3; i++)
      work(async (job) => done.add(job.name), { metrics: { maxDataPoints: 10 } }, 5);
    await queue.addBulk(
      jobs.slice(0, 250).map((name) => ({ name, data: {}, opts: { jobId: name } })),
    );
    await Promise.all(jobs.slice(250).map((name) => queue.add(name, {}, { jobId: name })));
    await completed.reached(500);
    assert.deepEqual(done.sorted, jobs);
    assert.deepEqual(completed.sorted, jobs);
    assert.deepEqual(await leftOver(), { completed: 500 });
    assert.equal((await queue.getMetrics('completed')).meta.count, 500);
  });

  scenario('delayed jobs come no earlier than their time', async () => {
    const started = Date.now();
    const atMs: number[] = [];
    const done = new Work();
    for (const delay of [600, 200, 400]) await queue.add(String(delay), {}, { delay });
    // Workers move the jobs that are due: there is none yet, however long adding took.
    assert.equal(await queue.getDelayedCount(), 3);
    work(async (job) => {
      atMs.push(Date.now() - started);
      done.add(job.name);
    });
    await done.reached(3);
    assert.deepEqual(done.sorted, ['200', '400', '600']);
    done.done.forEach((delay, i) => {
      assert.ok(atMs[i]! >= Number(delay), `${delay} came after ${atMs[i]} ms`);
    });
  });

  scenario('failed jobs are tried again; what fails for good can be retried by hand', async () => {
    const failed = new Work();
    const completed = new Work();
    let mended = false;
    const worker = work(async (job) => {
      if (job.name === 'twice' && job.attemptsMade < 2) throw new Error('not yet');
      if (job.name === 'never' && !mended) throw new Error('never');
    });
    worker.on('failed', (job) => failed.add(job.name));
    worker.on('completed', (job) => completed.add(job.name));
    await queue.add('twice', {}, { attempts: 3, backoff: 20 });
    const never = await queue.add(
      'never',
      {},
      { attempts: 2, backoff: { type: 'exponential', delay: 20 } },
    );
    await Promise.all([failed.reached(4), completed.reached(1)]);
    assert.deepEqual(failed.sorted, ['never', 'never', 'twice', 'twice']);
    await isLeft({ completed: 1, failed: 1 });
    const job = await queue.getJob(never.id);
    assert.deepEqual([job?.failedReason, job?.attemptsMade], ['never', 2]);
    mended = true;
    await job?.retry();
    await completed.reached(2);
    assert.deepEqual(completed.done, ['twice', 'never']);
  });

  scenario('priorities, and a queue that is paused and resumed', async () => {
    const done = new Work();
    work(async (job) => done.add(job.name));
    await queue.add('before', {});
    await done.reached(1);
    await queue.pause();
    for (const [i, priority] of [5, 1, 3, 1, 5].entries()) {
      await queue.add(`${priority}:${i}`, {}, { priority });
    }
    await sleep(200);
    assert.deepEqual(done.done, ['before']);
    assert.equal(await queue.getPausedCount(), 5);
    await queue.resume();
    await done.reached(6);
    assert.deepEqual(done.done, ['before', '1:1', '1:3', '3:2', '5:0', '5:4']);
  });

  scenario('a repeated job repeats as often as it says', async () => {
    const done = new Work();
    work(async (job) => done.add(job.name));
    await queue.add('tick', {}, { repeat: { every: 100, limit: 4 } });
    await done.reached(4);
    await sleep(250);
    assert.equal(done.done.length, 4);
    await queue.add('tock', {}, { repeat: { every: 100 } });
    await done.reached(6);
    await queue.removeRepeatable('tock', { every: 100 });
    const left = await queue.getRepeatableJobs();
    assert.deepEqual(
      left.map((job) => job.name),
      ['tick'],
    );
  });

  scenario('jobs of a worker that was killed are given to another', async () => {
    const jobs = names('job', 10);
    for (const name of jobs) await queue.add(name, {}, { jobId: name });
    const victim = await crashingWorker(`
      const Bull = require('bull');
      const queue = new Bull('q', {
        redis: { host: '127.0.0.1', port: ${server.port} },
        settings: { lockDuration: 1000, stalledInterval: 300 },
      });
      let active = 0;
      queue.process('*', 4, () => new Promise(() => { if (++active === 4) console.log('working'); }));
    `);
    assert.equal(await queue.getActiveCount(), 4);
    await kill(victim);
    const done = new Work();
    const stalled = new Work();
    const settings = { stalledInterval: 300, lockDuration: 2000 };
    const worker = work(async (job) => done.add(job.name), { settings });
    worker.on('stalled', (job) => stalled.add(job.name));
    await Promise.all([done.reached(10), stalled.reached(4)]);
    assert.deepEqual(done.sorted, jobs);
    assert.deepEqual(stalled.sorted, jobs.slice(0, 4));
    await isLeft({ completed: 10 });
  });

  scenario('a rate limit of the workers holds', async () => {
    const done = new Work();
    const limiter = { max: 5, duration: 300 };
    for (let i = 0; i < 2; i++) {
      work(async (job) => done.add(job.name), { limiter }, 5);
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

  scenario('clean and obliterate leave nothing', async () => {
    const done = new Work();
    const worker = work(async (job) => done.add(job.name));
    await queue.addBulk(names('job', 50).map((name) => ({ name, data: {} })));
    await queue.add('later', {}, { delay: 60_000 });
    await done.reached(50);
    await isLeft({ completed: 50, delayed: 1 });
    // What was done in this millisecond is no older than 0 ms.
    await sleep(5);
    assert.equal((await queue.clean(0, 'completed')).length, 50);
    await worker.close();
    assert.deepEqual(await leftOver(), { delayed: 1 });
    await queue.obliterate({ force: true });
    assert.equal(await server.ask('KEYS', 'bull:q:*'), await server.ask('KEYS', 'none'));
  });
});
