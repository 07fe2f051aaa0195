/**
 * A job queue (BullMQ: scripts, streams, sorted sets, expiring locks) on a primary with a replica: the
 * replica has the same queue, and goes on with it when the primary is gone.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Queue, Worker } from 'bullmq';
import { names, Work } from '../support/jobs.js';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, sameData, startNode, startSmall } from './support.js';

const JOBS = 240;

function connectionTo(server: Server): { host: string; port: number; retryStrategy: () => null } {
  return { host: '127.0.0.1', port: server.port, retryStrategy: () => null };
}

function startWorkers(server: Server, done: Work): Worker[] {
  return Array.from({ length: 3 }, () => {
    const worker = new Worker(
      'q',
      async (job) => {
        if (job.name.endsWith('7') && job.attemptsMade === 0) throw new Error('again');
        done.add(job.name);
      },
      { connection: connectionTo(server), concurrency: 5, metrics: { maxDataPoints: 10 } },
    );
    // A server that is stopped is an error of its workers.
    worker.on('error', () => {});
    return worker;
  });
}

async function add(queue: Queue, jobs: readonly string[]): Promise<void> {
  const attempts = { attempts: 3, backoff: 10 };
  for (const [i, name] of jobs.entries()) {
    const opts = i % 3 === 0 ? { priority: 1 + (i % 10) } : i % 3 === 1 ? { delay: i % 200 } : {};
    await queue.add(name, {}, { ...attempts, ...opts });
  }
}

describe('replication: a job queue', { skip: darterMissing() }, () => {
  test('a replica that joins meanwhile has the same queue, and goes on with it', async () => {
    await using primary = await startNode();
    await using replica = await startSmall();
    const jobs = names('job', JOBS);
    const done = new Work();
    const queue = new Queue('q', { connection: connectionTo(primary) });
    queue.on('error', () => {});
    const workers = startWorkers(primary, done);
    await add(queue, jobs.slice(0, JOBS / 4));
    await follow(replica, primary.port);
    await add(queue, jobs.slice(JOBS / 4, JOBS / 2));
    await linkUp(replica);
    await done.reached(JOBS / 2);
    for (const worker of workers) await worker.close();

    await add(queue, jobs.slice(JOBS / 2));
    await sameData(primary, replica);
    assert.equal(done.done.length, JOBS / 2);
    primary.child.kill('SIGKILL');
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    await queue.close().catch(() => {});

    const after = new Queue('q', { connection: connectionTo(replica) });
    const others = startWorkers(replica, done);
    await done.reached(JOBS);
    for (const worker of others) await worker.close();
    assert.deepEqual(done.sorted, jobs);
    const counts = Object.entries(await after.getJobCounts()).filter(([, count]) => count > 0);
    assert.deepEqual(Object.fromEntries(counts), { completed: JOBS });
    await after.close();
  });
});
