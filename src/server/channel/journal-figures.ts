/** What INFO tells of the journal: written by the main thread, read by all. */
import { declareValue } from '../../memory/control-layout.js';

/** 1 while a journal is written and whole. */
export const AOF_IS_ON = declareValue('journal.is-on');
/** Bytes of its base and its segments; and what they were when it was rewritten last. */
export const AOF_SIZE = declareValue('journal.size');
export const AOF_BASE_SIZE = declareValue('journal.base-size');
/** When the rewrite under way began; 0 when there is none. */
export const AOF_REWRITE_STARTED_MS = declareValue('journal.rewrite-started-ms');
export const AOF_REWRITE_SCHEDULED = declareValue('journal.rewrite-scheduled');
/** Seconds that the last rewrite took, and one more: 0 when there was none. */
export const AOF_LAST_REWRITE_SECONDS = declareValue('journal.last-rewrite-seconds');
export const AOF_LAST_REWRITE_FAILED = declareValue('journal.last-rewrite-failed');
export const AOF_REWRITES = declareValue('journal.rewrites');
/** In a row. */
export const AOF_REWRITE_FAILURES = declareValue('journal.rewrite-failures');
/** How often the disk was late with everysec (main-thread/persistence/journal/late-disk.ts). */
export const AOF_DELAYED_SYNCS = declareValue('journal.delayed-syncs');
export const AOF_SYNCS_UNDER_WAY = declareValue('journal.syncs-under-way');
export const AOF_LAST_WRITE_FAILED = declareValue('journal.last-write-failed');
