/** Mailboxes between real threads that send each other more than fits. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Region } from '../base/region.js';
import { Mailbox } from './mailbox.js';

const KIND = 7;
const THREADS = 3;
const MESSAGES = 20_000;

interface Shared {
  readonly buffer: SharedArrayBuffer;
  readonly wakers: Int32Array;
  readonly thread: number;
}

/** A number and then bytes that follow from it, as long as the number says. */
function lengthOf(number: number): number {
  return number % 1000 === 0 ? 100_000 : 4 + (number % 90);
}

/** Sends to all, itself included, and receives from all, asleep whenever there is nothing to do. */
function exchange({ buffer, wakers, thread }: Shared): void {
  const next = new Int32Array(THREADS);
  let received = 0;
  const mailbox = new Mailbox({
    ...{ buffer, receivers: THREADS, senders: THREADS, thread },
    wake: (other) => {
      Atomics.add(wakers, other, 1);
      Atomics.notify(wakers, other);
    },
    failed: (error) => {
      throw error;
    },
  });
  mailbox.handles(KIND, ({ view, bytes }, offset, length) => {
    const sender = view.getUint8(offset);
    const number = view.getInt32(offset, true) >>> 8;
    assert.equal(number, next[sender]!, `message of ${sender}`);
    assert.equal(length, lengthOf(number));
    if (length > 4) assert.equal(bytes[offset + length - 1], 0x61 + (number % 26));
    next[sender]!++;
    received++;
  });
  const message = new Region(new SharedArrayBuffer(100_000), 0);
  for (let number = 0; number < MESSAGES || received < THREADS * MESSAGES || mailbox.flush(); ) {
    const seen = Atomics.load(wakers, thread);
    mailbox.awake();
    for (let i = 0; i < 16 && number < MESSAGES; i++, number++) {
      const length = lengthOf(number);
      message.view.setInt32(0, (number << 8) | thread, true);
      if (length > 4) message.bytes[length - 1] = 0x61 + (number % 26);
      for (let to = 0; to < THREADS; to++) mailbox.sendAlways(to, KIND, message, 0, length);
    }
    mailbox.receive();
    mailbox.flush();
    const isDone = received === THREADS * MESSAGES;
    if (number === MESSAGES && !isDone && mailbox.maySleep()) {
      Atomics.wait(wakers, thread, seen, 5000);
    }
  }
  Atomics.add(wakers, THREADS, 1);
}

if (isMainThread) {
  test('threads that send each other more than fits lose nothing and never wait for each other', async () => {
    const buffer = Mailbox.createBuffer(THREADS, THREADS);
    const wakers = new Int32Array(new SharedArrayBuffer(4 * (THREADS + 1)));
    const workers = Array.from({ length: THREADS }, (_, thread) => {
      const shared: Shared = { buffer, wakers, thread };
      return new Worker(new URL(import.meta.url), { workerData: shared });
    });
    const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    assert.deepEqual(codes, Array(THREADS).fill([0]));
    assert.equal(wakers[THREADS], THREADS);
  });
} else exchange(workerData as Shared);
