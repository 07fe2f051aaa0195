/**
 * The TLS threads as the main thread sees them. They are started with the first tls-port that is not 0;
 * later changes of it are theirs to follow. Clients that have come through their handshake are offered
 * to the I/O threads in turn, which share them out as any others.
 */
import { randomBytes } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import type { Log } from '../../base/log.js';
import type { MainToTls, TlsThreadData, TlsToMain } from '../channel/main-tls.js';
import type { Config } from '../config/config.js';
import { createWorker } from './workers.js';

export interface TlsThreadsParts {
  readonly config: Config;
  readonly log: Log;
  readonly ioThreads: number;
  readonly offer: (descriptor: number) => void;
  readonly died: (what: string, error: Error) => void;
}

/** How many there are, or would be, beside so many I/O threads: 0 without a tls-port. */
export function tlsThreadsOf(config: Config, ioThreads: number): number {
  if (config.number('tls-port') === 0) return 0;
  return config.number('tls-threads') || Math.max(1, Math.floor(ioThreads / 2));
}

export class TlsThreads {
  private readonly workers: Worker[] = [];
  /** One after the other: the threads' answers belong to the one under way. */
  private last: Promise<unknown> = Promise.resolve();
  private answered: (failure: string) => void = () => {};

  constructor(private readonly parts: TlsThreadsParts) {}

  /** Listens on the tls-port of now; not at all when it is 0. @throws Error when it cannot */
  listen(): Promise<void> {
    const next = this.last.then(() => this.ask());
    this.last = next.catch(() => {});
    return next;
  }

  /** Resolves when the last `listen` is over, whatever came of it. */
  async settled(): Promise<void> {
    await this.last;
  }

  private async ask(): Promise<void> {
    if (this.workers.length === 0) {
      if (this.parts.config.number('tls-port') === 0) return;
      this.start();
    }
    const failure = await new Promise<string>((resolve) => {
      const failures: string[] = [];
      this.answered = (failure) => {
        if (failures.push(failure) < this.workers.length) return;
        resolve(failures.find((reason) => reason !== '') ?? '');
      };
      for (const worker of this.workers) {
        worker.postMessage({ kind: 'listen' } satisfies MainToTls);
      }
    });
    if (failure !== '') throw new Error(failure);
  }

  private start(): void {
    const { config, ioThreads } = this.parts;
    const threads = tlsThreadsOf(config, ioThreads);
    const secret = randomBytes(32);
    for (let thread = 0; thread < threads; thread++) {
      const data: TlsThreadData = {
        thread,
        configBuffer: config.buffer,
        secret,
        reusePort: threads > 1,
      };
      const worker = createWorker('tls', data);
      worker.on('message', (message: TlsToMain) => this.take(message));
      worker.on('error', (error) => this.parts.died(`TLS thread ${thread}`, error));
      this.workers.push(worker);
    }
  }

  private take(message: TlsToMain): void {
    if (message.kind === 'log') {
      this.parts.log.line(message.line);
    } else if (message.kind === 'client') {
      this.parts.offer(message.descriptor);
    } else {
      // Each thread answers once for each time it is asked.
      this.answered(message.kind === 'failed' ? message.reason : '');
    }
  }
}
