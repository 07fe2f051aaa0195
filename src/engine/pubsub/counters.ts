/** What all threads know of subscriptions without a lock. */
import { declareWord } from '../../memory/control-layout.js';

/** Names that have subscribers, by the kind of name. */
export const CHANNELS = declareWord('pubsub.channels');
export const PATTERNS = declareWord('pubsub.patterns');
export const SHARD_CHANNELS = declareWord('pubsub.shard-channels');
/** 1 while some client uses MONITOR. */
export const MONITORED = declareWord('pubsub.monitored');
/** Grows with every change of a pattern's subscribers, so that threads can keep copies of the list. */
export const PATTERNS_VERSION = declareWord('pubsub.patterns-version');
/** Classes of keyspace events that are told, as eventMask gives them, for threads without settings. */
export const EVENT_CLASSES = declareWord('pubsub.event-classes');
/** Pages of the directory of names in use. */
export const DIRECTORY_PAGES = declareWord('pubsub.directory-pages');
