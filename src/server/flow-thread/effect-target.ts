/** What a flow thread runs effects through. In a file of its own, as it brings all commands along. */
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Dispatcher } from '../../engine/dispatch.js';
import { Registry } from '../../engine/registry.js';
import { Serving, type ServingParts } from '../../engine/serving.js';
import { ClientSession } from '../../engine/session.js';
import { uncountedStatistics } from '../../engine/statistics.js';
import { InvalidationSender } from '../../engine/tracking/sender.js';
import type { Shards } from '../../keyspace/shards.js';
import type { TrackedPrefixes } from '../../keyspace/tracked-prefixes.js';
import type { SharedWord } from '../../memory/control.js';
import { createRegion } from '../../platform/ffi/region.js';
import { Reply } from '../../protocol/reply.js';
import { EffectApplier } from './effect-applier.js';

export interface TargetParts extends ServingParts {
  /** TRACKING_CLIENTS */
  readonly trackingClients: SharedWord;
  readonly prefixes: TrackedPrefixes;
}

/**
 * @param shards this thread's view of them
 * @param parts for clients that wait for what an effect brings, or have what it changes in a cache
 */
export function createEffectTarget(shards: Shards, parts: TargetParts): EffectApplier {
  const registry = new Registry(definitionsOf(commandModules));
  const session = new ClientSession(0, -1, '', '', 0, () => true);
  const dispatcher = new Dispatcher(
    registry,
    shards,
    new Reply(createRegion(4096)),
    uncountedStatistics(registry.all.length),
    { failed: () => {}, waiting: () => {}, resumed: () => {}, attacked: () => {} },
    session,
  );
  tellClients(dispatcher, parts);
  return new EffectApplier(dispatcher, session);
}

/** What is applied reaches clients of this server that wait for keys, or have cached some. */
export function tellClients(dispatcher: Dispatcher, parts: TargetParts): void {
  dispatcher.serving = new Serving(dispatcher, parts);
  const { invalidations } = dispatcher.keys;
  invalidations.prefixes = parts.prefixes;
  dispatcher.invalidations = new InvalidationSender({
    ...{ thread: -1, invalidations, local: null },
    mailbox: parts.mailbox,
    clients: parts.trackingClients,
  });
}
