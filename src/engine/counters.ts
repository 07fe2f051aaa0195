/** What is counted of commands, over all threads. */
import { declareCounter, declareSequence, declareWord } from '../memory/control-layout.js';

export const COMMANDS = declareCounter('engine.commands');
export const ERROR_REPLIES = declareCounter('engine.error-replies');
/** Ids of clients are one more than its numbers. */
export const CLIENT_IDS = declareSequence('engine.client-ids');
/** Clients whose command waits: for a key, for replicas, for the end of CLIENT PAUSE. */
export const BLOCKED_CLIENTS = declareWord('engine.blocked-clients');
/** Those of them that wait for a key, for a limited time. */
export const BLOCKED_WITH_TIMEOUT = declareWord('engine.blocked-with-timeout');
/** Keys that clients wait for. */
export const BLOCKING_KEYS = declareWord('engine.blocking-keys');
