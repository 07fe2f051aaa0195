/** What is counted of commands, over all threads. */
import { declareCounter, declareSequence, declareWord } from '../memory/control-layout.js';

export const COMMANDS = declareCounter('engine.commands');
export const ERROR_REPLIES = declareCounter('engine.error-replies');
/** What clients were denied for want of rights, and logins that failed. */
export const DENIED_LOGINS = declareCounter('engine.denied-logins');
export const DENIED_COMMANDS = declareCounter('engine.denied-commands');
export const DENIED_KEYS = declareCounter('engine.denied-keys');
export const DENIED_CHANNELS = declareCounter('engine.denied-channels');
/** Puts the entries of all threads' ACL logs in order. */
export const ACL_LOG_EVENTS = declareSequence('engine.acl-log-events');
/** Ids of clients are one more than its numbers. */
export const CLIENT_IDS = declareSequence('engine.client-ids');
/** Clients whose command waits: for a key, for replicas, for the end of CLIENT PAUSE. */
export const BLOCKED_CLIENTS = declareWord('engine.blocked-clients');
/** Those of them that wait for a key, for a limited time. */
export const BLOCKED_WITH_TIMEOUT = declareWord('engine.blocked-with-timeout');
/** Keys that clients wait for. */
export const BLOCKING_KEYS = declareWord('engine.blocking-keys');
