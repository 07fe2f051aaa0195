/** Figures of the process that its threads share, and that belong to no layer below. */
import {
  declareCounter,
  declareSequence,
  declareValue,
  declareWord,
} from '../../memory/control-layout.js';

/** Resident bytes of the process when it was ready and held no data. */
export const STARTUP_BYTES = declareValue('server.startup-bytes');
/** Rates over the last 1.6 seconds, written by the main thread. */
export const COMMANDS_PER_SECOND = declareValue('server.commands-per-second');
export const INPUT_KIB_PER_SECOND = declareValue('server.input-kib-per-second');
export const OUTPUT_KIB_PER_SECOND = declareValue('server.output-kib-per-second');
export const REPLICATION_INPUT_KIB_PER_SECOND = declareValue(
  'server.replication-input-kib-per-second',
);
export const REPLICATION_OUTPUT_KIB_PER_SECOND = declareValue(
  'server.replication-output-kib-per-second',
);
/** 1 while a dataset is being loaded: clients may not see it. */
export const LOADING = declareWord('server.loading');
/** 1 when the last save has failed. */
export const SAVE_FAILED = declareWord('server.save-failed');
export const SLOW_LOG_IDS = declareSequence('server.slow-log-ids');
/**
 * A shutdown waits for replicas: WAITS, and may be called off. CALLED_OFF: somebody has done that.
 */
export const SHUTDOWN = declareWord('server.shutdown');
export const SHUTDOWN_WAITS = 1;
export const SHUTDOWN_CALLED_OFF = 2;
/** States of OomScore, and the score that the process had before (oom-score.ts). */
export const OOM_SCORE = declareWord('server.oom-score');
export const OOM_SCORE_BEFORE = declareValue('server.oom-score-before');
/** By I/O thread: its number in the system, 0 where that is not known. Counted once, at its start. */
export const THREAD_ID = declareCounter('server.thread-id', { lasting: true });
