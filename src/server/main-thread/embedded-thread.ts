/**
 * The main thread of a server within a program's process. main.ts is loaded by its path, as bin/darter
 * does: the paths of the other threads hold only there (workers.ts).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadModule } from '../../platform/load-module.js';
import type { EmbeddedData } from '../channel/embedding.js';
import { startFirstThread } from './first-thread.js';

async function run(): Promise<void> {
  startFirstThread();
  const module = await loadModule(new URL('main.js', import.meta.url));
  const { serveEmbedded } = module as typeof import('./main.js');
  await serveEmbedded(workerData as EmbeddedData, parentPort!);
}

void run();
