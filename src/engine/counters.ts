/** What is counted of commands, over all threads. */
import { declareCounter, declareSequence } from '../memory/control-layout.js';

export const COMMANDS = declareCounter('engine.commands');
export const ERROR_REPLIES = declareCounter('engine.error-replies');
/** Ids of clients are one more than its numbers. */
export const CLIENT_IDS = declareSequence('engine.client-ids');
