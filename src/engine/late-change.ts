/**
 * A change that a suspended command makes later, when what it has waited for is there: outside of
 * commands, with all that follows a command (who waits for keys, effects, events, caches of clients).
 */
import type { Dispatcher } from './dispatch.js';

export function runLateChange(dispatcher: Dispatcher, shard: number, work: () => void): void {
  const { keys, locks } = dispatcher;
  const { invalidations } = keys;
  dispatcher.withShard(shard, () => {
    invalidations.byClient = false;
    keys.beginCommand(true);
    keys.effects.beginTransaction();
    try {
      work();
      if (keys.changes !== 0) keys.settle();
      if (keys.ready.count > 0) dispatcher.serveReady();
      keys.effects.endTransaction();
    } finally {
      invalidations.byClient = true;
      locks.releaseBorrowed();
    }
  });
  if (invalidations.isPending) dispatcher.invalidations?.flush();
  if (dispatcher.notifications.isPending) dispatcher.notifications.flush();
}
