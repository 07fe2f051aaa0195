/** What is counted of replication, over all threads. */
import {
  declareCounter,
  declareSignal,
  declareValue,
  declareWord,
} from '../memory/control-layout.js';

export const FULL_SYNCS = declareCounter('replication.full-syncs');
/** Full syncs that went on after their links were cut. */
export const FULL_SYNCS_RESUMED = declareCounter('replication.full-syncs-resumed');
export const PARTIAL_SYNCS = declareCounter('replication.partial-syncs');
export const PARTIAL_SYNCS_REFUSED = declareCounter('replication.partial-syncs-refused');
export const REPLICATION_INPUT_BYTES = declareCounter('replication.input-bytes');
export const REPLICATION_OUTPUT_BYTES = declareCounter('replication.output-bytes');
/** Effects of the primary that were applied here. */
export const REPLICATED_CHANGES = declareCounter('replication.changes', { lasting: true });
/** How many clients wait for replicas now (WAIT). */
export const WAITING_FOR_REPLICAS = declareWord('replication.waiting-clients');
/** The same, of each I/O thread. */
export const WAITING_OF_THREAD = declareCounter('replication.waiting-of-thread', { lasting: true });
/** Raised when somebody begins to wait for replicas: what rests on the way to them goes on. */
export const REPLICAS_AWAITED = declareSignal('replication.awaited');
/** On a replica: raised when a flow has applied something, for the one that waits for all parts of a cut. */
export const EFFECTS_APPLIED = declareSignal('replication.applied');
/** Until when the end of the process waits for replicas that lag; 0 when it does not wait. */
export const SHUTDOWN_DEADLINE_MS = declareValue('replication.shutdown-deadline-ms');
