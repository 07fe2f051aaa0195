/** Starts loads in worker threads, and checks that the replies fit the requests. */
import { Worker } from 'node:worker_threads';
import type {
  FromWorker,
  Interval,
  LoadOptions,
  LoadResult,
  ToWorker,
  WindowResult,
} from './options.js';
import { type KeyFormat, stores } from './workload.js';

const FILL_CONNECTIONS = 8;
/** A fill's batch: enough commands to make reads and writes large, few enough for 64 KiB values. */
const FILL_BATCH_BYTES = 64 * 1024;

export interface RunningLoad {
  readonly result: Promise<LoadResult>;
  /** What happened since the last call (or the start). Rejects when the load has failed. */
  window(): Promise<WindowResult>;
  /** Lets what is under way finish; then `result` resolves. */
  stop(): void;
}

export function startLoad(
  options: LoadOptions,
  onInterval: (interval: Interval) => void = () => undefined,
): RunningLoad {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: options });
  const windows: ((window: WindowResult) => void)[] = [];
  const post = (message: ToWorker): void => worker.postMessage(message);
  const result = new Promise<LoadResult>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'interval') onInterval(message.interval);
      else if (message.kind === 'window') windows.shift()?.(message.window);
      else if (message.kind === 'done') resolve(checked(options, message.result));
      else reject(new Error(`load failed: ${message.message}`));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the load's thread ended with ${code}`)));
  });
  result.catch(() => undefined);
  const window = (): Promise<WindowResult> => {
    const answer = new Promise<WindowResult>((resolve) => windows.push(resolve));
    post('window');
    const ended = result.then(() => Promise.reject(new Error('the load has ended')));
    return Promise.race([answer, ended]);
  };
  return { result, window, stop: () => post('stop') };
}

export function runLoad(options: LoadOptions): Promise<LoadResult> {
  return startLoad(options).result;
}

/** Writes all keys with their values (`valueText`), pipelined. */
export function fill(port: number, keys: KeyFormat, valueBytes: number): Promise<LoadResult> {
  const pipeline = Math.min(500, Math.max(1, Math.floor(FILL_BATCH_BYTES / (valueBytes + 50))));
  return runLoad({
    port,
    connections: FILL_CONNECTIONS,
    pipeline,
    pattern: ['set'],
    keys,
    valueBytes,
    mode: { kind: 'fill' },
    intervalMs: 0,
    seed: 1,
  });
}

function checked(options: LoadOptions, result: LoadResult): LoadResult {
  const { simple, integer, bulk, missing } = result.replies;
  if (simple + integer + bulk + missing !== result.requests) {
    throw new Error(`load: ${result.requests} requests, other number of replies`);
  }
  const kinds = new Set(options.pattern);
  if (simple > 0 !== [...kinds].some(stores)) throw new Error(wrong('OK'));
  if (integer > 0 !== kinds.has('incr')) throw new Error(wrong('an integer'));
  if (bulk > 0 && !kinds.has('get')) throw new Error(wrong('a value'));
  if (missing > 0) throw new Error(`load: ${missing} GETs of keys that were written found nothing`);
  return result;
}

function wrong(what: string): string {
  return `load: ${what} came back for the wrong commands, or for none`;
}
