import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { sleep } from '../../memory/sleep.js';
import { attachControl, createControl } from './control.js';
import { createMesh, Gatherer, type Peer } from './gather.js';

const THREADS = 4;
const COMMANDS = 1;
const ROUNDS = 200;
/** Things each thread has at first, when they are passed around. */
const THINGS = 5;

interface WorkerStart {
  readonly thread: number;
  readonly peers: readonly Peer[];
  readonly buffer: SharedArrayBuffer;
  readonly kind: WorkerKind;
}

type Questions = {
  readonly square: { readonly payload: number; readonly answer: readonly [number, number] };
  readonly fail: { readonly payload: null; readonly answer: null };
  readonly unknown: { readonly payload: null; readonly answer: null };
  readonly things: { readonly payload: null; readonly answer: number };
  readonly given: { readonly payload: null; readonly answer: number };
};

type Tells = { readonly thing: null; readonly end: null };

type TestGatherer = Gatherer<Questions, Tells>;

/** What a thread does: asks all others, never answers, or gives what it has to others. */
type WorkerKind = 'asks' | 'silent' | 'gives';

if (isMainThread) declareTests();
else runWorker(workerData as WorkerStart);

/** Asks all others time and again, without ever going back to the event loop. */
function runWorker(start: WorkerStart): void {
  const control = attachControl(start.buffer, THREADS, COMMANDS);
  const gatherer: TestGatherer = new Gatherer(start.thread, start.peers, control.mail, () => {});
  gatherer.answers('square', (payload) => [start.thread, payload ** 2]);
  gatherer.answers('fail', () => {
    throw new Error(`thread ${start.thread} will not`);
  });
  parentPort!.postMessage('ready');
  if (start.kind === 'silent') return;
  if (start.kind === 'gives') {
    passAround(start, gatherer);
    return;
  }
  parentPort!.once('message', () => {
    let answers = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [, square] of gatherer.gather('square', round)) {
        if (square === round * round) answers++;
      }
    }
    parentPort!.postMessage(answers);
    // Others may not be done yet: go on serving them.
    setInterval(() => gatherer.serve(), 1);
    parentPort!.once('message', () => process.exit(0));
  });
}

/** Gives one thing after the other to another worker, until it is told to stop. */
function passAround({ thread, peers }: WorkerStart, gatherer: TestGatherer): void {
  let things = THINGS;
  let given = 0;
  let ended = false;
  gatherer.answers('things', () => things);
  gatherer.answers('given', () => given);
  gatherer.takes('thing', () => {
    things++;
  });
  gatherer.takes('end', () => {
    ended = true;
  });
  const others = peers.map((peer) => peer.thread).filter((other) => other !== 0);
  for (let turn = thread; !ended; turn++) {
    gatherer.serve();
    if (things === 0) sleep(1);
    if (things === 0 || !gatherer.carry(others[turn % others.length]!, 'thing', null)) continue;
    things--;
    given++;
  }
  process.exit(0);
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

async function startWorkers(kind: WorkerKind): Promise<{ own: TestGatherer; workers: Worker[] }> {
  const control = createControl(THREADS, COMMANDS);
  const mesh = createMesh(THREADS);
  const workers: Worker[] = [];
  for (let thread = 1; thread < THREADS; thread++) {
    const peers = mesh[thread]!;
    const start: WorkerStart = { thread, peers, buffer: control.buffer, kind };
    workers.push(
      new Worker(fileURLToPath(import.meta.url), {
        workerData: start,
        transferList: peers.map((peer) => peer.port),
      }),
    );
  }
  await Promise.all(workers.map(nextMessage));
  const own: TestGatherer = new Gatherer(0, mesh[0]!, control.mail, () => {});
  own.answers('square', (payload) => [0, payload ** 2]);
  own.answers('fail', () => null);
  return { own, workers };
}

function declareTests(): void {
  test('threads that all ask at once serve each other while they wait', async () => {
    const { own, workers } = await startWorkers('asks');
    const serving = setInterval(() => own.serve(), 1);
    const results = Promise.all(workers.map(nextMessage));
    for (const worker of workers) worker.postMessage('go');
    for (let round = 0; round < 20; round++) {
      const answers = own.gather('square', 3);
      assert.deepEqual(answers[0], [0, 9]);
      assert.deepEqual(answers.map(([thread]) => thread).sort(), [0, 1, 2, 3]);
      assert.ok(answers.every(([, square]) => square === 9));
    }
    assert.deepEqual(await results, [ROUNDS * THREADS, ROUNDS * THREADS, ROUNDS * THREADS]);
    assert.throws(() => own.gather('fail', null), /thread \d will not/);
    assert.throws(() => own.gather('unknown', null), /no handler for unknown/);
    const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    for (const worker of workers) worker.postMessage('end');
    await Promise.all(ended);
    clearInterval(serving);
    own.close();
  });

  test('what passes from thread to thread is counted once in all answers', async () => {
    const { own, workers } = await startWorkers('gives');
    const sum = (name: 'things' | 'given') =>
      own.gather(name, null).reduce((total, count) => total + count, 0);
    own.answers('things', () => 0);
    own.answers('given', () => 0);
    while (sum('given') < ROUNDS / 2) {
      for (let i = 0; i < 10; i++) assert.equal(sum('things'), THINGS * (THREADS - 1));
    }
    const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    for (let thread = 1; thread < THREADS; thread++) own.tell(thread, 'end', null);
    await Promise.all(ended);
    own.close();
  });

  test('a thread that does not answer makes the question fail', async () => {
    const { own, workers } = await startWorkers('silent');
    assert.throws(() => own.gather('square', 1, 100), /did not answer in time/);
    await Promise.all(workers.map((worker) => worker.terminate()));
    own.close();
  });

  test('alone, a thread asks itself only', () => {
    type Alone = {
      readonly echo: { readonly payload: string; readonly answer: string };
      readonly nested: { readonly payload: null; readonly answer: string };
    };
    const own = new Gatherer<Alone, Tells>(0, [], createControl(1, 1).mail, () => {});
    own.answers('echo', (payload) => payload);
    own.answers('nested', () => own.gather('echo', '')[0]!);
    assert.deepEqual(own.gather('echo', 'x'), ['x']);
    assert.throws(() => own.gather('nested', null), /must not gather/);
    assert.deepEqual(own.gather('echo', 'y'), ['y']);
    assert.throws(() => own.answers('echo', String), /two handlers/);
  });
}
