/** What is told of replicas of either kind. */
import { SUM_BYTES, type SyncSession } from '../../../replication/primary/sync-session.js';
import type { ReplicaStatus, RequestingClient } from '../../channel/replication.js';

interface KnownReplica {
  readonly id: string;
  readonly client: RequestingClient;
  readonly session: SyncSession;
}

export function statusOf(replicas: Iterable<KnownReplica>, isRedis: boolean): ReplicaStatus[] {
  return [...replicas].map(({ id, client, session }) => ({
    id,
    clientId: client.clientId,
    host: client.host,
    port: client.listeningPort,
    session: session.buffer,
    isRedis,
  }));
}

/** Sent to those there are, since their syncs began. */
export function sentBytes(replicas: Iterable<KnownReplica>): number {
  let sum = 0;
  for (const { session } of replicas) sum += session.sums[SUM_BYTES]!;
  return sum;
}
