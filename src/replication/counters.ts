/** What is counted of replication, over all threads. */
import { declareCounter } from '../memory/control-layout.js';

export const FULL_SYNCS = declareCounter('replication.full-syncs');
export const PARTIAL_SYNCS = declareCounter('replication.partial-syncs');
export const PARTIAL_SYNCS_REFUSED = declareCounter('replication.partial-syncs-refused');
export const REPLICATION_INPUT_BYTES = declareCounter('replication.input-bytes');
export const REPLICATION_OUTPUT_BYTES = declareCounter('replication.output-bytes');
