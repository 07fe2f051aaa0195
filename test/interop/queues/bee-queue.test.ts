/**
 * Bee-Queue as applications use it, over node-redis 3 (an old client: EVALSHA, BRPOPLPUSH, transactions
 * and publish and subscribe by callbacks). Each job is done exactly once.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import BeeQueue from 'bee-queue';
import { crashingWorker, kill, names, scenario, Work } from '../../support/jobs.js';
import { darterMissing, type Server, startDarter } from '../../support/server.js';
import { until } from '../../support/until.js';

describe('Bee-Queue', { skip: darterMissing(), timeout: 120_000 }, () => {
  let server: Server;
  let opened: BeeQueue<{ name: string }>[] = [];
  let queue: BeeQueue<{ name: string }>;
  const errors: unknown[] = [];

  const open = async (settings: BeeQueue.QueueSettings): Promise<typeof queue> => {
    const redis = { host: '127.0.0.1', port: server.port };
    const made = new BeeQueue<{ name: string }>('q', { redis, ...settings });
    made.on('error', (error) => errors.push(error));
    opened.push(made);
    await made.ready();
    return made;
  };
  const work = async (
    processor: (job: BeeQueue.Job<{ name: string }>) => Promise<unknown>,
    settings: BeeQueue.QueueSettings = {},
    concurrency = 1,
  ): Promise<typeof queue> => {
    const worker = await open({ activateDelayedJobs: true, ...settings });
    worker.process(concurrency, processor);
    return worker;
  };
  const health = async (): Promise<number[]> => {
    const { waiting, active, succeeded, failed, delayed } = await queue.checkHealth();
    return [waiting, active, succeeded, failed, delayed];
  };

  before(async () => {
    server = await startDarter({ threads: 2 });
  });
  after(() => server.stop());
  beforeEach(async () => {
    await server.ask('FLUSHALL');
    errors.length = 0;
    queue = await open({ isWorker: false });
  });
  afterEach(async () => {
    for (const made of opened.reverse()) await made.close(1000);
    opened = [];
    assert.deepEqual(errors, []);
  });

  scenario('500 jobs, three workers: each job once, each event once, exact counts', async () => {
    const jobs = names('job', 500);
    const done = new Work();
    const results = new Work();
    queue.on('job succeeded', (_, result) => results.add(result));
    for (let i = 0; i < 3; i++) {
      await work(
        async (job) => {
          done.add(job.data.name);
          return job.data.name;
        },
        {},
        5,
      );
    }
    const created = jobs.map((name) => queue.createJob({ name }));
    assert.equal((await queue.saveAll(created.slice(0, 250))).size, 0);
    await Promise.all(created.slice(250).map((job) => job.save()));
    await results.reached(500);
    assert.deepEqual(done.sorted, jobs);
    assert.deepEqual(results.sorted, jobs);
    assert.deepEqual(await health(), [0, 0, 500, 0, 0]);
  });

  scenario('delayed jobs come no earlier than their time', async () => {
    const started = Date.now();
    const atMs: number[] = [];
    const done = new Work();
    // Made before any is saved, which may take longer: Bee-Queue delays nothing until a time that has passed.
    const made = [900, 300, 600].map((delayMs) =>
      queue.createJob({ name: String(delayMs) }).delayUntil(started + delayMs),
    );
    for (const job of made) await job.save();
    // Workers move the jobs that are due: there is none yet, however long adding took.
    assert.deepEqual(await health(), [0, 0, 0, 0, 3]);
    await work(
      async (job) => {
        atMs.push(Date.now() - started);
        done.add(job.data.name);
      },
      { nearTermWindow: 10_000, delayedDebounce: 10 },
    );
    await done.reached(3);
    assert.deepEqual(done.sorted, ['300', '600', '900']);
    done.done.forEach((delay, i) => {
      assert.ok(atMs[i]! >= Number(delay), `${delay} came after ${atMs[i]} ms`);
    });
  });

  scenario('failed jobs are tried again, as often as they say; progress arrives', async () => {
    const attempts = new Work();
    const ended = new Work();
    const progress: unknown[] = [];
    queue.on('job progress', (_, data) => progress.push(data));
    queue.on('job failed', (id, error) => ended.add(`${id} ${error.message}`));
    queue.on('job succeeded', (id, result) => ended.add(`${id} ${result}`));
    await work(async (job) => {
      attempts.add(job.data.name);
      const soFar = attempts.done.filter((name) => name === job.data.name).length;
      if (job.data.name === 'never' || soFar < 3) throw new Error('no');
      job.reportProgress({ half: true });
      return 'yes';
    });
    for (const name of ['twice', 'never']) {
      await queue.createJob({ name }).setId(name).retries(2).backoff('fixed', 30).save();
    }
    await ended.reached(2);
    assert.deepEqual(ended.sorted, ['never no', 'twice yes']);
    assert.deepEqual(attempts.sorted, ['never', 'never', 'never', 'twice', 'twice', 'twice']);
    assert.deepEqual(progress, [{ half: true }]);
    assert.deepEqual(await health(), [0, 0, 1, 1, 0]);
  });

  scenario('jobs of a worker that was killed are given to another', async () => {
    const jobs = names('job', 10);
    for (const name of jobs) await queue.createJob({ name }).setId(name).save();
    const victim = await crashingWorker(`
      const BeeQueue = require('bee-queue');
      const queue = new BeeQueue('q', {
        redis: { host: '127.0.0.1', port: ${server.port} }, stallInterval: 400,
      });
      let active = 0;
      queue.process(4, () => new Promise(() => { if (++active === 4) console.log('working'); }));
    `);
    assert.equal((await queue.checkHealth()).active, 4);
    await kill(victim);
    const done = new Work();
    const stalled = new Work();
    const worker = await work(async (job) => done.add(job.data.name), { stallInterval: 400 });
    worker.on('stalled', (id) => stalled.add(id));
    await worker.checkStalledJobs(200);
    await Promise.all([done.reached(10), stalled.reached(4)]);
    assert.deepEqual(done.sorted, jobs);
    assert.deepEqual(stalled.sorted, jobs.slice(0, 4));
    await until('all are counted', async () => {
      const now = String(await health());
      return now === '0,0,10,0,0' || now;
    });
  });

  scenario(
    'what has the same id is one job, a removed job is not done, destroy leaves nothing',
    async () => {
      const done = new Work();
      for (let i = 0; i < 3; i++)
        await queue
          .createJob({ name: `one ${i}` })
          .setId('same')
          .save();
      await queue.createJob({ name: 'removed' }).setId('removed').save();
      await queue.createJob({ name: 'last' }).save();
      await queue.removeJob('removed');
      const worker = await work(async (job) => done.add(job.data.name));
      await done.reached(2);
      await sleep(50);
      assert.deepEqual(done.done, ['one 0', 'last']);
      await worker.close(1000);
      opened.pop();
      await queue.destroy();
      assert.equal(await server.ask('KEYS', 'bq:q:*'), await server.ask('KEYS', 'none'));
    },
  );
});
