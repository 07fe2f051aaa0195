/** Joins clients that track what they read to the mailboxes, the connections and the other threads. */
import type { Dispatcher } from '../../engine/dispatch.js';
import type { ClientSession } from '../../engine/session.js';
import { Caches } from '../../engine/tracking/caches.js';
import { TRACKED_PREFIXES, TRACKING_CLIENTS } from '../../engine/tracking/counters.js';
import { InvalidationSender } from '../../engine/tracking/sender.js';
import { Tracker } from '../../engine/tracking/tracker.js';
import { TrackedPrefixes } from '../../keyspace/tracked-prefixes.js';
import type { ControlBlock } from '../../memory/control.js';
import type { Mailbox } from '../../memory/mailbox.js';
import { SharedText } from '../../memory/shared-text.js';
import type { Frontend } from '../../net/frontend.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { IoThreadData } from '../channel/main-io.js';
import type { ThreadSettings } from './settings.js';
import type { ThreadClients } from './thread-clients.js';

export interface ThreadTrackingParts {
  readonly data: Pick<IoThreadData, 'thread' | 'threads' | 'prefixesBuffer'>;
  readonly control: ControlBlock;
  readonly settings: ThreadSettings;
  readonly dispatcher: Dispatcher;
  readonly frontend: Frontend<ClientSession>;
  readonly clients: ThreadClients;
  readonly gatherer: IoGatherer;
  readonly mailbox: Mailbox;
}

export function createTracker(parts: ThreadTrackingParts): Tracker {
  const { control, settings, dispatcher, frontend, clients, gatherer, mailbox } = parts;
  const { thread, threads, prefixesBuffer } = parts.data;
  const { keys } = dispatcher;
  const { sessions } = clients;
  const count = control.word(TRACKING_CLIENTS);
  keys.invalidations.prefixes = new TrackedPrefixes(new SharedText(prefixesBuffer), threads);
  keys.invalidations.currentClient = () => dispatcher.author;
  keys.invalidations.byScript = () => dispatcher.inScript;
  const caches = new Caches({
    ...{ thread, mailbox, sessions },
    push: (session, region, offset, length) => frontend.push(session, region, offset, length),
  });
  dispatcher.invalidations = new InvalidationSender({
    ...{ thread, mailbox, invalidations: keys.invalidations },
    ...{ clients: count, local: caches },
  });
  gatherer.answers('tracking-hold', (id) => hold(sessions.get(id), thread));
  const tracker = new Tracker({
    ...{ thread, threads, keys, caches, clients: count },
    prefixes: control.word(TRACKED_PREFIXES),
    hold: (id) => Math.max(...gatherer.gather('tracking-hold', id)),
    keysMax: () => settings.trackedKeysMax,
    registry: dispatcher.registry,
  });
  dispatcher.tracker = tracker;
  return tracker;
}

/** The client stays with its thread from now on. @returns the thread, -1 when it has no such client */
function hold(session: ClientSession | undefined, thread: number): number {
  if (session === undefined) return -1;
  session.isPinned = true;
  return thread;
}
