/** The wait for replicas before the process ends, while writes are held. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../base/log.js';
import type { ControlBlock } from '../../../memory/control.js';
import { SHUTDOWN_DEADLINE_MS, WAITING_FOR_REPLICAS } from '../../../replication/counters.js';
import { ProgressLog } from '../progress-log.js';
import type { RedisReplicas } from './redis-replicas.js';
import type { ServedReplicas } from './served-replicas.js';

const POLL_MS = 2;

/** Resolves when all replicas have all up to these LSNs, in time or not. */
export async function drain({
  log,
  control,
  replicas,
  redises,
  heads,
  timeoutMs,
  isCalledOff,
}: {
  readonly log: Log;
  readonly control: ControlBlock;
  readonly replicas: ServedReplicas;
  readonly redises: RedisReplicas;
  readonly heads: readonly number[];
  readonly timeoutMs: number;
  readonly isCalledOff: () => boolean;
}): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  const lagging = () => replicas.lagging(heads) + redises.lagging(heads);
  if (lagging() > 0) {
    control.set(SHUTDOWN_DEADLINE_MS, deadlineMs);
    log.notice(`${lagging()} replicas lag: waiting before shutting down`);
  }
  const progress = new ProgressLog(log, 'Waiting for replicas');
  const missingBytes = replicas.missingBytes(heads);
  // Redises are asked at once how far they are.
  const waiting = control.word(WAITING_FOR_REPLICAS);
  waiting.add(1);
  try {
    while (lagging() > 0 && Date.now() < deadlineMs && !isCalledOff()) {
      const doneBytes = missingBytes - replicas.missingBytes(heads);
      progress.note(Date.now(), doneBytes, missingBytes, doneBytes);
      await sleep(POLL_MS);
    }
  } finally {
    waiting.add(-1);
    control.set(SHUTDOWN_DEADLINE_MS, 0);
    progress.close();
  }
  if (lagging() > 0) log.warning(`${lagging()} replicas do not have the last writes`);
}
