/** Thread entry of a load: runs what workerData says and posts what happens. */
import { parentPort, workerData } from 'node:worker_threads';
import type { FromWorker, LoadOptions, ToWorker } from './options.js';
import { LoadRun } from './run.js';

const port = parentPort;
if (port === null) throw new Error('bench/load/worker.js is a thread of bench/load/generator.js');

const post = (message: FromWorker): void => port.postMessage(message);
const load = new LoadRun(workerData as LoadOptions, (interval) =>
  post({ kind: 'interval', interval }),
);
port.on('message', (message: ToWorker) => {
  if (message === 'stop') load.stop();
  else post({ kind: 'window', window: load.window() });
});
load.run().then(
  (result) => {
    post({ kind: 'done', result });
    port.close();
  },
  (error: unknown) => {
    post({ kind: 'failed', message: String(error instanceof Error ? error.message : error) });
    port.close();
  },
);
