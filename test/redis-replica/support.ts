/** For tests in which a redis-server follows a Darter. */
import { number, until } from '../replication/support.js';
import { type Server, type ServerOptions, startRedis } from '../support/server.js';

export function startRedisReplica({ args = [], ...more }: ServerOptions = {}): Promise<Server> {
  const own = ['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'];
  return startRedis({ ...more, args: [...own, ...args] });
}

export async function syncs(primary: Server): Promise<number> {
  return (await number(primary, 'sync_full')) + (await number(primary, 'sync_partial_ok'));
}

/** Waits until the primary, whose replicas are all Redises, and the others are at one place in its stream. */
export async function atOneOffset(primary: Server, ...replicas: Server[]): Promise<void> {
  await until('one offset', async () => {
    const wanted = await primary.info('master_repl_offset');
    const reached = await Promise.all(replicas.map((server) => server.info('slave_repl_offset')));
    return reached.every((offset) => offset === wanted) || `${reached} of ${wanted}`;
  });
}
