import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ControlBlock } from '../memory/control.js';
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

/** What a thread does: asks all others, never answers, or gives what it has to others. */
type WorkerKind = 'asks' | 'silent' | 'gives';

if (isMainThread) declareTests();
else runWorker(workerData as WorkerStart);

/** Asks all others time and again, without ever going back to the event loop. */
function runWorker(start: WorkerStart): void {
  const control = new ControlBlock(start.buffer, THREADS, COMMANDS);
  const gatherer = new Gatherer(start.thread, start.peers, control, () => {});
  gatherer.register('square', (payload) => `${start.thread}:${Number(payload) ** 2}`);
  gatherer.register('fail', () => {
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
      for (const answer of gatherer.gather('square', String(round))) {
        if (answer.endsWith(`:${round * round}`)) answers++;
      }
    }
    parentPort!.postMessage(answers);
    // Others may not be done yet: go on serving them.
    gatherer.listen();
    parentPort!.once('message', () => process.exit(0));
  });
}

/** Gives one thing after the other to another worker, until it is told to stop. */
function passAround({ thread, peers }: WorkerStart, gatherer: Gatherer): void {
  let things = THINGS;
  let given = 0;
  let ended = false;
  gatherer.register('things', () => String(things));
  gatherer.register('given', () => String(given));
  gatherer.register('thing', () => String(things++));
  gatherer.register('end', () => {
    ended = true;
    return '';
  });
  const others = peers.map((peer) => peer.thread).filter((other) => other !== 0);
  for (let turn = thread; !ended; turn++) {
    gatherer.serve();
    if (things === 0 || !gatherer.carry(others[turn % others.length]!, 'thing', '')) continue;
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

async function startWorkers(kind: WorkerKind): Promise<{ own: Gatherer; workers: Worker[] }> {
  const control = ControlBlock.create(THREADS, COMMANDS);
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
  const own = new Gatherer(0, mesh[0]!, control, () => {});
  own.register('square', (payload) => `0:${Number(payload) ** 2}`);
  own.register('fail', () => 'fine');
  return { own, workers };
}

function declareTests(): void {
  test('threads that all ask at once serve each other while they wait', async () => {
    const { own, workers } = await startWorkers('asks');
    own.listen();
    const results = Promise.all(workers.map(nextMessage));
    for (const worker of workers) worker.postMessage('go');
    for (let round = 0; round < 20; round++) {
      const answers = own.gather('square', '3');
      assert.equal(answers[0], '0:9');
      assert.deepEqual([...answers].sort(), ['0:9', '1:9', '2:9', '3:9']);
    }
    assert.deepEqual(await results, [ROUNDS * THREADS, ROUNDS * THREADS, ROUNDS * THREADS]);
    assert.throws(() => own.gather('fail'), /thread \d will not/);
    assert.throws(() => own.gather('unknown'), /no handler for unknown/);
    const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    for (const worker of workers) worker.postMessage('end');
    await Promise.all(ended);
    own.close();
  });

  test('what passes from thread to thread is counted once in all answers', async () => {
    const { own, workers } = await startWorkers('gives');
    const sum = (name: string) => own.gather(name).reduce((total, text) => total + Number(text), 0);
    for (const name of ['things', 'given']) own.register(name, () => '0');
    while (sum('given') < ROUNDS) {
      for (let i = 0; i < 20; i++) assert.equal(sum('things'), THINGS * (THREADS - 1));
    }
    const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    own.register('end', () => '');
    for (let thread = 1; thread < THREADS; thread++) own.tell(thread, 'end', '');
    await Promise.all(ended);
    own.close();
  });

  test('a thread that does not answer makes the question fail in time', async () => {
    const { own, workers } = await startWorkers('silent');
    const begun = Date.now();
    assert.throws(() => own.gather('square', '1', 100), /did not answer in time/);
    assert.ok(Date.now() - begun < 2000);
    await Promise.all(workers.map((worker) => worker.terminate()));
    own.close();
  });

  test('alone, a thread asks itself only', () => {
    const own = new Gatherer(0, [], ControlBlock.create(1, 1), () => {});
    own.register('echo', (payload) => payload);
    own.register('nested', () => own.gather('echo')[0]!);
    assert.deepEqual(own.gather('echo', 'x'), ['x']);
    assert.throws(() => own.gather('nested'), /must not gather/);
    assert.deepEqual(own.gather('echo', 'y'), ['y']);
    assert.throws(() => own.register('echo', String), /two handlers/);
  });
}
