/**
 * Queues as Bull makes them: many workers, each with a connection of its own that waits in BRPOPLPUSH
 * with a timeout, and again. Every job is done once, also when the timeouts are short.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { darterMissing, type Server, startDarter } from '../../support/server.js';

const WORKERS = 200;
const JOBS = 3000;

describe('queues of 200 workers', { skip: darterMissing() }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter({ threads: 2 });
  });
  after(() => server.stop());

  for (const timeout of [5, 0.05]) {
    test(`every job is done once, with timeouts of ${timeout} s`, async () => {
      const producer = new Redis(server.port);
      await producer.flushall();
      const workers = Array.from({ length: WORKERS }, () => new Redis(server.port));
      const done: string[] = [];
      let finish = (): void => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const work = async (worker: Redis): Promise<void> => {
        while (done.length < JOBS) {
          const job = await worker.brpoplpush('wait', 'active', timeout);
          if (job === null) continue;
          assert.equal(await worker.lrem('active', 1, job), 1);
          if (done.push(job) === JOBS) finish();
        }
      };
      const working = workers.map((worker) => work(worker).catch((error: unknown) => error));
      for (let job = 0; job < JOBS; job++) {
        const pushed = producer.lpush('wait', `job:${job}`);
        if (job % 50 === 0) await pushed;
      }
      await finished;
      for (const worker of workers) worker.disconnect();
      await Promise.all(working);
      assert.equal(new Set(done).size, JOBS);
      assert.equal(done.length, JOBS);
      assert.equal(await producer.exists('wait', 'active'), 0);
      await producer.quit();
    });
  }
});
